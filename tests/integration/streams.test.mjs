// The event streams of a session: what is on them, how they are resumed, when they end.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { direct, fileContext, gatewayOnly, slowness, startFixture, startNode, startTrouble, waitFor } from './support/processes.mjs';
import { exchange, jsonHeaders, revisions, Session } from './support/wire.mjs';

const file = fileContext();
let fixture;
let node;

before(async () => {
  fixture = await startFixture(file);
  node = await startNode(file, {
    upstreams: { fixture: { url: fixture.url } }, sessions: { keep_alive: '200ms', retry: '500ms' },
  });
});

const open = (options) => Session.open(node.mcp, options);
const withProgress = (seconds) => ({ name: 'fixture_hang', arguments: { seconds }, _meta: { progressToken: 'p' } });
const progress = (messages) => messages.filter((m) => m.method === 'notifications/progress').map((m) => m.params.progress);
const upTo = (n) => Array.from({ length: n }, (_, i) => i + 1);

describe('a stream begun by POST', () => {
  test('carries the progress of its call in order, then the response, then ends', async () => {
    const session = await open();
    const reply = await session.start('tools/call', withProgress(0.5));
    assert.equal(reply.status, 200);
    assert.match(reply.headers['cache-control'], /no-cache|no-store/);
    await reply.stream.end();
    const { messages } = reply.stream;
    const steps = progress(messages);
    assert.ok(steps.length >= 3);
    assert.deepEqual(steps, upTo(steps.length));
    assert.ok(messages.filter((m) => m.method).every((m) => m.params.progressToken === 'p'));
    assert.equal(messages.at(-1).id, reply.id);
    assert.equal(messages.at(-1).result.content[0].text, 'not cancelled');
  });

  test('keeps the type of the progress token', async () => {
    const session = await open();
    for (const progressToken of [0, 42, '42', 'ü"\\']) {
      const { messages } = await session.request('tools/call', { name: 'test_tool_with_progress', _meta: { progressToken } });
      const tokens = messages.filter((m) => m.method === 'notifications/progress').map((m) => m.params.progressToken);
      assert.deepEqual(tokens, [progressToken, progressToken, progressToken]);
      assert.deepEqual(progress(messages), [0, 50, 100]);
    }
  });

  test('begins with a priming event and the reconnection time in 2025-11-25, and in no older revision', async () => {
    for (const revision of revisions) {
      const session = await open({ revision });
      const { events } = await session.request('tools/call', withProgress(0.3));
      if (revision === '2025-11-25') {
        assert.equal(events[0].data, '');
        assert.ok(events[0].id);
        assert.equal(events.find((e) => e.retry !== undefined)?.retry, '500');
        assert.equal(events.filter((e) => e.data === '').length, 1);
      } else {
        assert.ok(events.every((e) => e.data), `${revision}: ${JSON.stringify(events[0])}`);
        assert.ok(events.every((e) => e.retry === undefined));
      }
    }
  });

  test('gives every message its own event id', async () => {
    for (const revision of direct ? ['2025-11-25'] : revisions.slice(1)) {
      const session = await open({ revision });
      const ids = [];
      for (let i = 0; i < 3; ++i) ids.push(...(await session.request('tools/call', withProgress(0.3))).events.map((e) => e.id));
      assert.ok(ids.every((id) => id), `${revision}: an event without id`);
      assert.equal(new Set(ids).size, ids.length);
    }
  });

  test('does not wait for other calls of the session', async () => {
    const session = await open();
    const slow = await session.start('tools/call', withProgress(30));
    for (let i = 0; i < 20; ++i) assert.equal(await session.text('test_simple_text'), 'This is a simple text response for testing.');
    assert.equal(slow.stream.ended, false);
    slow.stream.close();
    await session.delete();
  });

  test('is not disturbed by hundreds of calls at once', async () => {
    const session = await open();
    const texts = await Promise.all(Array.from({ length: 200 }, (_, i) => session.text('fixture_echo', { value: `v${i}` })));
    texts.forEach((text, i) => assert.equal(JSON.parse(text).args.value, `v${i}`));
  });

  test('carries comments while it is quiet', gatewayOnly, async () => {
    const session = await open();
    const reply = await session.start('tools/call', { name: 'slow_compute', arguments: { seconds: 1.2 } });
    await reply.stream.end();
    assert.ok(reply.stream.comments.length >= 2, `${reply.stream.comments.length} comments`);
  });
});

