// `holdfast demo`: what it promises on the terminal is what it has measured.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { failed, Launcher, ok, usage } from './support/launcher.mjs';
import { gatewayOnly, Process, processesWith, program, run, slowness, temporaryFile } from './support/processes.mjs';

const interrupted = 130;

/// Where the demonstration keeps what it needs, of which nothing is left when the test ends.
function place(t) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-place-'));
  t.after(() => {
    try {
      assert.deepEqual(processesWith(folder), []);
      assert.deepEqual(readdirSync(folder), []);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
  return { env: { ...process.env, TMPDIR: folder } };
}

const demo = (args, options = {}) => run(program('holdfast'), ['demo', 'failover', ...args], options, 120_000);

function assertKept({ code, stdout, stderr }, steps) {
  assert.equal(code, ok, `${stdout}\n${stderr}`);
  const figures = JSON.parse(stdout);
  assert.deepEqual(figures.broken, []);
  assert.equal(figures.kept, true);
  assert.deepEqual([figures.steps, figures.stepsHeard, figures.runs], [steps, steps, 1]);
  assert.equal(figures.answer, `counted to ${steps}`);
  assert.notEqual(figures.successor, figures.killed);
  assert.ok(figures.gapMilliseconds > 0 && figures.gapMilliseconds < 5000 * slowness, stdout);
  assert.ok(figures.takeoverMilliseconds >= 0 && figures.takeoverMilliseconds < 5000 * slowness, stdout);
  return figures;
}

describe('holdfast demo failover', gatewayOnly, () => {
  test('kills the node under a call, of which nothing is lost, and cleans up', async (t) => {
    assertKept(await demo(['--json', '--steps', '12', '--step', '100ms'], place(t)), 12);
  });

  test('shows what happens as plain lines where there is no terminal, and ends upon Ctrl-C', async (t) => {
    const shown = new Process(program('holdfast'), ['demo', 'failover', '--steps', '300', '--step', '30ms', '--nodes', '2'], place(t));
    t.after(() => shown.kill());
    await shown.says(/ is killed with -9$/m, 90_000);
    shown.signal('SIGINT');
    assert.equal((await shown.ends(90_000)).code, interrupted, shown.stderr);
    assert.match(shown.stdout, /^ +TIME +WAIT {2}WHO +WHAT$/m);
    assert.match(shown.stdout, /^ +\d+\.\d{3} s +\d+ ms {2}client {4}\[#+\.+\] +100 of 300$/m);
    assert.doesNotMatch(shown.stdout, /\x1b/);
    assert.equal(shown.stderr, 'holdfast: interrupted\n');
  });

  test('takes a cluster that runs, if that has the tool, and leaves it as it was', async (t) => {
    const upstream = new Process(program('holdfast'), ['demo', 'upstream', '--port', '0']);
    t.after(async () => {
      upstream.signal('SIGTERM');
      assert.equal((await upstream.ends()).code, ok, upstream.stderr);
    });
    const [, url] = await upstream.says(/Serving MCP at (\S+);/);
    const launcher = new Launcher(t);
    const config = temporaryFile(t, 'nodes.yaml', { drain_timeout: '5s', upstreams: { demo: { url } } });
    await launcher.ends(ok, 'up', '--port', '0', '--config', config, '--detach');
    const before = await launcher.status();
    const { killed } = assertKept(await demo(['--json', '--steps', '9', '--step', '100ms', '--dir', launcher.folder]), 9);
    const after = await launcher.status();
    assert.deepEqual(after.nodes.map((n) => n.state), ['ready', 'ready', 'ready']);
    for (const [i, node] of after.nodes.entries()) assert.equal(node.pid === before.nodes[i].pid, node.name !== killed, node.name);
  });

  test('is refused where it cannot be, in words', async (t) => {
    const launcher = new Launcher(t);
    await launcher.ends(ok, 'up', '--nodes', '1', '--port', '0', '--config', temporaryFile(t, 'nodes.yaml', 'upstreams: {}'), '--detach');
    const missing = await demo(['--dir', launcher.folder]);
    assert.equal(missing.code, failed);
    assert.match(missing.stderr, /no tool slow_count.*holdfast demo upstream/);
    for (const wrong of [['--nodes', '1'], ['--steps', '2'], ['--step', '1ms'], ['--step', 'soon']])
      assert.equal((await demo(wrong)).code, usage, wrong.join(' '));
  });
});
