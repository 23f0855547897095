// Sessions outlive their node: real processes, killed and started again, over a store that stays.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from '../crash/redis.mjs';
import { hasHooks, Node, startRecording, Store } from './support/lives.mjs';
import { direct, Process, slowness, startFixture, waitFor } from './support/processes.mjs';
import { storeKind } from './support/stores.mjs';
import { exchange, Session } from './support/wire.mjs';

const durable = storeKind === 'memory' || direct ? { skip: 'memory: keeps nothing; run with HOLDFAST_TEST_STORE=sqlite or redis' } : {};
const hooked = hasHooks() ? {} : { skip: 'holdfastd was built without HOLDFAST_TEST_HOOKS' };
const onRedis = storeKind === 'redis' ? {} : { skip: 'needs HOLDFAST_TEST_STORE=redis' };

/// A node with a store and a recording upstream.
async function stage(t, { sessions = {}, store: more = {}, ...config } = {}, options = {}) {
  const upstream = await startRecording(t);
  const store = new Store(t);
  const node = await Node.start(t, { store: store.config(more), sessions, upstreams: { up: { url: upstream.url } }, ...config }, options);
  return { upstream, store, node };
}

const progressOf = (messages) => messages.filter((m) => m.method === 'notifications/progress').map((m) => m.params.progress);
const upTo = (n) => Array.from({ length: n }, (_, i) => i + 1);
const callOf = (session, name, args, { id, token } = {}) =>
  session.message('tools/call', { name, arguments: args, ...(token === undefined ? {} : { _meta: { progressToken: token } }) }, id);

/// The client hears nothing of it, whatever the node does.
const postAndForget = (session, message) => session.post(message).catch(() => {});

/// What a message is answered with: {status, answer}.
async function answerTo(session, message) {
  const reply = await session.post(message);
  const answer = reply.stream ? await reply.stream.message((m) => m.id === message.id && !m.method) : await reply.json();
  return { status: reply.status, answer };
}

describe('a session goes on without initialize', durable, () => {
  const ways = {
    'kill -9': (node) => node.crash(),
    'a stop and a new start': async (node) => { await node.stop(); await node.start(); },
  };

  for (const [how, restart] of Object.entries(ways)) {
    test(`after ${how}: lists, calls, log level and subscriptions are as before`, async (t) => {
      const fixture = await startFixture(t);
      const node = await Node.start(t, { store: new Store(t).config(), upstreams: { fixture: { url: fixture.url } } });
      const session = await Session.open(node.mcp);
      const other = await Session.open(node.mcp);
      await session.result('logging/setLevel', { level: 'warning' });
      await other.result('logging/setLevel', { level: 'info' });
      await session.result('resources/subscribe', { uri: 'test://watched-resource' });
      const tools = await session.toolNames();
      await restart(node);

      assert.deepEqual(await session.toolNames(), tools);
      assert.equal(await session.text('test_simple_text'), 'This is a simple text response for testing.');
      const logs = (messages) => messages.filter((m) => m.method === 'notifications/message').length;
      const loud = await other.request('tools/call', { name: 'test_tool_with_logging', arguments: {} });
      const quiet = await session.request('tools/call', { name: 'test_tool_with_logging', arguments: {} });
      assert.equal(logs(loud.messages), 3);
      assert.equal(logs(quiet.messages), 0);
      const own = (await session.get()).stream;
      await other.text('test_touch_resource', { uri: 'test://watched-resource' });
      const updated = await own.message((m) => m.method === 'notifications/resources/updated');
      assert.equal(updated.params.uri, 'test://watched-resource');
      assert.equal((await session.delete()).status, 200);
      assert.equal((await session.post(session.message('ping'))).status, 404);
    });
  }

  test('a client that only listens hears of changed lists', async (t) => {
    const { node, upstream } = await stage(t);
    const session = await Session.open(node.mcp);
    await session.toolNames();
    const own = (await session.get()).stream;
    await own.until((s) => s.events.length > 0, 'the priming event');
    await node.crash();
    const again = (await session.get(own.events.at(-1).id)).stream;
    const heard = again.message((m) => m.method === 'notifications/tools/list_changed');
    await waitFor('the upstream', () => node.logged('upstream.ready').length >= 2);
    await sleep(300 * slowness);  // until the lists are there, which nobody has asked for
    upstream.signal('SIGUSR2');
    await heard;
  });

  test('and of those that changed while there was no node, and of no others', async (t) => {
    const { node, upstream } = await stage(t);
    const session = await Session.open(node.mcp);
    await session.toolNames();
    const own = (await session.get()).stream;
    await own.until((s) => s.events.length > 0, 'the priming event');
    for (const grows of [true, false, true]) {
      await node.kill();
      if (grows) await upstream.grow(0);
      await node.start();
      const again = (await session.get(own.events.at(-1).id)).stream;
      if (grows) await again.message((m) => m.method === 'notifications/tools/list_changed');
      await session.toolNames();
      own.messages.push(...again.messages);
      own.events.push(...again.events.filter((e) => e.id));
      again.close();
    }
    assert.deepEqual(own.messages.map((m) => m.method), Array(2).fill('notifications/tools/list_changed'));
  });

  test('and a session that ended before the restart stays ended', async (t) => {
    const { node } = await stage(t);
    const session = await Session.open(node.mcp);
    await session.delete();
    await node.crash();
    assert.equal((await session.post(session.message('ping'))).status, 404);
  });

  test('though not with --ephemeral, which says so', async (t) => {
    const { node } = await stage(t, {}, { args: ['--ephemeral'] });
    assert.equal(node.logged('node.ephemeral').length, 1);
    const session = await Session.open(node.mcp);
    assert.ok((await session.toolNames()).includes('quick'));
    await node.kill();
    await node.start({ args: ['--ephemeral'] });
    assert.equal((await session.post(session.message('ping'))).status, 404);
  });
});

