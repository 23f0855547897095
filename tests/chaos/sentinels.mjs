// A Redis with a replica and three sentinels, that can lose its master again and again.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from '../crash/redis.mjs';
import { freePort, Process, run, waitFor } from '../integration/support/processes.mjs';

const name = 'main';
const is = (role) => new RegExp(`role:${role}`);

/// Stands where a single Redis does: `command` goes to the master, `values` are read where nothing is that a failover
/// could lose.
export class Sentinels {
  sentinels = [];

  constructor(folder) { this.folder = folder; }

  async start() {
    for (const part of ['first', 'second']) {
      const redis = new Redis(path.join(this.folder, part), await freePort());
      await redis.start(...(this.master ? ['--replicaof', '127.0.0.1', String(this.master.port)] : []));
      if (this.master) this.replica = redis;
      else this.master = redis;
    }
    for (let i = 0; i < 3; ++i) this.sentinels.push(await this.sentinel(i));
    for (const period of ['INFO-PERIOD', 'PING-PERIOD', 'PUBLISH-PERIOD']) await this.tell('SENTINEL', 'DEBUG', period, '200');
    await this.allKnow();
    // What they hear of a failover, they must hear before they take the promoted replica for one that went astray.
    await this.tell('SENTINEL', 'DEBUG', 'PUBLISH-PERIOD', '1000');
    await this.inStep();
  }

  async sentinel(i) {
    const folder = path.join(this.folder, `sentinel-${i}`);
    mkdirSync(folder, { recursive: true });
    const port = await freePort();
    const file = path.join(folder, 'sentinel.conf');
    writeFileSync(file, [
      `port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, `sentinel monitor ${name} 127.0.0.1 ${this.master.port} 2`,
      `sentinel down-after-milliseconds ${name} 500`, `sentinel failover-timeout ${name} 2000`, '',
    ].join('\n'));
    const process = new Process('redis-server', [file, '--sentinel']);
    await process.says(/monitor master/i, 20_000);
    return { port, process };
  }

  async ask(port, ...words) { return (await run('redis-cli', ['-p', String(port), ...words])).stdout; }
  async tell(...words) { for (const { port } of this.sentinels) await this.ask(port, ...words); }

  get url() { return `redis+sentinel://${this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${name}`; }
  get socket() { return this.master.socket; }

  command(...words) { return this.master.command(...words); }
  keys() { return this.master.keys(); }
  values(keys) { return this.replica.values(keys); }

  /// Until every sentinel knows the others, and who is what. One that does not would do nothing about the next loss.
  async allKnow() {
    for (const { port } of this.sentinels) {
      await waitFor('a sentinel to know everybody', async () => {
        const master = fieldsOf(await this.ask(port, 'SENTINEL', 'MASTER', name));
        const replica = fieldsOf(await this.ask(port, 'SENTINEL', 'REPLICAS', name));
        return master.port === String(this.master.port) && master.flags === 'master' && master['num-other-sentinels'] === '2'
          && replica.port === String(this.replica.port) && replica.flags === 'slave' && replica['master-link-status'] === 'ok';
      }, 20_000);
    }
  }

  /// Until the replica has all that the master has, and the sentinels know it.
  async inStep() {
    await this.master.says(/state=online/);
    await this.replica.says(/master_link_status:up/);
    await waitFor('the replica to have everything', async () => await this.master.command('WAIT', '1', '1000') === ':1', 20_000);
    await this.allKnow();
  }

  exchanged() {
    const { master, replica } = this;
    Object.assign(this, { master: replica, replica: master });
  }

  /// The master is killed, the replica takes its place; after so many milliseconds more the other one is its replica.
  async failOver(ms) {
    // On a machine that is too busy the sentinels may have done it by themselves.
    if (!is('master').test(await this.master.reply('INFO', 'replication'))) this.exchanged();
    await this.inStep();
    await this.master.crash();
    await this.replica.says(is('master'), 30_000);
    await sleep(ms);
    await this.master.start('--replicaof', '127.0.0.1', String(this.replica.port));
    this.exchanged();
    // Until both have the same, what the survivor has is read.
    const values = this.values;
    this.values = (keys) => this.master.values(keys);
    try {
      await this.inStep();
    } finally {
      this.values = values;
    }
  }

  freeze() { this.master.freeze(); }
  thaw() { for (const redis of [this.master, this.replica]) redis?.process?.signal('SIGCONT'); }

  async crash() {
    for (const { process } of this.sentinels) await process.kill();
    for (const redis of [this.master, this.replica]) await redis?.process?.kill();
  }
}

/// What redis-cli says of a map: names and values line by line.
function fieldsOf(said) {
  const lines = said.split('\n');
  return Object.fromEntries(lines.flatMap((line, i) => (i % 2 ? [] : [[line, lines[i + 1]]])));
}
