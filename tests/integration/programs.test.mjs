// Tools that are programs: run for each call, with state that goes where the session goes.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { at, Cluster, clustered } from './support/cluster.mjs';
import { Node } from './support/lives.mjs';
import { gatewayOnly, processesWith, program, run, waitFor } from './support/processes.mjs';
import { Session } from './support/wire.mjs';

const tools = fileURLToPath(new URL('../../conf/tools', import.meta.url));
const progressOf = (messages) => messages.filter((m) => m.method === 'notifications/progress').map((m) => m.params);
const textOf = (answer) => answer.result.content.map((c) => c.text).join('');

function folder(t) {
  const made = mkdtempSync(path.join(os.tmpdir(), 'holdfast-programs-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/// A tool that notes that it runs, and ends when there is a file `go`.
const slow = (place, more = {}) => ({
  command: 'sh', args: ['-c', `echo $$ >>${place}/runs; while [ ! -e ${place}/go ]; do sleep 0.02; done; echo '{"result":"done"}'`], ...more,
});
const runs = (place) => { try { return readFileSync(path.join(place, 'runs'), 'utf8').trim().split('\n').length; } catch { return 0; } };

describe('the tools that come with Holdfast', gatewayOnly, () => {
  test('are found in their folder, and stream what they find', async (t) => {
    const source = folder(t);
    for (let i = 0; i < 30; ++i) writeFileSync(path.join(source, `f${i}.c`), Array.from({ length: 20 }, (_, n) => `int f${i}_${n}(void) { return ${n}; }\n`).join(''));
    const config = { store: 'memory:', upstreams: { local: { exec: { folder: tools } } } };
    const node = await Node.start(t, config, { env: { OUTLINE_ROOT: source } });
    const session = await Session.open(node.mcp);
    assert.deepEqual((await session.toolNames()).sort(), ['notebook', 'outline']);
    const params = { name: 'outline', arguments: { kinds: ['function'] }, _meta: { progressToken: 'p' } };
    const { answer, messages } = await session.request('tools/call', params);
    assert.match(textOf(answer), /f0\.c:1: function f0_0/);
    assert.match(textOf(answer), /600 symbols in 30 files/);
    const pieces = progressOf(messages).map((p) => p._meta?.['holdfast/partial']).filter(Boolean);
    assert.equal(pieces.length, 4);
    assert.equal(pieces.join(''), textOf(answer));
    const out = await session.call('outline', { folder: '..' });
    assert.deepEqual([out.isError, /below the root/.test(out.content[0].text)], [true, true]);
  });

  test('keep notes for each session by itself', async (t) => {
    const node = await Node.start(t, { store: 'memory:', upstreams: { local: { exec: { folder: tools } } } });
    const [one, other] = [await Session.open(node.mcp), await Session.open(node.mcp)];
    await Promise.all(Array.from({ length: 5 }, (_, i) => one.call('notebook', { action: 'add', text: `n${i}` })));
    const shown = await one.call('notebook', { action: 'show' });
    assert.deepEqual(shown.structuredContent.notes.toSorted(), ['n0', 'n1', 'n2', 'n3', 'n4']);
    assert.equal(shown._meta, undefined);
    assert.deepEqual((await other.call('notebook', { action: 'show' })).structuredContent.notes, []);
    await one.call('notebook', { action: 'clear' });
    assert.deepEqual((await one.call('notebook', { action: 'show' })).structuredContent.notes, []);
  });
});

describe('a program', gatewayOnly, () => {
  test('is killed with its call, and has its versions', async (t) => {
    const place = folder(t);
    for (const [name, text] of [['a1', 'version: "1"'], ['a2', 'version: "2"\ndefault: true']]) {
      mkdirSync(path.join(place, name));
      writeFileSync(path.join(place, name, 'tool.yaml'), `name: a\n${text}\ncommand: sh\nargs: [-c, 'echo "{\\"result\\":\\"${name}\\"}"']\n`);
    }
    const node = await Node.start(t, { store: 'memory:', upstreams: { local: { exec: { folder: place, tools: { slow: slow(place) } } } } });
    const session = await Session.open(node.mcp);
    const names = await session.toolNames();
    assert.ok(names.includes('a') && names.includes('a_1'), names.join());
    assert.equal(await session.text('a', {}), 'a2');
    assert.equal(await session.text('a_1', {}), 'a1');
    assert.equal(await session.text('a@1', {}), 'a1');
    const { id } = await session.start('tools/call', { name: 'slow', arguments: {} });
    await waitFor('the program', () => runs(place) === 1);
    await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
    await waitFor('its end', () => processesWith(`${place}/runs`).length === 0);
  });

  test('that is missing is named, by the node and by doctor', async (t) => {
    const place = folder(t);
    const file = path.join(place, 'c.yaml');
    const exec = { tools: { fine: { command: 'true' }, lacking: { command: 'sh', needs: { programs: ['no-such-program'] } } } };
    writeFileSync(file, JSON.stringify({ store: 'memory:', upstreams: { local: { exec } } }));
    const { stdout } = await run(program('holdfast'), ['doctor', '--config', file]);
    assert.match(stdout, /lacking.*no-such-program is not in PATH/);
    const node = await Node.start(t, { store: 'memory:', upstreams: { local: { exec } } });
    assert.deepEqual(await (await Session.open(node.mcp)).toolNames(), ['fine']);
    assert.match(node.process.stderr, /lacking is left out: no-such-program is not in PATH/);
  });
});

describe('when its node is killed', clustered, () => {
  test('the state goes on at another, a running program is told of, and a harmless one runs again', async (t) => {
    const place = folder(t);
    const counting = folder(t);
    const exec = { folder: tools, tools: { once: slow(place), again: slow(counting, { idempotent: true }) } };
    const cluster = await Cluster.start(t, 2, { upstreams: { local: { exec } } });
    const [first, second] = cluster.nodes;
    const session = await Session.open(first.mcp);
    await session.call('notebook', { action: 'add', text: 'kept' });
    const elsewhere = at(session, second);
    const answers = ['once', 'again'].map((name) => elsewhere.request('tools/call', { name, arguments: {} }, { ms: 60_000 }));
    await waitFor('both programs', () => runs(place) === 1 && runs(counting) === 1);
    await first.kill();
    await waitFor('the second run', () => runs(counting) === 2, 20_000);
    writeFileSync(path.join(counting, 'go'), '');
    const [once, again] = (await Promise.all(answers)).map(({ answer }) => answer);
    assert.equal(once.error?.data.mayHaveRun, true, JSON.stringify(once));
    assert.equal(textOf(again), 'done');
    assert.equal(runs(place), 1);
    const shown = await elsewhere.call('notebook', { action: 'show' });
    assert.deepEqual(shown.structuredContent.notes, ['kept']);
    await waitFor('the end of the first', () => processesWith(`${place}/runs`).length === 0);
  });
});