describe('the events of a stream come once and in order', durable, () => {
  /// A call with progress is cut off after some of it; `away` says what happens until the client is back.
  async function resumed(t, away) {
    const { node, upstream } = await stage(t);
    const session = await Session.open(node.mcp);
    const call = callOf(session, 'slow', { key: 'k', ms: 1200 * slowness, steps: 6 }, { token: 'p' });
    const first = (await session.post(call)).stream;
    await first.until((s) => progressOf(s.messages).length >= 2, 'some progress');
    await node.kill();
    await first.end();
    await away(node, upstream);
    const { messages, events } = first;
    const reply = await session.get(events.at(-1).id);
    assert.equal(reply.status, 200);
    await reply.stream.end();
    const all = [...messages, ...reply.stream.messages];
    assert.deepEqual(progressOf(all), upTo(6));
    assert.equal(all.filter((m) => m.id === call.id).length, 1);
    assert.equal(all.at(-1).result.content[0].text, 'k: 6 steps');
    const ids = [...events, ...reply.stream.events].map((e) => e.id).filter(Boolean);
    assert.equal(new Set(ids).size, ids.length, `an id came twice: ${ids}`);
    assert.equal(upstream.record('executed', 'k').length, 1);
    return { session, first, call, node };
  }

  test('when the client is back before the call has finished', (t) => resumed(t, (node) => node.start()));

  test('when the call finished while the client was away', (t) => resumed(t, async (node, upstream) => {
    await node.start();
    await upstream.has('returned', 'k');
    await sleep(300 * slowness);
  }));

  test('when the call finished while the node was away', (t) => resumed(t, async (node, upstream) => {
    await upstream.has('returned', 'k');
    await node.start();
  }));

  test('over several restarts, and again from any event', async (t) => {
    const { session, first, call, node } = await resumed(t, (n) => n.start());
    await node.crash();
    for (const event of first.events.filter((e) => e.id)) {
      const again = (await session.get(event.id)).stream;
      await again.end();
      const seen = progressOf(first.messages.slice(0, first.events.filter((e) => e.data).indexOf(event) + 1)).length;
      assert.deepEqual(progressOf(again.messages), upTo(6).slice(seen));
      assert.equal(again.messages.at(-1).id, call.id);
    }
  });

  test('on the session\'s own stream', async (t) => {
    const fixture = await startFixture(t);
    const node = await Node.start(t, { store: new Store(t).config(), upstreams: { fixture: { url: fixture.url } } });
    const session = await Session.open(node.mcp);
    const other = await Session.open(node.mcp);
    const uri = 'test://watched-resource';
    await session.result('resources/subscribe', { uri });
    const touch = () => other.text('test_touch_resource', { uri });
    const updates = (s) => s.messages.filter((m) => m.method === 'notifications/resources/updated').length;
    const own = (await session.get()).stream;
    await touch();
    await own.until((s) => updates(s) === 1, 'the first update');
    const last = own.events.at(-1).id;
    own.close();
    await touch();
    await sleep(100);
    await node.crash();
    const again = (await session.get(last)).stream;
    await again.until((s) => updates(s) >= 2, 'the second update, and one for what was missed');
    await touch();
    await again.until((s) => updates(s) >= 3, 'a third update');
    await touch();
    await again.until((s) => updates(s) >= 4, 'a fourth update');
    assert.equal(updates(again), 4);
  });
});

