// What is spared an upstream that fails, hangs or has too much to do, by one node and by several together.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin } from './support/admin.mjs';
import { Cluster, clustered } from './support/cluster.mjs';
import { Node, Store } from './support/lives.mjs';
import { gatewayOnly, program, run, slowness, startNode, waitFor } from './support/processes.mjs';
import { storeKind } from './support/stores.mjs';
import { Upstream } from './support/upstream.mjs';
import { Session } from './support/wire.mjs';

const breakerOf = async (node, query) => (await new Admin(node.admin).get('/v1/circuit-breakers', { scope: 'node', ...query })).breakers[0].nodes[0];
const recordOf = (store) => (storeKind === 'redis' ? store.redis('get', `${store.prefix}:record:breakers`) : store.sql('select bytes from record'));
const is = (node, state) => waitFor(`a breaker that is ${state}`, async () => (await breakerOf(node)).state === state, 15_000);
const isDue = (node) => waitFor('the time of a probe', async () => (await breakerOf(node)).nextProbeInMs === 0, 15_000);
const call = (session, name = 'change') => session.request('tools/call', { name, arguments: {} });
const isRefusal = ({ answer }) => answer.error?.data?.circuitBreaker !== undefined;

async function failTimes(session, times) {
  for (let i = 0; i < times; ++i) {
    const { answer } = await call(session);
    assert.ok(answer.error && !answer.error.data.circuitBreaker, JSON.stringify(answer));
  }
}

async function one(t, options = {}) {
  const up = await Upstream.start(t);
  const node = await startNode(t, { upstreams: { up: { url: up.url, ...options } } });
  return { up, node, session: await Session.open(node.mcp), ask: new Admin(node.admin) };
}