describe('cancellation', () => {
  const cancelled = async (session) => JSON.parse(await session.text('fixture_state')).cancelled;

  test('reaches the upstream, and the cancelled request gets no response', async () => {
    const session = await open();
    const before_ = await cancelled(session);
    const reply = await session.start('tools/call', withProgress(30));
    await reply.stream.message((m) => m.method === 'notifications/progress');
    await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: reply.id, reason: 'enough' } });
    await waitFor('the upstream to see the cancellation', async () => (await cancelled(session)) === before_ + 1);
    await sleep(200);
    assert.ok(reply.stream.messages.every((m) => m.id !== reply.id));
  });

  test('of another session\'s request does nothing', async () => {
    const [mine, other] = [await open(), await open()];
    const reply = await mine.start('tools/call', withProgress(1));
    await reply.stream.message((m) => m.method === 'notifications/progress');
    await other.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: reply.id } });
    const answer = await reply.stream.message((m) => m.id === reply.id);
    assert.equal(answer.result.content[0].text, 'not cancelled');
  });

  test('is not what a lost connection means', async () => {
    const session = await open();
    const before_ = await cancelled(session);
    const reply = await session.start('tools/call', withProgress(0.8));
    const first = await reply.stream.until((s) => s.events.find((e) => e.data), 'the first progress');
    reply.stream.close();
    await sleep(1000);
    const resumed = (await session.get(first.id)).stream;
    const answer = await resumed.message((m) => m.id === reply.id);
    assert.equal(answer.result.content[0].text, 'not cancelled');
    assert.equal(await cancelled(session), before_);
  });
});

describe('resumption', () => {
  test('of a running call brings the rest of its events, each once, and the response', async () => {
    const session = await open();
    const reply = await session.start('tools/call', withProgress(1));
    const cut = await reply.stream.until((s) => progress(s.messages).length >= 3 && s.events.at(-1), 'three steps');
    reply.stream.close();
    const before_ = progress(reply.stream.messages);
    await sleep(100);
    const resumed = (await session.get(cut.id)).stream;
    const answer = await resumed.message((m) => m.id === reply.id);
    assert.equal(answer.result.content[0].text, 'not cancelled');
    const steps = [...before_, ...progress(resumed.messages)];
    assert.deepEqual(steps, upTo(steps.length));
    await resumed.end();
  });

  test('works again and again for one call', async () => {
    const session = await open();
    const reply = await session.start('tools/call', withProgress(1.5));
    const steps = [];
    let stream = reply.stream;
    for (let round = 0; round < 4; ++round) {
      const last = await stream.until((s) => s.events.filter((e) => e.data).at(1) && s.events.at(-1), 'two steps');
      stream.close();
      steps.push(...progress(stream.messages));
      stream = (await session.get(last.id)).stream;
    }
    await stream.message((m) => m.id === reply.id);
    steps.push(...progress(stream.messages));
    assert.deepEqual(steps, upTo(steps.length));
  });

  test('of a completed stream brings what came after the event, then ends', async () => {
    for (const revision of direct ? ['2025-11-25'] : revisions.slice(1)) {
      const session = await open({ revision });
      const { events, answer } = await session.request('tools/call', withProgress(0.4));
      const told = events.filter((e) => e.data);
      for (const from of [0, 1, told.length - 2]) {
        const resumed = (await session.get(told[from].id)).stream;
        await resumed.end();
        assert.deepEqual(resumed.messages, told.slice(from + 1).map((e) => JSON.parse(e.data)), `${revision} from ${from}`);
        assert.deepEqual(resumed.messages.at(-1), answer);
      }
      const nothing = await session.get(told.at(-1).id);
      assert.equal(nothing.status, 200);
      await nothing.stream.end();
      assert.deepEqual(nothing.stream.messages, []);
    }
  });

  test('from the priming event brings the whole stream', async () => {
    const session = await open();
    const { events } = await session.request('tools/call', withProgress(0.3));
    const resumed = (await session.get(events[0].id)).stream;
    await resumed.end();
    assert.deepEqual(resumed.messages, events.filter((e) => e.data).map((e) => JSON.parse(e.data)));
  });

  test('with an event id that was never given is refused', async () => {
    const session = await open();
    const { events } = await session.request('tools/call', withProgress(0.3));
    for (const id of ['nonsense', `${events[0].id}9999999`, '-1', '1', 'x'.repeat(2000), '0_0']) {
      const reply = await session.get(id);
      if (direct && reply.status === 200) { reply.stream.close(); continue; }
      assert.equal(reply.status, 400, `${id}`);
    }
  });

  test('with an event id of another session brings nothing of that session', async () => {
    const [mine, other] = [await open(), await open()];
    const told = async (session, progressToken) => {
      const params = { name: 'fixture_hang', arguments: { seconds: 0.3 }, _meta: { progressToken } };
      return (await session.request('tools/call', params)).events.filter((e) => e.data);
    };
    const events = await told(mine, 'mine');
    for (const round of ['with streams of its own', 'without']) {
      const stranger = round === 'without' ? await open() : other;
      if (stranger === other) await told(other, 'other');
      for (const { id } of events) {
        const reply = await stranger.get(id);
        if (!reply.stream) { assert.equal(reply.status, 400); continue; }
        assert.equal(stranger, other, 'an event id was accepted by a session that has given none');
        await sleep(50);
        assert.ok(!JSON.stringify(reply.stream.messages).includes('mine'), 'events of one session were given to another');
        reply.stream.close();
      }
    }
  });

  test('of events that are kept no longer is refused', gatewayOnly, async (t) => {
    const trouble = await startTrouble(t);
    const small = await startNode(t, { upstreams: { trouble: { url: trouble.url } }, sessions: { replay_events_max: 16 } });
    const session = await Session.open(small.mcp);
    const { events } = await session.request('tools/call', { name: 'count', arguments: { count: 200 }, _meta: { progressToken: 1 } });
    assert.equal((await session.get(events[1].id)).status, 400);
    const late = await session.get(events.at(-3).id);
    assert.equal(late.status, 200);
    await late.stream.end();
    assert.equal(late.stream.messages.length, 2);
  });
});