test('a call that ends while the node stops is answered on its stream', durable, async (t) => {
  const ended = Array.from({ length: 8 }, async () => {
    const { node, upstream } = await stage(t);
    const session = await Session.open(node.mcp);
    const { stream, id } = await session.start('tools/call', { name: 'slow', arguments: { key: 'k', ms: 1000, steps: 2 }, _meta: { progressToken: 1 } });
    await stream.message((m) => m.method === 'notifications/progress');
    await node.stop();
    await sleep(100);
    assert.equal(stream.messages.find((m) => m.id === id)?.result.content[0].text, 'k: 2 steps', JSON.stringify(stream.events.slice(-2)));
    assert.equal(upstream.record('executed', 'k').length, 1);
  });
  await Promise.all(ended);
});

describe('a request that is sent again after a crash', durable, () => {
  test('runs once under its id, and again under another', async (t) => {
    const { node, upstream } = await stage(t);
    const session = await Session.open(node.mcp);
    const call = callOf(session, 'count_slow', { key: 'a', counter: 'c', ms: 500 });
    postAndForget(session, call);
    await upstream.has('executed', 'a');
    await node.crash();
    const { answer } = await answerTo(session, call);
    assert.equal(answer.error?.code, -32603, JSON.stringify(answer));
    assert.equal(upstream.record('executed', 'a').length, 1);
    assert.equal(await session.text('count_slow', { key: 'b', counter: 'c', ms: 1 }), 'b: c 2');
  });

  const points = { 'gets the result that stood when the node fell': 'after_result', 'runs when it was never sent upstream': 'before_intent' };
  for (const [what, point] of Object.entries(points)) {
    test(what, { ...hooked }, async (t) => {
      const { node, upstream } = await stage(t);
      const session = await Session.open(node.mcp);
      await session.toolNames();
      await node.kill();
      await node.start({ env: { HOLDFAST_TEST_CRASH_AT: `${point}:1` } });
      const call = callOf(session, 'count', { key: 'a', counter: 'c' });
      postAndForget(session, call);
      await node.crashed();
      await node.start();
      const { answer } = await answerTo(session, call);
      assert.equal(answer.result?.content[0].text, 'a: c 1', JSON.stringify(answer));
      assert.equal(upstream.record('executed', 'a').length, 1);
    });
  }

  test('is a new one if the client has long gone on over the same connection', async (t) => {
    const { node, upstream } = await stage(t);
    const session = await Session.open(node.mcp);
    session.agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => session.agent.destroy());
    const calls = Array.from({ length: 12 }, (_, i) => callOf(session, 'count', { key: `k${i}`, counter: 'c' }));
    for (const call of calls) await answerTo(session, call);
    const again = async (call) => (await answerTo(session, call)).answer.result?.content[0].text;
    assert.equal(await again(calls.at(-1)), 'k11: c 12', 'the last ones are still known');
    assert.equal(await again(calls[0]), 'k0: c 13', 'the first one is not');
    assert.equal(upstream.record('executed', 'k11').length, 1);
  });

  test('is another one if it says something else under the same id', async (t) => {
    const { node, upstream } = await stage(t);
    const session = await Session.open(node.mcp);
    const call = callOf(session, 'count_slow', { key: 'a', counter: 'c', ms: 500 });
    postAndForget(session, call);
    await upstream.has('executed', 'a');
    await node.crash();
    const { answer } = await answerTo(session, callOf(session, 'count', { key: 'b', counter: 'c' }, { id: call.id }));
    assert.equal(answer.result?.content[0].text, 'b: c 2', JSON.stringify(answer));
  });

  for (const format of ['json', 'msgpack']) {
    for (const length of [10, 5000]) {
      test(`is known by parameters of ${length} bytes with white space and a progress token, kept as ${format}`, async (t) => {
        const { node, upstream } = await stage(t, { store: { format } });
        const session = await Session.open(node.mcp);
        const call = callOf(session, 'count_slow', { key: 'a', counter: 'c', ms: 500, pad: 'x'.repeat(length) }, { token: 7 });
        const spaced = JSON.stringify(call, null, 2);
        postAndForget(session, spaced);
        await upstream.has('executed', 'a');
        await node.crash();
        const reply = await session.post(spaced);
        const answer = reply.stream ? await reply.stream.message((m) => m.id === call.id) : await reply.json();
        assert.equal(answer.error?.data?.mayHaveRun, true, JSON.stringify(answer));
        assert.equal(upstream.record('executed', 'a').length, 1);
      });
    }

    test(`runs again with its own parameters where hints are trusted, kept as ${format}`, async (t) => {
      const upstream = await startRecording(t);
      const store = new Store(t).config({ format });
      const node = await Node.start(t, { store, upstreams: { up: { url: upstream.url, retry_hints: ['readOnlyHint'] } } });
      const session = await Session.open(node.mcp);
      await session.toolNames();
      await node.kill();
      if (!hasHooks()) return t.skip('holdfastd was built without HOLDFAST_TEST_HOOKS');
      await node.start({ env: { HOLDFAST_TEST_CRASH_AT: 'after_dispatch:1' } });
      const value = 'ü" '.repeat(500);
      const call = callOf(session, 'quick', { key: 'a', value }, { token: 7 });
      const spaced = JSON.stringify(call, null, 2);
      postAndForget(session, spaced);
      await node.crashed();
      await node.start();
      const reply = await session.post(spaced);
      const answer = reply.stream ? await reply.stream.message((m) => m.id === call.id) : await reply.json();
      assert.equal(answer.result?.content[0].text, `a: ${value}`, JSON.stringify(answer).slice(0, 500));
      return undefined;
    });
  }

  test('is told that it may have run when its upstream is no longer there', async (t) => {
    const { node, upstream } = await stage(t);
    const session = await Session.open(node.mcp);
    const call = callOf(session, 'count_slow', { key: 'a', counter: 'c', ms: 500 });
    postAndForget(session, call);
    await upstream.has('executed', 'a');
    await node.kill();
    node.reconfigure((config) => ({ ...config, upstreams: {} }));
    await node.start();
    const { answer } = await answerTo(session, call);
    assert.equal(answer.error?.data?.mayHaveRun, true, JSON.stringify(answer));
  });

  test('is told in a structured way that it may have run', async (t) => {
    const { node, upstream } = await stage(t);
    const session = await Session.open(node.mcp);
    const call = callOf(session, 'count_slow', { key: 'a', counter: 'c', ms: 5000, stream: true }, { token: 'p' });
    const first = (await session.post(call)).stream;
    await upstream.has('executed', 'a');
    await first.until((s) => s.events.length > 0, 'the priming event');
    await node.crash();
    const rest = (await session.get(first.events.at(-1).id)).stream;
    const { error } = await rest.message((m) => m.id === call.id);
    assert.equal(error.code, -32603);
    assert.match(error.message, /may have run/);
    assert.deepEqual(Object.keys(error.data).sort(), ['mayHaveRun', 'reason', 'upstream']);
    assert.equal(error.data.upstream, 'up');
    assert.equal(error.data.mayHaveRun, true);
    assert.match(error.data.reason, /interrupted/);
    await rest.end();
  });
});

