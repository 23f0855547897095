// Starts the programs under test, and sees to it that they end as they should.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { keepsOfNode } from './stores.mjs';

const here = fileURLToPath(new URL('..', import.meta.url));

/// With HOLDFAST_DIRECT=1 there is no gateway: `startNode` starts the first upstream itself and tests talk to it. A test
/// that fails then is wrong itself. Tests of what only a gateway does are skipped: pass `gatewayOnly` as their options.
export const direct = process.env.HOLDFAST_DIRECT === '1';
export const gatewayOnly = direct ? { skip: 'needs the gateway' } : {};

/// A sanitized build is slower and holds on to freed memory.
export const slowness = process.env.HOLDFAST_SANITIZED === '1' ? 4 : 1;

export const program = (name) => path.join(process.env.HOLDFAST_BIN ?? '.', name);
export const modules = path.join(here, 'node_modules');

export const sanitizerReport = /(AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:)/;

export async function waitFor(what, condition, ms = 5000) {
  const end = Date.now() + ms * slowness;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) assert.fail(`waited ${ms * slowness} ms for ${what}`);
    await sleep(20);
  }
}

const living = new Set();
process.on('exit', () => { for (const child of living) child.kill('SIGKILL'); });

/// Runs checks of what is so again and again until all hold. What fails then is what failed last.
export async function soon(checks, ms = 10_000) {
  for (const end = Date.now() + ms * slowness; ; await sleep(50)) {
    try {
      return await checks();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

/// A child process whose output is collected.
export class Process {
  constructor(command, args, options = {}) {
    this.name = path.basename(args.find((a) => a.endsWith('.mjs') || a.endsWith('.js')) ?? command);
    this.stdout = '';
    this.stderr = '';
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    this.child.stdout.on('data', (bytes) => { this.stdout += bytes; });
    this.child.stderr.on('data', (bytes) => { this.stderr += bytes; });
    living.add(this.child);
    this.exited = new Promise((done) => {
      this.child.on('error', (error) => done({ code: null, signal: null, error }));
      this.child.on('close', (code, signal) => done({ code, signal }));
      // `close` waits for the output, which a stray grandchild may hold open.
      this.child.on('exit', (code, signal) => setTimeout(done, 500, { code, signal }).unref());
    }).then((how) => {
      living.delete(this.child);
      return (this.exit = how);
    });
  }

  get pid() { return this.child.pid; }

  /// Waits until the output matches; fails with the output if the process ends before.
  async says(pattern, ms = 15_000) {
    let match;
    await waitFor(`${this.name} to say ${pattern}`, () => {
      match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (!match && this.exit) assert.fail(`${this.name} ended (${JSON.stringify(this.exit)})\n${this.stdout}\n${this.stderr}`);
      return match;
    }, ms);
    return match;
  }

  signal(name) { this.child.kill(name); }

  /// True while it is stopped by a signal, with all of its threads.
  stands() {
    try {
      const threads = readdirSync(`/proc/${this.pid}/task`);
      return threads.every((id) => /^State:\s+T/m.test(readFileSync(`/proc/${this.pid}/task/${id}/status`, 'utf8')));
    } catch {
      return false;  // it has ended
    }
  }

  /// Stops it, and waits until none of its threads runs.
  async freeze() {
    this.signal('SIGSTOP');
    await waitFor(`${this.name} to stand still`, () => this.stands());
  }

  /// Waits for the end; fails if it takes longer.
  async ends(ms = 15_000) {
    let timer;
    const late = new Promise((done) => { timer = setTimeout(done, ms * slowness, null); });
    const how = await Promise.race([this.exited, late]);
    clearTimeout(timer);
    if (how) return how;
    this.signal('SIGKILL');
    return assert.fail(`${this.name} did not end within ${ms * slowness} ms\n${this.stderr.slice(-4000)}`);
  }

  async kill() {
    this.signal('SIGKILL');
    await this.exited;
  }

  memory(field) {
    const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    return Number(line[1]) * 1024;
  }
}

/// Stands in for a test's context `t` where something is started for a whole file: everything is cleaned up after its
/// last test, in the reverse order, whatever fails. `passed`: all tests so far.
export function fileContext() {
  const cleanups = [];
  const context = { passed: true, after: (cleanup) => cleanups.push(cleanup) };
  afterEach((t) => { context.passed &&= t.passed; });
  after(async () => {
    const errors = [];
    for (const cleanup of cleanups.reverse()) {
      try {
        await cleanup();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length) throw errors[0];
  });
  return context;
}

function temporaryFolder(t) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function temporaryFile(t, name, content) {
  const file = path.join(temporaryFolder(t), name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content, null, 1));
  return file;
}

async function startServer(t, file, args, announces) {
  const server = new Process(process.execPath, [file, ...args]);
  t.after(() => server.kill());
  server.url = (await server.says(announces))[1];
  return server;
}

export const fixtureFile = path.join(here, 'mcp-fixture.mjs');
export const troubleFile = path.join(here, 'trouble-fixture.mjs');
const serverFile = (name) => path.join(modules, '@modelcontextprotocol', `server-${name}`, 'dist', 'index.js');

const legacyByDefault = (args) => (args.includes('--eras') ? args : ['--eras', 'legacy', ...args]);

/// A fixture server over HTTP: a Process with a `url`.
export const startFixture = (t, ...args) =>
  startServer(t, fixtureFile, ['--http', '0', ...legacyByDefault(args)], /mcp-fixture on (\S+)/);
export const startTrouble = (t, ...args) => startServer(t, troubleFile, ['--http', '0', ...args], /trouble on (\S+)/);

/// The same servers, and published ones, as stdio upstreams of a configuration.
const node = (file, ...args) => ({ command: process.execPath, args: [file, ...args] });
export const stdioFixture = (...args) => node(fixtureFile, '--stdio', ...legacyByDefault(args));
export const stdioTrouble = (...args) => node(troubleFile, '--stdio', ...args);
export const published = (name, ...args) => node(serverFile(name), ...args);

async function startDirectly(t, config) {
  const [upstream] = Object.values(config.upstreams ?? config.mcpServers ?? {});
  if (upstream.url) return { mcp: upstream.url, sse: upstream.url.replace(/mcp$/, 'sse'), stderr: '' };
  const [file, ...args] = upstream.args;
  let server;
  if (file === serverFile('everything')) {
    const port = await freePort();
    server = new Process(process.execPath, [file, 'streamableHttp'], { env: { ...process.env, PORT: String(port) } });
    t.after(() => server.kill());
    await server.says(/listening on port/);
    server.url = `http://127.0.0.1:${port}/mcp`;
  } else {
    const rest = args.filter((a) => a !== '--stdio');
    server = await startServer(t, file, ['--http', '0', ...rest], / on (\S+)/);
  }
  return { mcp: server.url, sse: server.url.replace(/mcp$/, 'sse'), stderr: '' };
}

/// Where operators ask a node under test. On a busy machine any node may be slow to answer: what is not about that waits.
export const quietAdmin = { listen: '127.0.0.1:0', answer_within: '10s' };

const quick = {
  listen: '127.0.0.1:0',
  admin: quietAdmin,
};

/// A running node. When the test ends it is asked to stop and must do so cleanly: exit code 0 and no sanitizer report.
export async function startNode(t, config, { args = [], name = 'holdfast.yaml' } = {}) {
  if (direct) return startDirectly(t, config);
  const keeps = keepsOfNode();
  // JSON is YAML.
  const file = temporaryFile(t, name, config.mcpServers ? config : { ...quick, store: keeps.store, ...config });
  const node = new Process(program('holdfastd'), ['--config', file, ...args], { env: keeps.env });
  t.after(async () => {
    if (!node.exit) node.signal('SIGTERM');
    const how = await node.ends(30_000).finally(keeps.remove);
    assert.ok(!sanitizerReport.test(node.stderr), `a sanitizer reported:\n${node.stderr.slice(0, 8000)}`);
    if (!node.anyExit) assert.deepEqual(how, { code: 0, signal: null }, `the node did not end cleanly:\n${node.stderr.slice(-4000)}`);
  });
  const ready = await node.says(/^holdfastd ready mcp=(\S+)\/mcp(?: admin=(\S+))?$/m, 10_000);
  const base = ready[1];
  return Object.assign(node, { base, mcp: `${base}/mcp`, sse: `${base}/sse`, admin: ready[2], config: file });
}

/// Runs a program to its end.
export async function run(command, args, options = {}, ms = 60_000) {
  const process_ = new Process(command, args, options);
  const how = await process_.ends(ms);
  return { ...how, stdout: process_.stdout, stderr: process_.stderr };
}

const canListen = (port) => new Promise((done) => {
  const server = net.createServer();
  server.once('error', () => done(false));
  server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
});

const portsOfOneProcess = 128;
let portsGiven = 0;

/// A port that nobody listens on, and nor on the next one, and that nobody gets by chance before it is listened on: the
/// system picks from 32768 on, and each test file, which is a process, has some of its own.
export async function freePort() {
  const first = 10_000 + (process.pid % 175) * portsOfOneProcess;
  for (let tries = 0; tries < portsOfOneProcess / 2; ++tries) {
    const port = first + (2 * portsGiven++) % portsOfOneProcess;
    if (await canListen(port) && await canListen(port + 1)) return port;
  }
  return assert.fail(`none of the ports ${first} to ${first + portsOfOneProcess - 1} is free`);
}

/// Ids of the living processes whose command line holds `marker`.
export function processesWith(marker) {
  return readdirSync('/proc').filter((id) => /^\d+$/.test(id) && Number(id) !== process.pid).filter((id) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(marker) && !/^State:\s+Z/m.test(readFileSync(`/proc/${id}/status`, 'utf8'));
    } catch {
      return false;  // it ended meanwhile
    }
  });
}
