// Clusters on this machine, behind one address, as `holdfast cluster` makes them.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { direct, processesWith, program, run, sanitizerReport, startNode, temporaryFile, waitFor } from './processes.mjs';

export const ok = 0, failed = 1, usage = 2;

/// A folder for a cluster, which is stopped when the test ends and must then have left nothing behind.
export class Launcher {
  constructor(t) {
    this.folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-cluster-'));
    t.after(async () => {
      try {
        await this.ends(ok, 'down');
        if (!t.passed) console.error(this.logsToShow);
        this.leavesNothing();
      } finally {
        rmSync(this.folder, { recursive: true, force: true });
      }
    });
  }

  args(command, ...args) { return ['cluster', command, ...args, '--dir', this.folder]; }

  async ends(code, ...args) {
    const done = await run(program('holdfast'), this.args(...args), {}, 120_000);
    assert.equal(done.code, code, `${args.join(' ')}\n${done.stdout}\n${done.stderr}`);
    return done;
  }

  async status() { return JSON.parse((await this.ends(ok, 'status', '--json')).stdout); }

  async node(name) { return (await this.status()).nodes.find((node) => node.name === name); }

  becomes(name, state) { return waitFor(`${name} to be ${state}`, async () => (await this.node(name)).state === state); }

  /// Waits until no slot moves any more, as they do when nodes join.
  async rests() {
    let before = '';
    await waitFor('a cluster at rest', async () => {
      const nodes = (await this.status()).nodes.filter((node) => node.state === 'ready');
      const health = await Promise.all(nodes.map(async ({ admin }) => (await (await fetch(`${admin}/mcp/health`)).json()).cluster));
      const now = JSON.stringify(health.map(({ slots, members }) => [slots, members]));
      const still = now === before && health.reduce((sum, { slots }) => sum + slots, 0) === 1024;
      before = now;
      return still;
    }, 30_000);
  }

  get state() { return JSON.parse(readFileSync(path.join(this.folder, 'cluster.json'), 'utf8')); }

  get logs() {
    return readdirSync(this.folder).filter((name) => name.endsWith('.log')).map((name) => readFileSync(path.join(this.folder, name), 'utf8')).join('');
  }

  /// The end of each log, for whoever looks into a test that failed. HAProxy says everything twice.
  get logsToShow() {
    const said = (name) => readFileSync(path.join(this.folder, name), 'utf8').replace(/^\[WARNING\].*\n/gm, '');
    const ends = readdirSync(this.folder).filter((name) => name.endsWith('.log')).map((name) => `${name}:\n${said(name).slice(-3000)}`);
    return `logs of a cluster whose test failed\n${ends.join('\n')}\nend of the logs`;
  }

  leavesNothing() {
    assert.deepEqual(processesWith(this.folder), []);
    assert.deepEqual(readdirSync(this.folder).filter((name) => /\.(yaml|json|cfg|sock|new)$/.test(name)), []);
    assert.doesNotMatch(this.logs, sanitizerReport);
  }
}

/// With HOLDFAST_TEST_NODES=N, N > 1, tests that take whatever gateway there is get a cluster of N nodes behind a front that
/// balances per request.
export const nodesOfGateway = direct ? 1 : Number(process.env.HOLDFAST_TEST_NODES ?? 1);

/// What stands between clients and servers: {mcp, sse}; of a cluster also its `launcher`.
export async function startGateway(t, config) {
  return nodesOfGateway > 1 ? startCluster(t, nodesOfGateway, config) : startNode(t, config);
}

export async function startCluster(t, nodes, config) {
  const launcher = new Launcher(t);
  const file = temporaryFile(t, 'nodes.yaml', { drain_timeout: '5s', ...config });
  await launcher.ends(ok, 'up', '--nodes', String(nodes), '--port', '0', '--config', file, '--detach');
  const { front, nodes: all } = await launcher.status();
  return { mcp: front, sse: front.replace(/mcp$/, 'sse'), launcher, nodes: all };
}

/// Kills a node, one after another, and starts it again, until the returned function is called.
export function killInTurn(launcher, nodes, everyMs) {
  let over = false;
  let kills = 0;
  const killing = (async () => {
    for (let i = 0; !over; ++i) {
      const began = Date.now();
      const { name } = nodes[i % nodes.length];
      await launcher.ends(ok, 'kill', name);
      ++kills;
      await sleep(1000);
      await launcher.ends(ok, 'restart', name);
      while (!over && Date.now() < began + everyMs) await sleep(50);
    }
  })();
  killing.catch(() => {});
  return async () => { over = true; await killing; return kills; };
}