/// A session that has left a bit of everything in the store.
async function busySession(node) {
  const session = await Session.open(node.mcp, { name: `client-${'x'.repeat(2000)}` });
  await session.result('logging/setLevel', { level: 'warning' });
  await session.text('quick', { key: 'a', value: 'x'.repeat(5000) });
  await session.request('tools/call', { name: 'slow', arguments: { key: 'b', ms: 200, steps: 4 }, _meta: { progressToken: 1 } });
  postAndForget(session, callOf(session, 'slow', { key: 'c', ms: 60_000, steps: 100, pad: 'x'.repeat(5000) }, { token: 2 }));
  postAndForget(session, callOf(session, 'count_slow', { key: 'd', counter: 'c', ms: 60_000, pad: 'x'.repeat(5000) }));
  return session;
}

test('a batch that waits for what is in no journal becomes no stream, whose end a crash would take', durable, async (t) => {
  const { node } = await stage(t);
  const session = await Session.open(node.mcp, { revision: '2025-03-26' });
  const keyed = () => session.message('tools/call', {
    name: 'slow', arguments: { key: 'k', ms: 700, steps: 2 }, _meta: { 'io.holdfast/idempotencyKey': 'k' },
  });
  const first = session.post(keyed());
  await sleep(100);
  const alone = await session.post([callOf(session, 'slow', { key: 'a', ms: 300, steps: 2 }, { token: 1 })]);
  assert.ok(alone.stream, 'it should have become a stream');
  await alone.stream.end();
  const batch = [callOf(session, 'slow', { key: 'b', ms: 100, steps: 2 }, { token: 2 }), keyed()];
  const reply = await session.post(batch);
  assert.equal(reply.stream, undefined);
  const answers = await reply.json();
  assert.deepEqual(answers.map(({ id }) => id).sort(), batch.map(({ id }) => id).sort());
  for (const { result } of answers) assert.match(result.content[0].text, /2 steps/);
  await first;
});