describe('the session\'s own stream (GET)', () => {
  const touch = (session) => session.text('test_touch_resource', { uri: 'test://watched-resource' });

  async function subscribed() {
    const session = await open();
    const stream = (await session.get()).stream;
    await session.result('resources/subscribe', { uri: 'test://watched-resource' });
    return { session, stream };
  }

  test('carries updates of subscribed resources and no responses', async () => {
    const { session, stream } = await subscribed();
    await touch(session);
    const update = await stream.message((m) => m.method === 'notifications/resources/updated');
    assert.equal(update.params.uri, 'test://watched-resource');
    await session.result('resources/unsubscribe', { uri: 'test://watched-resource' });
    const count = stream.messages.length;
    await touch(session);
    await session.result('tools/list');
    await sleep(200);
    assert.equal(stream.messages.slice(count).filter((m) => m.method === 'notifications/resources/updated').length, 0);
    assert.ok(stream.messages.every((m) => m.method !== undefined));
    stream.close();
  });

  test('carries nothing about resources that only another session subscribed to', async () => {
    const one = await subscribed();
    const other = await open();
    const otherStream = (await other.get()).stream;
    await touch(other);
    await one.stream.message((m) => m.method === 'notifications/resources/updated');
    await sleep(100);
    assert.ok(otherStream.messages.every((m) => m.method !== 'notifications/resources/updated'));
  });

  test('begins with a priming event and the reconnection time in 2025-11-25 only', async () => {
    for (const revision of revisions) {
      const session = await open({ revision });
      const { stream } = await session.get();
      if (revision === '2025-11-25') {
        const first = await stream.until((s) => s.events[0], 'the priming event');
        assert.equal(first.data, '');
        assert.ok(first.id);
        assert.equal(first.retry ?? stream.events.find((e) => e.retry)?.retry, '500');
      } else {
        await sleep(100);
        assert.deepEqual(stream.events.filter((e) => e.retry !== undefined || e.data === ''), []);
      }
      stream.close();
    }
  });

  test('carries comments while it is quiet', gatewayOnly, async () => {
    const session = await open();
    const { stream } = await session.get();
    await stream.until((s) => s.comments.length >= 3, 'three comments', 3000);
  });

  test('can be resumed: what happened meanwhile is on it', async () => {
    const { session, stream } = await subscribed();
    await touch(session);
    const event = await stream.until((s) => s.events.find((e) => e.data), 'an update');
    stream.close();
    await sleep(100);
    await touch(session);
    const resumed = (await session.get(event.id)).stream;
    await resumed.message((m) => m.method === 'notifications/resources/updated');
    await sleep(100);
    assert.equal(resumed.messages.filter((m) => m.method === 'notifications/resources/updated').length, 1);
  });

  test('exists once: a second one stays open and gets nothing', gatewayOnly, async () => {
    const { session, stream } = await subscribed();
    const second = (await session.get()).stream;
    await touch(session);
    await stream.message((m) => m.method === 'notifications/resources/updated');
    await second.until((s) => s.comments.length >= 2, 'comments on the second stream');
    assert.deepEqual(second.messages, []);
    assert.equal(second.ended, false);
  });

  test('has at most 32 others beside it: one more closes the oldest', gatewayOnly, async () => {
    const { session, stream } = await subscribed();
    const others = [];
    for (let i = 0; i < 32; ++i) others.push((await session.get()).stream);
    await others.at(-1).until((s) => s.comments.length, 'a comment');
    assert.equal(others.filter((s) => s.ended).length, 0);
    const last = (await session.get()).stream;
    await others[0].end();
    await last.until((s) => s.comments.length, 'a comment');
    assert.equal(others.filter((s) => s.ended).length, 1);
    assert.equal(stream.ended, false);
    await touch(session);
    await stream.message((m) => m.method === 'notifications/resources/updated');
  });
});

