// Everything of one run: the store, the upstreams, the node and the clients, and the verdict over their records.
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Process, slowness } from '../integration/support/processes.mjs';
import { check, summary } from './checker.mjs';
import { Client } from './client.mjs';
import { commitsFile, Node } from './node.mjs';
import { append, readRecord, writeRun } from './record.mjs';
import { Redis } from './redis.mjs';
import { Relay } from './relay.mjs';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));

export const storeName = process.env.HOLDFAST_TEST_STORE ?? 'redis';
export const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e6));

/// A recording upstream over HTTP: a Process with a `url`.
export async function startUpstream(recordFile, host = '127.0.0.1') {
  const upstream = new Process(process.execPath, [here('upstream.mjs'), recordFile, host]);
  upstream.url = (await upstream.says(/recording upstream on (\S+)/))[1];
  return upstream;
}

/// What every run has, whatever its nodes are: a folder, a store, upstreams and clients, and the verdict over their
/// records. Who extends it has `nodes`, ends them in `ended()` and adds its own `records()`.
export class Scene {
  clients = [];
  visitors = [];  // clients that have not stayed
  says = false;

  /// Puts up all but nodes and clients.
  async lay(t, name, host) {
    this.folder = mkdtempSync(path.join(os.tmpdir(), `holdfast-${name}-`));
    t.after(() => this.strike());
    this.recordFile = path.join(this.folder, 'record');
    this.callsFile = path.join(this.folder, 'calls');
    this.upstream = await startUpstream(this.recordFile, host);
  }

  async startRedis(...at) {
    this.redis = new Redis(this.folder, ...at);
    await this.redis.start();
  }

  /// The configuration of a node over this store.
  configure(storeUrl) {
    this.config = {
      // On a machine that is too busy an upstream may take long to tell its tools, which are unknown until then.
      catalogue: { first_list_wait: '30s' },
      store: storeUrl, log: { format: 'json', level: 'info' }, sessions: { retry: '100ms' },
      upstreams: {
        http: { url: this.upstream.url, retry_hints: ['readOnlyHint'] },
        local: { command: process.execPath, args: [here('upstream-stdio.mjs'), this.recordFile, 'local_'], retry_hints: ['readOnlyHint'] },
      },
    };
  }

  async enter(sessions, port, clientOptions = {}) {
    for (let i = 0; i < sessions; ++i) {
      const options = { sampling: i % 3 === 2, numericIds: i % 2 === 1, ...clientOptions };
      this.clients.push(await this.client(`s${i}`, port, options).open());
    }
  }

  /// A client whose calls go to a file as they end.
  client(name, port, options) {
    return new Client(name, `http://127.0.0.1:${port}/mcp`, { archive: (call) => append(this.callsFile, call), ...options });
  }

  /// What all clients have recorded, with those calls.
  recorded() {
    const all = new Map([...this.clients, ...this.visitors].map(({ name, record }) => [name, { ...record, calls: [...record.calls] }]));
    for (const call of readRecord(this.callsFile)) all.get(call.session).calls.push(call);
    for (const { calls } of all.values()) calls.sort((a, b) => a.started - b.started);
    return [...all.values()];
  }

  /// Gives every session something to hear on its own stream: a new tool. Who did is recorded.
  async announce() {
    const changes = (client) => client.own.events.filter(({ message }) => message?.method === 'notifications/tools/list_changed').length;
    const before = this.clients.map(changes);
    const heard = (client) => changes(client) > before[this.clients.indexOf(client)];
    this.upstream.signal('SIGUSR2');
    for (const end = Date.now() + 5000 * slowness; Date.now() < end && !this.clients.every(heard);) await sleep(20);
    for (const client of this.clients) client.record.hears = heard(client);
  }

  /// After the load has stopped: what was recorded, for the checker.
  async finish() {
    for (const client of this.clients) client.record.alive = await client.ping();
    await sleep(200);  // for what must not come
    for (const client of this.clients) await client.close();
    await this.ended();
    return {
      clients: this.recorded(), executions: readRecord(this.recordFile), commits: readRecord(commitsFile(this.folder)),
      config: { retriesReadOnly: this.config.upstreams.http.retry_hints !== undefined, says: this.says }, ...this.records(),
    };
  }

  /// Fails with what is wrong; everything stays to be looked at then.
  async approve(t) {
    const run = await this.finish();
    t.diagnostic(summary(run));
    const violations = check(run);
    if (!violations.length) return;
    this.kept = true;
    writeRun(path.join(this.folder, 'run'), run);
    for (const node of [...this.nodes, ...(this.former ?? [])]) appendFileSync(path.join(this.folder, `${node.name}.log`), node.output);
    assert.fail(`seed ${seed}, ${violations.length} violations, records in ${this.folder}\n${listed(violations)}`);
  }

  async strike() {
    for (const client of this.clients) client.closed = true;
    for (const client of this.clients) await client.close();
    for (const node of this.nodes) await node.abandon();
    await this.upstream?.kill();
    this.redis?.thaw();
    await this.redis?.crash();
    if (!this.kept) rmSync(this.folder, { recursive: true, force: true });
  }
}

/// One node. `store` is redis, sqlite or memory. `hooks` are variables for every start of the node. With `fronted` the
/// clients reach the node through a relay, `front`; with `lossy` the node reaches Redis through one, `lossy`.
export class Stage extends Scene {
  static async set(t, { store = storeName, sessions = 12, says = false, hooks = {}, fronted, lossy, clientOptions = {} } = {}) {
    const stage = new Stage();
    stage.says = says;
    await stage.lay(t, 'crash');
    let storeUrl = { sqlite: `sqlite:${path.join(stage.folder, 'store.db')}`, memory: 'memory:' }[store];
    if (store === 'redis') {
      await stage.startRedis();
      const socket = lossy ? `${stage.redis.socket}.lossy` : stage.redis.socket;
      if (lossy) stage.lossy = await Relay.open(t, socket, stage.redis.socket);
      storeUrl = `unix:${socket}`;
    }
    stage.configure(storeUrl);
    stage.node = await Node.create(stage.folder, stage.config, hooks);
    await stage.node.start();
    if (fronted) stage.front = await Relay.open(t, 0, stage.node.port);
    await stage.enter(sessions, (stage.front ?? stage.node).port, clientOptions);
    return stage;
  }

  get nodes() { return this.node ? [this.node] : []; }
  ended() { return this.node.stop(); }
  records() { return { crashes: this.node.crashes }; }

  /// kill -9 and a new start.
  async crash(why) {
    await this.node.crash(why);
    await this.node.start();
  }

  /// The node is started so that it kills itself at the n-th passage of a point, then for the next one, and so on.
  async crashAt(aims) {
    await this.node.crash('to aim');
    for (const [point, n] of aims) {
      await this.node.start({ HOLDFAST_TEST_CRASH_AT: `${point}:${n}` });
      const died = await this.node.crashesItself(`${point}:${n}`, 10_000 * slowness);
      assert.ok(died, `the node never passed ${point} for the ${n}th time`);
    }
    await this.node.start();
  }
}

/// The first few of each rule.
export function listed(violations) {
  const rules = new Map();
  for (const { rule, what } of violations) rules.set(rule, [...(rules.get(rule) ?? []), what]);
  return [...rules].map(([rule, all]) => `- ${rule} (${all.length}):\n${all.slice(0, 5).map((w) => `    ${w}`).join('\n')}`).join('\n');
}