describe('nothing of an ended session stays in the store', { ...durable, concurrency: 4 }, () => {
  const emptied = (store, ms) => waitFor('an empty store', async () => (await store.contents()).length === 0, ms)
    .catch(async () => assert.fail(`left behind: ${await store.contents()}`));

  test('after DELETE', async (t) => {
    const { node, store, upstream } = await stage(t);
    const session = await busySession(node);
    await upstream.has('executed', 'd');
    await waitFor('something in the store', async () => (await store.contents()).length > 1);
    assert.equal((await session.delete()).status, 200);
    assert.deepEqual(await store.contents(), []);
  });

  test('after DELETE in the next life of the node', async (t) => {
    const { node, store, upstream } = await stage(t);
    const session = await busySession(node);
    await upstream.has('executed', 'd');
    await node.crash();
    assert.notDeepEqual(await store.contents(), []);
    assert.equal((await session.delete()).status, 200);
    assert.deepEqual(await store.contents(), []);
  });

  test('after it was idle for too long', async (t) => {
    const { node, store } = await stage(t, { sessions: { idle_timeout: '3s' } });
    const session = await Session.open(node.mcp);
    await session.text('quick', { key: 'a' });
    assert.notDeepEqual(await store.contents(), []);
    await emptied(store);
    assert.equal((await session.post(session.message('ping'))).status, 404);
  });

  test('after it was idle for too long while it lived in the store only', async (t) => {
    const { node, store } = await stage(t, { sessions: { idle_timeout: '2s', passivate_after: '200ms' } });
    const session = await Session.open(node.mcp);
    await session.text('quick', { key: 'a' });
    await node.sessions(0);
    assert.notDeepEqual(await store.contents(), []);
    await emptied(store, 75_000);
    assert.equal((await session.post(session.message('ping'))).status, 404);
  });

  test('after its time ran out while no node was there', async (t) => {
    const { node, store } = await stage(t, { sessions: { idle_timeout: '500ms' } });
    const session = await Session.open(node.mcp);
    await session.text('quick', { key: 'a' });
    await node.kill();
    assert.notDeepEqual(await store.contents(), []);
    if (storeKind === 'redis') {
      await emptied(store, 75_000);
      await node.start();
    } else {
      await sleep(62_000);
      await node.start();
      await emptied(store);
    }
    assert.equal((await session.post(session.message('ping'))).status, 404);
  });
});

