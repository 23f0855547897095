// Which process is at the other end of a connection on this machine.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/// The inode of the socket that is bound to this port of the loopback interface and connected.
function inodeOf(port) {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const fields = readFileSync('/proc/net/tcp', 'utf8').split('\n').map((line) => line.trim().split(/\s+/)).find((f) => f[1] === local && f[3] === '01');
  return fields?.[9];
}

/// True if the far end of this connection belongs to the process.
export function comesFrom(socket, pid) {
  try {
    const inode = inodeOf(socket.remotePort);
    return inode !== undefined && readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(pid, fd) === `socket:[${inode}]`);
  } catch {
    return false;  // it has ended
  }
}

function linkOf(pid, fd) {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return undefined;  // closed meanwhile
  }
}
