// A cluster on this machine, as `holdfast cluster` runs it.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { processesWith, program, run, sanitizerReport, waitFor } from './processes.mjs';

export const ok = 0, failed = 1, usage = 2;

/// A folder for a cluster, which is stopped when the test ends and must then have left nothing behind.
export class Launcher {
  constructor(t) {
    this.folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-cluster-'));
    t.after(async () => {
      try {
        await this.ends(ok, 'down');
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

  get state() { return JSON.parse(readFileSync(path.join(this.folder, 'cluster.json'), 'utf8')); }

  get logs() {
    return readdirSync(this.folder).filter((name) => name.endsWith('.log')).map((name) => readFileSync(path.join(this.folder, name), 'utf8')).join('');
  }

  leavesNothing() {
    assert.deepEqual(processesWith(this.folder), []);
    assert.deepEqual(readdirSync(this.folder).filter((name) => /\.(yaml|json|cfg|sock|new)$/.test(name)), []);
    assert.doesNotMatch(this.logs, sanitizerReport);
  }
}