describe('a session that nobody uses lives in the store only', durable, () => {
  const sessions = { passivate_after: '300ms' };

  test('and comes back with the next message, as it was', async (t) => {
    const { node, upstream } = await stage(t, { sessions });
    const session = await Session.open(node.mcp);
    await session.result('logging/setLevel', { level: 'warning' });
    await session.text('quick', { key: 'a' });
    const done = await session.request('tools/call', { name: 'slow', arguments: { key: 's', ms: 200, steps: 2 }, _meta: { progressToken: 1 } });
    for (let i = 0; i < 3; ++i) {
      await node.sessions(0);
      assert.equal(await session.text('count', { key: `n${i}`, counter: 'c' }), `n${i}: c ${i + 1}`);
    }
    await node.sessions(0);
    const again = (await session.get(done.events[0].id)).stream;
    await again.end();
    assert.deepEqual(progressOf(again.messages), [1, 2]);
    assert.equal(again.messages.at(-1).result.content[0].text, 's: 2 steps');
    assert.equal(upstream.record('executed', 's').length, 1);
    await node.sessions(0);
    assert.equal((await session.delete()).status, 200);
  });

  test('and hears on its return which lists have changed', async (t) => {
    const { node, upstream } = await stage(t, { sessions });
    const session = await Session.open(node.mcp);
    await session.toolNames();
    await node.sessions(0);
    await upstream.grow(100);
    const other = await Session.open(node.mcp);
    await waitFor('the new tool', async () => (await other.toolNames()).includes('grown_1'));
    const own = (await session.get()).stream;
    await own.message((m) => m.method === 'notifications/tools/list_changed');
    await session.result('ping');
    assert.equal(own.messages.length, 1);
  });

  test('and survives the node there', async (t) => {
    const { node } = await stage(t, { sessions });
    const session = await Session.open(node.mcp);
    await node.sessions(0);
    await node.crash();
    assert.ok((await session.toolNames()).includes('quick'));
  });

  test('unless it has a stream open or a call under way', async (t) => {
    const { node } = await stage(t, { sessions });
    const streaming = await Session.open(node.mcp);
    const calling = await Session.open(node.mcp);
    const idle = await Session.open(node.mcp);
    const own = (await streaming.get()).stream;
    const call = calling.text('count_slow', { key: 'a', counter: 'c', ms: 1500 });
    await node.sessions(2);
    await sleep(700);
    assert.equal((await node.health()).sessions, 2);
    assert.equal(await call, 'a: c 1');
    await node.sessions(1);
    own.close();
    await node.sessions(0);
    await idle.result('ping');
  });

  test('with many messages at once on the way back, all of which are answered', async (t) => {
    const { node, upstream } = await stage(t, { sessions: { passivate_after: '50ms' } });
    const session = await Session.open(node.mcp);
    for (let round = 0; round < 5; ++round) {
      await node.sessions(0);
      const texts = await Promise.all(upTo(20).map((i) => session.text('quick', { key: `${round}-${i}`, value: 'v' })));
      texts.forEach((text, i) => assert.equal(text, `${round}-${i + 1}: v`));
      for (const i of upTo(20)) assert.equal(upstream.record('executed', `${round}-${i}`).length, 1);
    }
  });

  test('with messages that come just when it leaves', async (t) => {
    const { node } = await stage(t, { sessions: { passivate_after: '30ms' } });
    const session = await Session.open(node.mcp);
    for (let i = 0; i < 40; ++i) {
      await sleep(28 + (i % 8));
      assert.equal(await session.text('quick', { key: `k${i}`, value: 'v' }), `k${i}: v`);
    }
  });
});

