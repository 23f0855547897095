// A Redis of our own on a unix socket: every acknowledged write is in its append-only file.
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Process } from '../integration/support/processes.mjs';

export class Redis {
  constructor(folder) {
    this.folder = folder;
    this.socket = path.join(folder, 'redis.sock');
  }

  async start() {
    this.process = new Process('redis-server', [
      '--port', '0', '--unixsocket', this.socket, '--dir', this.folder, '--save', '', '--appendonly', 'yes',
      '--appendfsync', 'always', '--maxmemory-policy', 'noeviction', '--daemonize', 'no',
    ]);
    await this.process.says(/ready to accept connections/i, 20_000);
  }

  /// One command of plain words; the first line of its reply.
  command(...words) {
    return new Promise((done, fail) => {
      const socket = net.connect(this.socket, () => socket.write(`${words.join(' ')}\r\n`));
      socket.setTimeout(10_000, () => socket.destroy(new Error('no reply from Redis')));
      socket.once('data', (reply) => { done(reply.toString().split('\r\n')[0]); socket.destroy(); });
      socket.on('error', fail);
    });
  }

  /// Does something again and again until the returned function is called.
  repeat(everyMs, ...words) {
    let over = false;
    const run = (async () => {
      for (; !over; await sleep(everyMs)) await this.command(...words).catch(() => {});
    })();
    return () => { over = true; return run; };
  }

  async crash() { await this.process.kill(); }

  freeze() { this.process.signal('SIGSTOP'); }
  thaw() { this.process.signal('SIGCONT'); }
}
