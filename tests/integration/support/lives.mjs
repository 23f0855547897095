// A node that has several lives on one port and one store, and what stands in that store.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, Process, program, quietAdmin, run, sanitizerReport, waitFor } from './processes.mjs';
import { storeKind } from './stores.mjs';
import { readRecord } from '../../crash/record.mjs';

let stores = 0;
const readyLine = /^holdfastd ready mcp=\S+ admin=(\S+)$/m;

/// A store of its own for a test, which outlives nodes: `url` for their configuration, and what is in it.
export class Store {
  constructor(t) {
    this.folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-store-'));
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
    this.prefix = `lives-${process.pid}-${++stores}`;
    this.file = path.join(this.folder, 'holdfast.db');
  }

  /// For a configuration. `more` are further members of `store`.
  config(more = {}) {
    const where = storeKind === 'redis' ? { url: process.env.HOLDFAST_TEST_REDIS, prefix: this.prefix } : { url: `sqlite:${this.file}` };
    return { ...where, ...more };
  }

  async redis(...words) {
    const socket = process.env.HOLDFAST_TEST_REDIS.replace(/^unix:/, '');
    const { code, stdout, stderr } = await run('redis-cli', ['-s', socket, ...words]);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  }

  async sql(query) {
    const { code, stdout, stderr } = await run('sqlite3', ['-readonly', this.file, query]);
    assert.equal(code, 0, stderr);
    return stdout.trim();
  }

  /// The names of everything that belongs to sessions: keys, or tables with their number of rows. What tells of the whole store
  /// and of who owns what stays.
  async contents() {
    if (storeKind === 'redis') {
      const keys = (await this.redis('--scan', '--pattern', `${this.prefix}:*`)).split('\n').filter(Boolean);
      return keys.filter((key) => !/:(owner|view|format|record:.*)$/.test(key)).sort();
    }
    const tables = ['entity', 'part', 'journal', 'event'];
    const counts = await this.sql(tables.map((table) => `select count(*) from ${table};`).join(' '));
    return counts.split('\n').map((count, i) => `${tables[i]} ${count}`).filter((line) => !line.endsWith(' 0'));
  }
}

export class Node {
  output = '';

  /// Starts the first life. `config` is one of holdfastd's but for addresses; `env` are variables for every life.
  static async start(t, config, { env = {}, args = [] } = {}) {
    const node = new Node();
    const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-node-'));
    node.file = path.join(folder, 'node.yaml');
    node.env = { XDG_STATE_HOME: folder, ...env };
    node.token = config.admin?.token;
    t.after(async () => {
      try {
        await node.stop();
      } finally {
        await node.process?.kill();
        rmSync(folder, { recursive: true, force: true });
      }
    });
    node.port = await freePort();
    node.mcp = `http://127.0.0.1:${node.port}/mcp`;
    node.ready = `http://127.0.0.1:${node.port}/readyz`;
    // JSON is YAML.
    writeFileSync(node.file, JSON.stringify({
      listen: `127.0.0.1:${node.port}`, admin: quietAdmin, log: { format: 'json' }, ...config,
    }, null, 1));
    await node.start({ args });
    return node;
  }

  /// For the next life: `change` makes another configuration of the one of now.
  reconfigure(change) {
    writeFileSync(this.file, JSON.stringify(change(JSON.parse(readFileSync(this.file, 'utf8'))), null, 1));
  }

  async start({ env = {}, args = [] } = {}) {
    this.process = new Process(program('holdfastd'), ['--config', this.file, ...args], { env: { ...process.env, ...this.env, ...env } });
    this.killed = false;
    this.admin = (await this.process.says(readyLine, 20_000))[1];
    this.lives = 1;
  }

  /// Waits until the process has started anew.
  async startedAnew() {
    const lines = () => [...this.process.stdout.matchAll(new RegExp(readyLine, 'gm'))];
    await waitFor(`${this.file} to be ready again`, () => lines().length > this.lives, 20_000);
    this.admin = lines().at(-1)[1];
    ++this.lives;
  }

  /// kill -9.
  async kill() {
    assert.equal(this.process.exit, undefined, `the node ended by itself:\n${this.process.stderr.slice(-4000)}`);
    this.killed = true;
    await this.process.kill();
    this.keepOutput();
  }

  /// kill -9, and the next life.
  async crash() {
    await this.kill();
    await this.start();
  }

  /// Waits for it to kill itself, at a point that it was started with (HOLDFAST_TEST_CRASH_AT).
  async crashed() {
    this.killed = true;
    const how = await this.process.ends();
    this.keepOutput();
    assert.equal(how.signal, 'SIGKILL', this.process.stderr.slice(-4000));
  }

  /// SIGTERM; it must end cleanly.
  async stop() {
    if (!this.process || this.killed) return;
    this.process.signal('SIGTERM');
    const how = await this.process.ends(30_000);
    this.keepOutput();
    assert.deepEqual(how, { code: 0, signal: null }, `the node did not end cleanly:\n${this.process.stderr.slice(-4000)}`);
  }

  keepOutput() {
    this.output += this.process.stderr;
    assert.ok(!sanitizerReport.test(this.process.stderr), `a sanitizer reported:\n${this.process.stderr.slice(0, 8000)}`);
  }

  /// The lines of the log that name this event, of all lives.
  logged(event) {
    const all = this.process.exit ? this.output : this.output + this.process.stderr;
    return all.split('\n').filter((line) => line.includes(`"${event}"`));
  }

  async health() {
    const base = this.admin.startsWith('http') ? this.admin : `http://${this.admin}`;
    return (await fetch(`${base}/mcp/health`, this.token ? { headers: { authorization: `Bearer ${this.token}` } } : {})).json();
  }

  sessions(n) {
    return waitFor(`${n} sessions in the process`, async () => (await this.health()).sessions === n);
  }
}

/// An upstream whose calls survive their connections, and which records them.
export async function startRecording(t) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-record-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'record');
  const upstream = new Process(process.execPath, [fileURLToPath(new URL('../../crash/upstream.mjs', import.meta.url)), file]);
  t.after(() => upstream.kill());
  upstream.url = (await upstream.says(/recording upstream on (\S+)/))[1];
  upstream.records = () => readRecord(file);
  upstream.record = (what, key) => upstream.records().filter((entry) => entry.what === what && entry.key === key);
  upstream.cancelled = () => upstream.records().filter((entry) => entry.what === 'cancelled');
  /// One more tool, of which it tells its `tell` oldest sessions only.
  upstream.grow = async (tell) => assert.equal((await fetch(new URL(`/grow?tell=${tell}`, upstream.url), { method: 'POST' })).status, 200);
  upstream.has = (what, key) => waitFor(`${what} ${key}`, () => upstream.record(what, key)[0]);
  return upstream;
}

/// Whether holdfastd was built with the hooks that tests aim with.
export const hasHooks = () => readFileSync(program('holdfastd')).includes('HOLDFAST_TEST_CRASH_AT');