describe('time', gatewayOnly, () => {
  test('ends a session without traffic, and not one with an open stream', async (t) => {
    const impatient = await startNode(t, {
      upstreams: { fixture: { url: fixture.url } }, sessions: { idle_timeout: '700ms', keep_alive: '100ms' },
    });
    const [idle, listening] = [await Session.open(impatient.mcp), await Session.open(impatient.mcp)];
    const { stream } = await listening.get();
    await sleep(2500 * slowness);
    assert.equal((await idle.post({ jsonrpc: '2.0', id: 1, method: 'ping' })).status, 404);
    assert.equal(stream.ended, false);
    assert.deepEqual(await listening.result('ping'), {});
  });

  test('does not end a session whose call is still running', async (t) => {
    const impatient = await startNode(t, {
      upstreams: { fixture: { url: fixture.url } }, sessions: { idle_timeout: '500ms' },
    });
    const session = await Session.open(impatient.mcp);
    assert.match(await session.text('slow_compute', { seconds: 2, label: 'long' }), /computed long/);
  });

  test('gives up on a client that never answers a request of the server', async (t) => {
    const impatient = await startNode(t, {
      upstreams: { fixture: { url: fixture.url } }, sessions: { client_answer_timeout: '500ms' },
    });
    const session = await Session.open(impatient.mcp, { capabilities: { sampling: {} } });
    const reply = await session.start('tools/call', { name: 'test_sampling', arguments: { prompt: 'hello?' } });
    const asked = await reply.stream.message((m) => m.method === 'sampling/createMessage');
    const answer = await reply.stream.message((m) => m.id === reply.id && m.method === undefined);
    assert.ok(answer.error || answer.result.isError, JSON.stringify(answer));
    const late = await session.post({ jsonrpc: '2.0', id: asked.id, result: { role: 'assistant', model: 'm', content: { type: 'text', text: 'late' } } });
    assert.equal(late.status, 202);
    assert.deepEqual(await session.result('ping'), {});
  });
});

describe('the older SSE transport', () => {
  async function connect() {
    const { status, stream } = await exchange(node.sse, { method: 'GET', headers: { accept: 'text/event-stream' } });
    assert.equal(status, 200);
    const endpoint = await stream.until((s) => s.events.find((e) => e.event === 'endpoint'), 'the endpoint event');
    assert.equal(stream.events[0], endpoint);
    const url = new URL(endpoint.data, node.sse);
    assert.equal(url.origin, new URL(node.sse).origin);
    const post = (message) => exchange(url.href, { headers: jsonHeaders, body: JSON.stringify(message) });
    return { stream, post, url };
  }
  const initialize = (protocolVersion) => ({
    jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion, capabilities: {}, clientInfo: { name: 'old', version: '1' } },
  });

  test('answers on the stream what is posted beside it', async () => {
    for (const revision of revisions) {
      const { stream, post } = await connect();
      stream.events.length = stream.messages.length = 0;
      assert.equal((await post(initialize(revision))).status, 202);
      const answer = await stream.message((m) => m.id === 0);
      assert.equal(answer.result.protocolVersion, revision);
      await post({ jsonrpc: '2.0', method: 'notifications/initialized' });
      assert.equal((await post({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: withProgress(0.3) })).status, 202);
      await stream.message((m) => m.id === 1);
      assert.ok(progress(stream.messages).length >= 1);
      assert.ok(stream.events.every((e) => e.data), 'an event with empty data on the older transport');
      stream.close();
    }
  });

  test('ends the session with its stream', async () => {
    const { stream, post } = await connect();
    await post(initialize('2024-11-05'));
    await waitFor('the answer', () => stream.messages.length >= 1 || stream.events.length >= 2);
    stream.close();
    await waitFor('the session to end', async () => (await post({ jsonrpc: '2.0', id: 1, method: 'ping' })).status === 404);
  });

  test('knows no session but its own', async () => {
    const { stream, url } = await connect();
    const wrong = new URL(url);
    for (const [name, value] of wrong.searchParams) wrong.searchParams.set(name, `${value}x`);
    for (const href of [wrong.href, url.origin + url.pathname]) {
      const reply = await exchange(href, { headers: jsonHeaders, body: JSON.stringify(initialize('2024-11-05')) });
      assert.ok([400, 404].includes(reply.status), `${reply.status}`);
    }
    stream.close();
  });
});
