// Results of tools that are kept, by one node and by several together.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin } from './support/admin.mjs';
import { at, Cluster, clustered } from './support/cluster.mjs';
import { Node, Store } from './support/lives.mjs';
import { gatewayOnly, program, run, slowness, startNode, waitFor } from './support/processes.mjs';
import { storeKind } from './support/stores.mjs';
import { Upstream } from './support/upstream.mjs';
import { Session } from './support/wire.mjs';

const tool = (name, more = {}) => ({ name, inputSchema: { type: 'object' }, ...more });
const tools = [
  tool('look'), tool('mine'), tool('never'), tool('free'),
  tool('hinted', { _meta: { 'io.holdfast/cache': { ttlMs: 60_000, scope: 'shared' } } }),
  tool('denied', { _meta: { 'io.holdfast/cache': { ttlMs: 60_000, scope: 'shared' } } }),
];
const rules = [
  { tools: ['look'], ttl: '1m', scope: 'shared' },
  { tools: ['mine'], ttl: '1m' },
  { tools: ['denied'], ttl: '0s' },
];

/// An upstream whose every answer is another one.
const counting = (t, settings) => Upstream.start(t, { tools, text() { return String(this.calls); }, ...settings });

async function ask(session, name, args = {}, meta = undefined) {
  const { answer } = await session.request('tools/call', { name, arguments: args, ...(meta ? { _meta: meta } : {}) });
  assert.ok(answer.result && !answer.result.isError, JSON.stringify(answer));
  return { text: answer.result.content[0].text, kept: answer.result._meta?.['io.holdfast/fromCache'] ?? false };
}

async function one(t, { cache = rules, ...config } = {}) {
  const up = await counting(t);
  const node = await startNode(t, { ...config, upstreams: { up: { url: up.url, cache } } });
  return { up, node, session: await Session.open(node.mcp), other: await Session.open(node.mcp) };
}