describe('the breaker of an upstream', gatewayOnly, () => {
  test('opens when calls fail in a row; then they are answered at once, and the tools stay listed', async (t) => {
    const { up, node, session, ask } = await one(t, { breaker: { failures: 3, open_for: '10m', open_max: '1h' } });
    up.mode = 'fail';
    await failTimes(session, 3);
    const { answer } = await call(session);
    assert.equal(answer.error.code, -32603);
    const { upstream, reason, mayHaveRun, circuitBreaker } = answer.error.data;
    assert.equal(upstream, 'up');
    assert.match(reason, /circuit breaker is open: \S+/);
    assert.equal(mayHaveRun, undefined);
    assert.equal(circuitBreaker.state, 'open');
    assert.ok(circuitBreaker.nextProbeInMs > 500_000 && circuitBreaker.nextProbeInMs <= 600_000, JSON.stringify(circuitBreaker));
    assert.equal(up.calls, 3);
    assert.deepEqual(await session.toolNames(), ['change', 'look']);

    const [seen] = (await ask.get('/mcp/circuit-breakers')).breakers;
    assert.equal(seen.name, 'up');
    assert.equal(seen.state, 'open');
    assert.equal(seen.nodes[0].refused, 1);
    assert.equal(seen.nodes[0].timesInARow, 1);
    up.mode = 'answer';
    const plan = await ask.post('/v1/circuit-breakers/up/reset', { dry_run: true });
    assert.deepEqual(plan.plan, ['close the breaker of up at 1 node(s)']);
    const shown = await run(program('holdfast'), ['breakers', '--admin', node.admin]);
    assert.match(shown.stdout, /^up is open:$/m, shown.stderr);
    assert.match(shown.stdout, /^local +open .* connection closed/m);
    assert.ok(isRefusal(await call(session)));
    const reset = await run(program('holdfast'), ['breaker', 'reset', 'up', '--yes', '--admin', node.admin]);
    assert.match(reset.stdout, /^reset 1 nodes in \d+ ms, 0 requests failed$/m, reset.stderr);
    assert.equal((await ask.post('/mcp/circuit-breakers/up/reset')).done, true);
    assert.equal(await session.text('change'), 'done');
    assert.equal((await breakerOf(node)).state, 'closed');
    await ask.post('/v1/circuit-breakers/nobody/reset', {}, 404);
    const { events } = await ask.get('/v1/events', { event: 'breaker.' });
    assert.deepEqual(events.map((e) => e.event), ['breaker.open', 'breaker.closed']);
  });

  test('keeps subscriptions from the upstream as well, but nobody from ending one', async (t) => {
    const up = await Upstream.start(t, { resources: ['a', 'b'].map((name) => ({ name, uri: `file:///${name}` })) });
    const node = await startNode(t, { upstreams: { up: { url: up.url, breaker: { failures: 2, open_for: '10m', open_max: '1h' } } } });
    const session = await Session.open(node.mcp);
    await session.result('resources/subscribe', { uri: 'file:///a' });
    up.mode = 'fail';
    await failTimes(session, 2);
    assert.equal(up.subscribes, 1);
    const reply = await session.request('resources/subscribe', { uri: 'file:///b' });
    assert.ok(isRefusal(reply), JSON.stringify(reply.answer));
    assert.equal(up.subscribes, 1);
    await session.result('resources/unsubscribe', { uri: 'file:///a' });
  });

  test('stays closed while the upstream answers, if only with errors', async (t) => {
    const { up, node, session } = await one(t, { breaker: { failures: 2 } });
    for (const mode of ['tool_error', 'rpc_error']) {
      up.mode = mode;
      for (let i = 0; i < 5; ++i) assert.ok(!isRefusal(await call(session)));
    }
    assert.equal(up.calls, 10);
    assert.equal((await breakerOf(node)).failed, 0);
  });

  test('lets one call through to an upstream that hangs, each time later, and closes when it answers', async (t) => {
    const { up, node, session } = await one(t, { call_timeout: `${500 * slowness}ms`, breaker: { failures: 3, open_for: '200ms', open_max: '400ms' } });
    up.mode = 'hang';
    const replies = await Promise.all(Array.from({ length: 3 }, () => call(session)));
    for (const { answer } of replies) assert.match(answer.error.message, /did not answer in time/);
    assert.equal(up.calls, 3, 'what was not answered in time is not made again');
    assert.equal((await breakerOf(node)).timesInARow, 1);

    await isDue(node);
    const probes = await Promise.all(Array.from({ length: 10 }, () => call(session)));
    assert.equal(up.calls, 4);
    assert.equal(probes.filter(isRefusal).length, 9);
    const again = await breakerOf(node);
    assert.equal(again.state, 'open');
    assert.equal(again.timesInARow, 2);

    up.mode = 'answer';
    await isDue(node);
    assert.equal(await session.text('change'), 'done');
    assert.equal((await breakerOf(node)).state, 'closed');
    assert.equal(await session.text('change'), 'done');
    assert.equal(up.calls, 6);
  });

  test('is what the process before has left', async (t) => {
    const up = await Upstream.start(t);
    const store = new Store(t);
    const stored = async (open) => waitFor('the record', async () => (await recordOf(store)).includes('"open":true') === open);
    const node = await Node.start(t, { store: store.config(), upstreams: { up: { url: up.url, breaker: { failures: 2, open_for: '10m', open_max: '10m' } } } });
    const before = await Session.open(node.mcp);
    up.mode = 'fail';
    await failTimes(before, 2);
    await stored(true);
    await node.crash();
    const session = await Session.open(node.mcp);
    assert.ok(isRefusal(await call(session)));
    assert.deepEqual(await session.toolNames(), ['change', 'look']);
    assert.equal(up.calls, 2);
    up.mode = 'answer';
    await new Admin(node.admin).post('/v1/circuit-breakers/up/reset');
    assert.equal(await session.text('change'), 'done');
    await stored(false);
    await node.stop();
    await node.start();
    assert.equal((await breakerOf(node)).state, 'closed');
  });
});