describe('while Redis does not answer', { ...durable, ...onRedis }, () => {
  /// A node over a Redis of its own.
  async function troubled(t, config = {}) {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-redis-'));
    const redis = new Redis(folder);
    await redis.start();
    // What follows is cleaned up in this order: a node that stops wants to write.
    t.after(() => redis.thaw());
    const upstream = await startRecording(t);
    const node = await Node.start(t, {
      store: { url: `unix:${redis.socket}`, hold_timeout: '500ms' }, upstreams: { up: { url: upstream.url } }, ...config,
    });
    t.after(() => redis.crash());
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const session = await Session.open(node.mcp);
    await session.toolNames();
    return { redis, upstream, node, session };
  }

  const troubles = {
    'stands still': { begin: (redis) => redis.freeze(), end: (redis) => redis.thaw() },
    'is paused': { begin: (redis) => redis.command('CLIENT', 'PAUSE', '4000', 'ALL'), end: () => sleep(3000) },
    'is dead': { begin: (redis) => redis.crash(), end: (redis) => redis.start() },
  };
  const readiness = async (node) => {
    const reply = await exchange(node.ready, { method: 'GET' });
    return { code: reply.status, ...(await reply.json()) };
  };

  for (const [what, { begin, end }] of Object.entries(troubles)) {
    test(`because it ${what}, calls are refused for now and not made, and nothing is lost`, async (t) => {
      const { redis, upstream, node, session } = await troubled(t);
      assert.equal(await session.text('count', { key: 'before', counter: 'c' }), 'before: c 1');
      await begin(redis);
      const call = callOf(session, 'count', { key: 'a', counter: 'c' });
      const reply = await session.post(call);
      assert.equal(reply.status, 503);
      assert.match(reply.headers['retry-after'], /^\d+$/);
      assert.equal((await reply.json()).error.code, -32000);
      assert.equal((await readiness(node)).code, 503);
      const second = await session.post(callOf(session, 'count', { key: 'b', counter: 'c' }));
      assert.equal(second.status, 503);
      assert.equal(node.logged('store.unavailable').length, 1);
      assert.deepEqual([...upstream.record('executed', 'a'), ...upstream.record('executed', 'b')], []);
      assert.ok((await session.toolNames()).includes('quick'), 'what needs no store is served');

      await end(redis);
      await waitFor('the node to be ready', async () => (await readiness(node)).code === 200, 15_000);
      const { answer } = await answerTo(session, call);
      assert.equal(answer.result?.content[0].text, 'a: c 2', JSON.stringify(answer));
      assert.equal(await session.text('count', { key: 'after', counter: 'c' }), 'after: c 3');
      assert.deepEqual(upstream.record('executed', 'b'), []);
      assert.equal(node.logged('store.available').length, 1);
      assert.equal(node.logged('session.lost').length, 0);
      await node.crash();
      assert.equal(await session.text('count', { key: 'later', counter: 'c' }), 'later: c 4');
    });

    test(`because it ${what}, the result of a call under way waits, and comes once`, async (t) => {
      const { redis, upstream, node, session } = await troubled(t);
      const call = callOf(session, 'count_slow', { key: 'a', counter: 'c', ms: 400 }, { token: 'p' });
      const streamed = callOf(session, 'slow', { key: 's', ms: 600, steps: 3 }, { token: 'p' });
      const one = session.post(call);
      const two = (await session.post(streamed)).stream;
      await upstream.has('executed', 'a');
      await two.until((s) => s.events.length > 0, 'the priming event');
      await begin(redis);
      const seen = two.messages.length;
      await upstream.has('returned', 's');
      await sleep(300);
      assert.ok(two.messages.length <= seen + 1, 'events that are not durable have left');
      await end(redis);
      await two.message((m) => m.id === streamed.id, 'the response', 20_000);
      assert.deepEqual(progressOf(two.messages), upTo(3));
      const reply = await one;
      const answer = reply.stream ? await reply.stream.message((m) => m.id === call.id, 'the response', 20_000)
        : reply.status === 503 ? (await answerTo(session, call)).answer : await reply.json();
      assert.equal(answer.result?.content[0].text, 'a: c 1', JSON.stringify(answer));
      assert.equal(upstream.record('executed', 'a').length, 1);
      assert.equal(upstream.record('executed', 's').length, 1);
      assert.equal(node.logged('session.lost').length, 0);
    });

    test(`because it ${what}, and durability may be lost, calls are answered, and all is written afterwards`, async (t) => {
      const { redis, upstream, node, session } = await troubled(t, { on_store_loss: 'degrade' });
      await begin(redis);
      assert.equal(await session.text('count', { key: 'a', counter: 'c' }), 'a: c 1');
      const streamed = await session.request('tools/call', { name: 'slow', arguments: { key: 's', ms: 300, steps: 3 }, _meta: { progressToken: 1 } });
      assert.deepEqual(progressOf(streamed.messages), upTo(3));
      assert.deepEqual(await readiness(node), { code: 200, status: 'degraded' });
      assert.equal((await node.health()).store.state, 'degraded');
      assert.ok(node.logged('call.answered').every((line) => line.includes('"durability":"lost"')));
      assert.equal(node.logged('call.answered').length, 2);
      assert.equal(node.logged('store.unavailable').length, 1);
      const started = Date.now();
      assert.equal(await session.text('count', { key: 'b', counter: 'c' }), 'b: c 2');
      assert.ok(Date.now() - started < 400 * slowness, 'a call waits for a store that is known to be away');

      await end(redis);
      await waitFor('the store to be back', async () => (await readiness(node)).status === 'ok', 15_000);
      await session.text('count', { key: 'c', counter: 'c' });
      await node.crash();
      const again = (await session.get(streamed.events[0].id)).stream;
      await again.end();
      assert.deepEqual(progressOf(again.messages), upTo(3));
      assert.equal(await session.text('count', { key: 'd', counter: 'c' }), 'd: c 4');
      assert.equal(upstream.record('executed', 'a').length, 1);
    });
  }

  test('a session that nobody has seen yet is refused for now, not unknown', async (t) => {
    const { redis, node, session } = await troubled(t);
    await node.crash();
    redis.freeze();
    const reply = await session.post(session.message('tools/list'));
    assert.equal(reply.status, 503);
    assert.ok(reply.headers['retry-after']);
    redis.thaw();
    await waitFor('the session', async () => (await session.post(session.message('ping'))).status === 200, 10_000);
  });

  test('nobody is told that a session has ended before its end is durable', async (t) => {
    const { redis, session } = await troubled(t);
    redis.freeze();
    assert.equal((await session.delete()).status, 503);
    const later = [await session.post(session.message('ping')), await session.get(), await session.delete()];
    assert.deepEqual(later.map(({ status }) => status), [503, 503, 503]);
    const again = session.delete({ 'holdfast-repeated': '1' });  // as a balancer sends it, which has had no answer
    await sleep(100);
    redis.thaw();
    assert.equal((await again).status, 200);
    await waitFor('the end', async () => (await session.post(session.message('ping'))).status === 404, 10_000);
  });

  test('nobody is told that a log level is set before that is durable', async (t) => {
    const { redis, session, upstream } = await troubled(t);
    await session.text('quick', { key: 'a' });
    const set = (level) => session.post(session.message('logging/setLevel', { level }));
    redis.freeze();
    assert.equal((await set('warning')).status, 503);
    assert.ok(upstream.record('level', 'warning').length > 0, 'the upstream has not been told');
    redis.thaw();
    await waitFor('the level to be set', async () => (await set('error')).status === 200, 10_000);
  });

  test('a node that is asked to stop does not wait for it', async (t) => {
    const { redis, node, session } = await troubled(t);
    redis.freeze();
    postAndForget(session, callOf(session, 'count', { key: 'a', counter: 'c' }));
    await sleep(100);
    await node.stop();
    redis.thaw();
    await node.start();
    assert.ok((await session.toolNames()).includes('count'));
  });

  test('a new session is refused for now', async (t) => {
    const { redis, node } = await troubled(t);
    redis.freeze();
    await assert.rejects(Session.open(node.mcp), /503/);
    redis.thaw();
    await waitFor('a session', () => Session.open(node.mcp).catch(() => undefined), 10_000);
  });
});