describe('one node', gatewayOnly, () => {
  test('gives a kept result to calls that mean the same', async (t) => {
    const { up, node, session, other } = await one(t);
    assert.deepEqual(await ask(session, 'look', { a: 1, b: [1, { x: 'ü', y: null }] }), { text: '1', kept: false });
    assert.deepEqual(await ask(session, 'look', { b: [1.0, { y: null, x: '\u00fc' }], a: 1e0 }), { text: '1', kept: true });
    assert.deepEqual(await ask(other, 'look', { a: 1, b: [1, { x: 'ü', y: null }] }), { text: '1', kept: true });
    assert.deepEqual(await ask(session, 'look', { a: 2 }), { text: '2', kept: false });
    assert.deepEqual(await ask(session, 'look'), { text: '3', kept: false });
    assert.equal(up.calls, 3);

    const seen = await new Admin(node.admin).get('/v1/cache');
    assert.deepEqual(seen.tools.map(({ tool, memory, missed, kept }) => [tool, memory, missed, kept]), [['up/look', 2, 3, 3]]);
    assert.equal(seen.nodes[0].entries, 3);
    const shown = await run(program('holdfast'), ['cache', '--admin', node.admin]);
    assert.match(shown.stdout, /^up\/look +2 +0 +0 +3 +3$/m, shown.stderr);
  });

  test('keeps apart what is for one session, and what the upstream says of its tools', async (t) => {
    const { up, session, other } = await one(t);
    assert.equal((await ask(session, 'mine')).text, '1');
    assert.deepEqual(await ask(other, 'mine'), { text: '2', kept: false });
    assert.deepEqual(await ask(session, 'mine'), { text: '1', kept: true });
    assert.equal((await ask(session, 'hinted')).text, '3');
    assert.deepEqual(await ask(other, 'hinted'), { text: '3', kept: true });
    for (const name of ['denied', 'free']) {
      await ask(session, name);
      assert.equal((await ask(session, name)).kept, false, name);
    }
    assert.equal(up.calls, 7);
  });

  test('makes the call for a client that wants another result, and keeps that', async (t) => {
    const { session, other } = await one(t);
    assert.equal((await ask(session, 'look')).text, '1');
    assert.deepEqual(await ask(session, 'look', {}, { 'io.holdfast/useCached': false }), { text: '2', kept: false });
    assert.deepEqual(await ask(other, 'look'), { text: '2', kept: true });
  });

  test('keeps no errors, and nothing for longer than it may', async (t) => {
    const { up, session } = await one(t, { cache: [{ tools: ['look'], ttl: '400ms', scope: 'shared' }] });
    up.mode = ['tool_error', 'rpc_error'];
    for (let i = 0; i < 2; ++i) {
      const { answer } = await session.request('tools/call', { name: 'look', arguments: {} });
      assert.ok(answer.error || answer.result.isError);
    }
    up.mode = 'answer';
    assert.equal((await ask(session, 'look')).text, '3');
    assert.equal((await ask(session, 'look')).text, '3');
    await sleep(500);
    assert.deepEqual(await ask(session, 'look'), { text: '4', kept: false });
  });

  test('answers executions of the API, too', async (t) => {
    const { up, node } = await one(t);
    const admin = new Admin(node.admin);
    const execute = async (more) => {
      const { result, fromCache, status } = await admin.post('/v1/executions', {}, 200, { tool: 'look', params: { x: 1 }, ...more });
      assert.equal(status, 'succeeded');
      return [result.content[0].text, fromCache];
    };
    assert.deepEqual(await execute(), ['1', false]);
    assert.deepEqual(await execute(), ['1', true]);
    assert.deepEqual(await execute({ useCached: false }), ['2', false]);
    assert.deepEqual(await execute({ idempotencyKey: 'k' }), ['3', false]);
    assert.deepEqual(await execute(), ['3', true]);
    assert.equal(up.calls, 3);
  });

  test('makes one of many calls that are alike, and another one if that fails', async (t) => {
    const { up, node, session } = await one(t);
    const sessions = [session, ...await Promise.all(Array.from({ length: 4 }, () => Session.open(node.mcp)))];
    const round = async (expected) => {
      const all = Array.from({ length: 1000 }, (_, i) => sessions[i % sessions.length].request('tools/call', { name: 'look', arguments: { expected } }, { ms: 60_000 }));
      await waitFor('the others to wait', async () => up.held.length === 1 && (await new Admin(node.admin).get('/v1/cache')).nodes[0].waiting === 999, 40_000);
      return { all, answers: async () => (await Promise.all(all)).map(({ answer }) => answer) };
    };
    up.mode = 'hold';
    const calm = await round('a result');
    up.release();
    for (const { result } of await calm.answers()) assert.equal(result.content[0].text, '1');
    assert.equal(up.calls, 1);

    const unlucky = await round('an error first');
    up.mode = 'answer';
    up.held = [];
    up.server.closeAllConnections();
    // The next one may be sent over a connection that was cut, too.
    const answers = await unlucky.answers();
    const failed = answers.filter(({ error }) => error?.data?.mayHaveRun).length;
    assert.ok(failed === 1 || failed === 2, `${failed} failed`);
    const texts = new Set(answers.flatMap(({ result }) => (result ? [result.content[0].text] : [])));
    assert.equal(texts.size, 1, [...texts].join());
    assert.equal(answers.filter(({ result }) => result).length, 1000 - failed);
    assert.equal(String(up.calls), [...texts][0]);
  });

  test('a call that is cancelled leaves the others their result', async (t) => {
    const { up, session, other } = await one(t);
    up.mode = 'hold';
    const first = session.start('tools/call', { name: 'look', arguments: {} });
    await waitFor('the call to be made', () => up.held.length === 1);
    const second = other.request('tools/call', { name: 'look', arguments: {} });
    await sleep(100);
    up.mode = 'answer';
    await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: session.next - 1 } });
    assert.equal((await second).answer.result.content[0].text, '2');
    first.then(({ stream }) => stream?.close(), () => {});
  });

  test('forgets results when an operator says so', async (t) => {
    const { node, session, other } = await one(t);
    const admin = new Admin(node.admin);
    for (const name of ['look', 'mine', 'hinted']) await ask(session, name);
    assert.deepEqual((await admin.post('/v1/cache/clear', { tool: 'up/look', dry_run: true })).plan, ['forget the kept results of up/look, of all sessions and nodes']);
    assert.equal((await ask(session, 'look')).kept, true);
    assert.equal((await admin.post('/v1/cache/clear', { tool: 'up/look' })).done, true);
    assert.deepEqual(await ask(session, 'look'), { text: '4', kept: false });
    assert.equal((await ask(session, 'mine')).kept, true);
    assert.equal((await ask(other, 'mine')).text, '5');
    assert.equal((await admin.post(`/v1/sessions/${session.id}/cache/clear`)).done, true);
    assert.deepEqual(await ask(session, 'mine'), { text: '6', kept: false });
    assert.equal((await ask(other, 'mine')).kept, true);
    const cleared = await run(program('holdfast'), ['cache', 'clear', '--yes', '--admin', node.admin]);
    assert.match(cleared.stdout, /^cleared 1 nodes in \d+ ms, 0 requests failed$/m, cleared.stderr);
    for (const name of ['look', 'mine', 'hinted']) assert.equal((await ask(session, name)).kept, false, name);
    await admin.post('/v1/cache/clear', { tool: 'look' }, 400);
  });

  test('gives the least used ones up for want of room', async (t) => {
    const up = await counting(t);
    const node = await startNode(t, { cache: { bytes_max: '64KiB' }, upstreams: { up: { url: up.url, cache: rules } } });
    const session = await Session.open(node.mcp);
    for (let n = 0; n < 400; ++n) await ask(session, 'look', { n });
    const [seen] = (await new Admin(node.admin).get('/v1/cache')).nodes;
    assert.ok(seen.bytes <= 65536 && seen.evicted > 50, JSON.stringify(seen));
    assert.equal((await ask(session, 'look', { n: 399 })).kept, true);
  });
});