describe('a call', gatewayOnly, () => {
  test('waits for its turn where an upstream takes so many at once, and is refused where too many wait', async (t) => {
    const { up, node, session } = await one(t, { max_concurrent: 2, queue: 3 });
    up.mode = 'hold';
    const outcome = () => call(session).catch(() => undefined);
    const calls = [outcome(), outcome()];
    await waitFor('the first calls', () => up.held.length === 2);
    calls.push(outcome(), outcome(), outcome());
    await waitFor('the queue', async () => (await breakerOf(node)).queued === 3);
    const { answer } = await call(session);
    assert.equal(answer.error.message, 'Too many calls to this upstream at once');
    assert.equal(answer.error.data.reason, '2 are under way and 3 wait');
    // One that is given up makes room at once.
    await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: session.next - 2 } });
    await waitFor('room in the queue', async () => (await breakerOf(node)).queued === 2);
    calls.push(outcome());
    await waitFor('the queue', async () => (await breakerOf(node)).queued === 3);
    const releasing = setInterval(() => up.release(), 20);
    const ended = await Promise.all(calls).finally(() => clearInterval(releasing));
    assert.equal(ended.filter((reply) => reply?.answer.result).length, 5);
    assert.equal(up.calls, 5);
    assert.equal(up.most, 2);
    assert.deepEqual([(await breakerOf(node)).concurrent, (await breakerOf(node)).queued], [0, 0]);
  });

  test('that waits for its turn for too long is answered by its deadline', async (t) => {
    const { up, session } = await one(t, { max_concurrent: 1, call_timeout: `${700 * slowness}ms` });
    up.mode = 'hang';
    const [, { answer }] = await Promise.all([call(session), call(session)]);
    assert.match(answer.error.message, /did not answer in time/);
    assert.ok(up.calls <= 2);
  });

  test('is made again where no connection could be made', async (t) => {
    const { up, session } = await one(t, { retry: { attempts: 100, min: '50ms', max: '200ms' }, breaker: { failures: 1000 } });
    assert.equal(await session.text('change'), 'done');
    await up.close();
    const waits = session.text('change');
    await sleep(300);
    await up.open();
    assert.equal(await waits, 'done');
    assert.equal(up.calls, 2);
  });

  test('that was cut off is made again only if that can do no harm, and only so often', async (t) => {
    const { up, session } = await one(t, { retry_hints: ['readOnlyHint'], retry: { attempts: 3, min: '10ms', max: '20ms' }, breaker: { failures: 1000 } });
    up.mode = ['fail', 'fail', 'answer'];
    assert.equal(await session.text('look'), 'done');
    assert.equal(up.calls, 3);
    up.mode = 'fail';
    assert.equal((await session.error('tools/call', { name: 'look', arguments: {} })).data.mayHaveRun, true);
    assert.equal(up.calls, 6);
    assert.equal((await session.error('tools/call', { name: 'change', arguments: {} })).data.mayHaveRun, true);
    assert.equal(up.calls, 7);
  });
});

describe('the nodes of a cluster', clustered, () => {
  test('are spared by what one of them finds, and probe once, all together', async (t) => {
    const up = await Upstream.start(t);
    const cluster = await Cluster.start(t, 3, { upstreams: { up: { url: up.url, breaker: { failures: 3, open_for: `${2000 * slowness}ms`, open_max: '1h' } } } });
    const sessions = await Promise.all(cluster.nodes.map((node) => Session.open(node.mcp)));
    for (const session of sessions) assert.equal(await session.text('change'), 'done');
    up.calls = 0;
    up.mode = 'fail';
    await failTimes(sessions[0], 3);
    for (const node of cluster.nodes) await is(node, 'open');
    assert.equal(up.calls, 3);
    for (const node of cluster.nodes) assert.equal((await breakerOf(node)).by, 'n1');
    for (const session of sessions) assert.deepEqual(await session.toolNames(), ['change', 'look']);

    up.mode = 'hold';
    for (const node of cluster.nodes) await isDue(node);
    const calls = sessions.flatMap((session) => Array.from({ length: 5 }, () => call(session)));
    const done = Promise.all(calls);
    const refused = [];
    for (const c of calls) c.then((reply) => { if (isRefusal(reply)) refused.push(reply); });
    await waitFor('all but the probe to be refused', () => refused.length === 14, 15_000);
    await waitFor('the probe', () => up.held.length === 1);
    assert.equal(up.calls, 4);
    up.mode = 'answer';
    up.release();
    assert.equal((await done).filter(({ answer }) => answer.result).length, 1);
    for (const node of cluster.nodes) await is(node, 'closed');
    for (const session of sessions) assert.equal(await session.text('change'), 'done');
    assert.equal(up.calls, 7);
  });

  test('take the place of one that has died with the probe', async (t) => {
    const up = await Upstream.start(t);
    const cluster = await Cluster.start(t, 2, {
      upstreams: { up: { url: up.url, call_timeout: '2s', breaker: { failures: 2, open_for: `${1500 * slowness}ms`, open_max: '1h' } } },
    });
    const [first, second] = await Promise.all(cluster.nodes.map((node) => Session.open(node.mcp)));
    up.mode = 'fail';
    await failTimes(first, 2);
    for (const node of cluster.nodes) { await is(node, 'open'); await isDue(node); }
    up.mode = 'hold';
    call(first).catch(() => {});
    await waitFor('the probe', () => up.held.length === 1);
    assert.ok(isRefusal(await call(second)));
    await cluster.nodes[0].kill();
    up.mode = 'answer';
    // Its right falls some seconds after its call would have ended.
    await waitFor('another probe', async () => (await call(second)).answer.result, 30_000);
    await is(cluster.nodes[1], 'closed');
    await waitFor('the record', async () => /"name":"up","epoch":[2-9]/.test(await recordOf(cluster.store)));
  });
});