describe('two nodes over one Redis', { ...durable, ...onRedis }, () => {
  test('the first says nothing more once the second has taken over', async (t) => {
    const { node: first, store, upstream } = await stage(t);
    const session = await Session.open(first.mcp);
    const call = callOf(session, 'slow', { key: 's', ms: 3000, steps: 10 }, { token: 'p' });
    const stream = (await session.post(call)).stream;
    await stream.until((s) => progressOf(s.messages).length >= 1, 'some progress');
    const second = await Node.start(t, { store: store.config(), upstreams: { up: { url: upstream.url } } });
    const told = stream.messages.length;
    await stream.end(10_000);
    assert.ok(stream.messages.length <= told + 2, 'the first went on');
    assert.ok(stream.messages.every((m) => m.id !== call.id));

    const count = callOf(session, 'count', { key: 'a', counter: 'c' });
    const refused = await session.post(count).catch(() => ({ status: 'cut' }));
    assert.ok(refused.status === 'cut' || refused.status >= 400, `the first answered ${refused.status}`);
    assert.deepEqual(upstream.record('executed', 'a'), []);

    session.url = second.mcp;
    const rest = (await session.get(stream.events.at(-1).id)).stream;
    await rest.end();
    assert.deepEqual(progressOf([...stream.messages, ...rest.messages]), upTo(10));
    assert.equal(rest.messages.at(-1).id, call.id);
    const { answer } = await answerTo(session, count);
    assert.equal(answer.result?.content[0].text, 'a: c 1', JSON.stringify(answer));
    assert.equal(upstream.record('executed', 's').length, 1);
  });
});