describe('a node that starts again', storeKind === 'memory' ? { skip: 'needs a store that outlives it' } : gatewayOnly, () => {
  test('finds in its store what it kept, but for what was forgotten', async (t) => {
    const up = await counting(t);
    const node = await Node.start(t, { store: new Store(t).config(), upstreams: { up: { url: up.url, cache: rules } } });
    const session = await Session.open(node.mcp);
    await ask(session, 'look');
    await ask(session, 'hinted');
    await new Admin(node.admin).post('/v1/cache/clear', { tool: 'up/hinted' });
    await sleep(200);
    await node.kill();
    await node.start();
    assert.deepEqual(await ask(session, 'look'), { text: '1', kept: true });
    assert.deepEqual(await ask(session, 'hinted'), { text: '3', kept: false });
    const [look] = (await new Admin(node.admin).get('/v1/cache')).tools.filter((each) => each.tool === 'up/look');
    assert.equal(look.store, 1);
  });
});

describe('the nodes of a cluster', clustered, () => {
  const start = async (t, settings) => {
    const up = await counting(t, settings);
    const cluster = await Cluster.start(t, 3, { upstreams: { up: { url: up.url, cache: rules } } });
    return { up, cluster, sessions: await Promise.all(cluster.nodes.map((n) => Session.open(n.mcp))) };
  };

  test('share results, and make one of the calls that are alike', async (t) => {
    const { up, sessions } = await start(t);
    assert.equal((await ask(sessions[0], 'look')).text, '1');
    for (const s of sessions) assert.deepEqual(await ask(s, 'look'), { text: '1', kept: true });
    up.mode = 'hold';
    const all = Array.from({ length: 300 }, (_, i) => ask(sessions[i % 3], 'look', { again: true }));
    await waitFor('the call to be made', () => up.calls === 2);
    await sleep(500);
    up.mode = 'answer';
    up.release();
    for (const { text } of await Promise.all(all)) assert.equal(text, '2');
    assert.equal(up.calls, 2);
  });

  test('make a call whose node is gone', async (t) => {
    const { up, cluster, sessions } = await start(t);
    const homeOf = async (s) => (await new Admin(cluster.nodes[0].admin).get(`/mcp/owner/${s.id}`)).node;
    const home = await homeOf(sessions[0]);
    // A session that stays when that node goes.
    let other = sessions[1];
    while (await homeOf(other) === home) other = await Session.open(cluster.nodes[1].mcp);
    const alive = cluster.nodes.find((n) => n.name !== home);
    up.mode = 'hold';
    const first = sessions[0].request('tools/call', { name: 'look', arguments: {} }).catch(() => {});
    await waitFor('the call to be made', () => up.calls === 1);
    const second = at(other, alive).request('tools/call', { name: 'look', arguments: {} }, { ms: 30_000 * slowness });
    await sleep(200);
    up.mode = 'answer';
    await cluster.nodes.find((n) => n.name === home).kill();
    assert.ok((await second).answer.result, JSON.stringify((await second).answer));
    await first;
  });

  test('give no result after it was forgotten anywhere', async (t) => {
    let value = 0;
    let settled = 0;
    const { up, cluster, sessions } = await start(t, { text: () => String(value) });
    let over = false;
    let asked = 0;
    const wrong = [];
    const load = sessions.flatMap((s) => [s, s]).map(async (s, i) => {
      while (!over) {
        const valid = settled;
        const { text } = await ask(s, 'look', { which: i % 2 });
        ++asked;
        if (Number(text) < valid) wrong.push([i, text, valid]);
      }
    });
    const end = Date.now() + 6000;
    for (let n = 0; Date.now() < end; ++n) {
      ++value;
      const done = await new Admin(cluster.nodes[n % 3].admin).post('/v1/cache/clear', n % 2 ? { tool: 'up/look' } : {});
      assert.equal(done.done, true, JSON.stringify(done));
      settled = value;
      await sleep(30);
    }
    over = true;
    await Promise.all(load);
    assert.deepEqual(wrong, []);
    assert.ok(asked > 500 && up.calls < asked, `${asked} calls, ${up.calls} made`);
  });
});
