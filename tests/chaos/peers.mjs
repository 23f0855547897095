// Which process is at the other end of a connection on this machine.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const established = '01';
/// For so long connections gather, so that one look is enough for all of them: it takes milliseconds.
const gatherMs = 20;

function linkOf(pid, fd) {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return undefined;  // closed meanwhile
  }
}

function socketsOf(pid) {
  try {
    return new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(pid, fd)));
  } catch {
    return new Set();  // it has ended
  }
}

/// Says of a connection whether its far end belongs to the process, or is closed already.
export function membersOf(pid) {
  const sockets = socketsOf(pid);
  const owns = new Map();
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[3] === established) owns.set(Number.parseInt(fields[1].split(':')[1], 16), sockets.has(`socket:[${fields[9]}]`));
  }
  return (near) => owns.get(near.remotePort) ?? true;
}

const looks = new Map();

/// The same of a new connection, a little later.
export async function comesFrom(near, pid) {
  if (!looks.has(pid)) {
    looks.set(pid, sleep(gatherMs).then(() => {
      looks.delete(pid);
      return membersOf(pid);
    }));
  }
  return (await looks.get(pid))(near);
}
