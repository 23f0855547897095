// A Redis of our own: every acknowledged write is in its append-only file.
import { mkdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Process, run, waitFor } from '../integration/support/processes.mjs';

export class Redis {
  /// On a unix socket; with a `port` there, too.
  constructor(folder, port = 0, host = '127.0.0.1') {
    this.folder = folder;
    this.port = port;
    this.host = host;
    this.socket = path.join(folder, 'redis.sock');
    mkdirSync(folder, { recursive: true });
  }

  /// `more` are further arguments of this start.
  async start(...more) {
    this.process = new Process('redis-server', [
      '--port', String(this.port), '--bind', this.host, '--protected-mode', 'no', '--unixsocket', this.socket, '--dir', this.folder,
      '--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction', '--repl-diskless-sync-delay', '0', '--daemonize', 'no', ...more,
    ]);
    await this.process.says(/ready to accept connections/i, 20_000);
  }

  /// One command of plain words; the first part of its reply, which is all of it but for arrays.
  async reply(...words) {
    return new Promise((done, fail) => {
      const socket = net.connect(this.socket, () => socket.write(`${words.join(' ')}\r\n`));
      socket.setTimeout(10_000, () => socket.destroy(new Error('no reply from Redis')));
      socket.once('data', (reply) => { done(reply.toString()); socket.destroy(); });
      socket.on('error', fail);
      // Sentinels have whoever they promote drop its clients.
      socket.on('close', () => fail(new Error('Redis has gone')));
    });
  }

  /// The first line of it.
  async command(...words) { return (await this.reply(...words)).split('\r\n')[0]; }

  /// Until `INFO replication` says this.
  async says(pattern, ms = 20_000) {
    return waitFor(`Redis to say ${pattern}`, async () => pattern.test(await this.reply('INFO', 'replication').catch(() => '')), ms);
  }

  /// The values of keys, missing ones null. They hold no line ends.
  values(keys) {
    const words = ['MGET', ...keys].map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    return new Promise((done, fail) => {
      const socket = net.connect(this.socket, () => socket.write(`*${words.length}\r\n${words.join('')}`));
      let reply = '';
      socket.setEncoding('utf8');
      socket.setTimeout(10_000, () => socket.destroy(new Error('no reply from Redis')));
      socket.on('data', (text) => {
        reply += text;
        if (reply.startsWith('-')) return socket.destroy(new Error(reply));
        const values = valuesIn(reply, keys.length);
        if (!values) return undefined;
        done(values);
        return socket.destroy();
      });
      socket.on('error', fail);
      socket.on('close', () => fail(new Error('Redis has gone')));
    });
  }

  /// The names of all keys.
  async keys() { return (await run('redis-cli', ['-s', this.socket, '--scan'])).stdout.split('\n').filter(Boolean); }

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

/// Of a whole reply to MGET, or nothing.
function valuesIn(reply, count) {
  const lines = reply.split('\r\n');
  lines.pop();
  const values = [];
  for (let i = 1; i < lines.length && values.length < count; ++i) {
    if (lines[i] === '$-1') values.push(null);
    else if (i + 1 < lines.length) values.push(lines[++i]);
  }
  return values.length === count ? values : undefined;
}
