// What a session has at its upstreams, and what it knows of them, when another node goes on with it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { at, Cluster, clustered } from './support/cluster.mjs';
import { slowness, startFixture, waitFor } from './support/processes.mjs';
import { Session } from './support/wire.mjs';
import { readRecord } from '../crash/record.mjs';

const stdioFile = fileURLToPath(new URL('../crash/upstream-stdio.mjs', import.meta.url));
const sampling = { sampling: {} };
const named = (method) => (m) => m.method === method;
const count = (stream, method) => stream.messages.filter(named(method)).length;
const progressOf = (messages) => messages.filter(named('notifications/progress')).map((m) => m.params.progress);
const toolsChanged = 'notifications/tools/list_changed';
const resourceUpdated = 'notifications/resources/updated';

const callOf = (session, name, args, token) =>
  session.message('tools/call', { name, arguments: args, ...(token === undefined ? {} : { _meta: { progressToken: token } }) });

/// The client's own stream, through this node, once it can miss nothing any more.
async function listen(session, node) {
  const { stream } = await at(session, node).get();
  await stream.until((s) => s.events.length > 0, 'the priming event');
  return stream;
}

/// A recording upstream over stdio, a process for each session.
function stdioUpstream(store) {
  const file = path.join(store.folder, 'stdio-record');
  return {
    upstream: { command: process.execPath, args: [stdioFile, file, ''], scope: 'session' },
    record: (what, key) => readRecord(file).filter((entry) => entry.what === what && (key === undefined || entry.key === key)),
  };
}

/// What stands in the store: the snapshot of the one session that there is.
async function snapshotOf(cluster, session) {
  const key = (await cluster.store.contents()).find((name) => name.includes(session.id) && !/events?:/.test(name));
  return JSON.parse(await cluster.store.redis('HGET', key, 's'));
}

describe('lists that change', clustered, () => {
  test('while a session is on its way are told to a client that only listens, once, and no others', async (t) => {
    const cluster = await Cluster.start(t, 2);
    const [first, second] = cluster.nodes;
    const session = await Session.open(first.mcp);
    await session.toolNames();
    const own = await listen(session, second);
    await first.kill();
    await cluster.upstream.grow(cluster.nodes.length);
    await own.message(named(toolsChanged));
    assert.ok((await at(session, second).toolNames()).includes('grown_1'));
    await second.stop();
    await cluster.upstream.grow(0);
    await second.start();
    const again = (await at(session, second).get(own.events.findLast((e) => e.id).id)).stream;
    await again.message(named(toolsChanged));
    assert.ok((await at(session, second).toolNames()).includes('grown_2'));
    const all = [...own.messages, ...again.messages];
    assert.deepEqual(all.map((m) => m.method), [toolsChanged, toolsChanged]);
  });

  test('for one node are told to the sessions of all nodes, which then leave their upstream alone', async (t) => {
    const cluster = await Cluster.start(t, 3);
    const sessions = await Promise.all(cluster.nodes.map((node) => Session.open(node.mcp)));
    const streams = [];
    for (const [i, session] of sessions.entries()) {
      await session.toolNames();
      streams.push(await listen(session, cluster.nodes[i]));
    }
    await cluster.upstream.grow(1);
    await Promise.all(streams.map((s) => s.message(named(toolsChanged))));
    for (const session of sessions) assert.ok((await session.toolNames()).includes('grown_1'));
    // The one that was told may have read once more, on hearing late what another node showed before.
    await sleep(1500);
    const readings = cluster.nodes.map((node) => node.logged('catalogue.read_anew').length);
    assert.ok(readings.filter((n) => n === 1).length >= 2 && Math.max(...readings) === 1, `${readings}`);
  });
});

describe('subscriptions', clustered, () => {
  test('go along: the client is told to look again, and then of what changes', async (t) => {
    const fixture = await startFixture(t);
    const cluster = await Cluster.start(t, 2, { upstreams: { fixture: { url: fixture.url } } });
    const [first, second] = cluster.nodes;
    const session = await Session.open(first.mcp);
    const uri = 'test://watched-resource';
    await session.result('resources/subscribe', { uri });
    const own = await listen(session, second);
    await first.kill();
    const updated = await own.message(named(resourceUpdated));
    assert.equal(updated.params.uri, uri);
    const other = await Session.open(second.mcp);
    await other.text('test_touch_resource', { uri });
    await own.until((s) => count(s, resourceUpdated) === 2, 'the next update');
    assert.deepEqual(own.messages.map((m) => m.method), [resourceUpdated, resourceUpdated]);
  });
});

describe('a process of the session alone', clustered, () => {
  async function stage(t) {
    let stdio;
    const cluster = await Cluster.start(t, 2, ({ store }) => {
      stdio = stdioUpstream(store);
      return { upstreams: { memory: stdio.upstream } };
    });
    return { cluster, stdio, first: cluster.nodes[0], second: cluster.nodes[1] };
  }
  const losses = (messages) => messages.filter((m) => m.method === 'notifications/message' && m.params.logger === 'holdfast');

  test('is started anew, with the log level, and the client is told once what that means', async (t) => {
    const { cluster, stdio, first, second } = await stage(t);
    const session = await Session.open(first.mcp);
    await session.result('logging/setLevel', { level: 'warning' });
    assert.equal(await session.text('count', { key: 'a', counter: 'c' }), 'a: c 1');
    assert.equal(await session.text('count', { key: 'b', counter: 'c' }), 'b: c 2');
    const own = await listen(session, second);
    await first.kill();
    const { params } = await own.message(named('notifications/message'));
    assert.deepEqual([params.level, params.logger, params.data.upstream], ['warning', 'holdfast', 'memory']);
    assert.match(params.data.message, /is lost/);
    assert.equal(await at(session, second).text('count', { key: 'c', counter: 'c' }), 'c: c 1');
    assert.deepEqual(stdio.record('level').map((r) => r.key), ['warning', 'warning']);
    const { losses: written, processes } = await snapshotOf(cluster, session);
    assert.deepEqual([written.map((l) => l.upstream), processes], [['memory'], ['memory']]);
    assert.equal(losses(own.messages).length, 1);
  });

  test('takes a call along: its stream tells of both, and its history, too', async (t) => {
    const { cluster, stdio, first, second } = await stage(t);
    const session = await Session.open(first.mcp);
    const own = await listen(session, second);
    const call = callOf(session, 'slow', { key: 'k', ms: 60_000, steps: 600 }, 'p');
    const { stream } = await at(session, second).post(call);
    await stream.until((s) => progressOf(s.messages).length >= 2, 'some progress');
    await first.kill();
    const { error } = await stream.message((m) => m.id === call.id);
    assert.equal(error.data.mayHaveRun, true);
    assert.equal(losses(stream.messages).length, 1);
    assert.equal(await at(session, second).text('quick', { key: 'q', value: 'on' }), 'q: on');
    const { finished } = await waitFor('the history', async () => {
      const written = await snapshotOf(cluster, session);
      return written.finished?.length ? written : undefined;
    });
    assert.deepEqual(finished[0].history.slice(-2).map((step) => step.slice(0, 2)), [['process_lost', 'executing'], ['connection_lost', 'interrupted']]);
    assert.deepEqual(losses(own.messages), []);
    assert.equal(stdio.record('executed', 'k').length, 1);
  });

  test('is lost in silence for a client that wants errors only', async (t) => {
    const { first, second } = await stage(t);
    const session = await Session.open(first.mcp);
    await session.result('logging/setLevel', { level: 'error' });
    await session.text('count', { key: 'a', counter: 'c' });
    const own = await listen(session, second);
    await first.kill();
    assert.equal(await at(session, second).text('count', { key: 'b', counter: 'c' }), 'b: c 1');
    await at(session, second).result('ping');
    assert.deepEqual(own.messages, []);
    assert.equal(second.logged('session.state_lost').length, 1);
  });
});

describe('what an upstream asks of the client', clustered, () => {
  const reply = (session, node, asked, text) => at(session, node).post({
    jsonrpc: '2.0', id: asked.id, result: { role: 'assistant', model: 'm', content: { type: 'text', text } },
  });

  test('during a call is answered through another node after the owner has gone, once', async (t) => {
    const cluster = await Cluster.start(t, 2);
    const [first, second] = cluster.nodes;
    const session = await Session.open(first.mcp, { capabilities: sampling });
    const call = callOf(session, 'ask', { key: 'k' });
    const { stream } = await at(session, second).post(call);
    const asked = await stream.message(named('sampling/createMessage'));
    await first.kill();
    assert.equal((await reply(session, second, asked, 'yes')).status, 202);
    const answer = await stream.message((m) => m.id === call.id && !m.method);
    assert.equal(answer.result?.content[0].text, 'k: was told yes', JSON.stringify(answer));
    assert.equal((await reply(session, second, asked, 'no')).status, 202);
    assert.deepEqual(cluster.upstream.record('told', 'k').map((r) => r.text), ['yes']);
    assert.equal(count(stream, 'sampling/createMessage'), 1);
  });

  test('outside any call, too, and over the same session there, which knows the log level', async (t) => {
    const cluster = await Cluster.start(t, 2);
    const [first, second] = cluster.nodes;
    const session = await Session.open(first.mcp, { capabilities: sampling });
    await session.result('logging/setLevel', { level: 'info' });
    const own = await listen(session, second);
    for (const key of ['a', 'b']) await session.text('ask_aside', { key });
    const [one, two] = await own.until((s) => {
      const asked = s.messages.filter(named('sampling/createMessage'));
      return asked.length === 2 && asked;
    }, 'both requests');
    assert.equal((await reply(session, second, one, 'before')).status, 202);
    await cluster.upstream.has('told', 'a');
    await first.kill();
    assert.equal((await reply(session, second, two, 'after')).status, 202);
    await cluster.upstream.has('told', 'b');
    assert.deepEqual(['a', 'b'].map((key) => cluster.upstream.record('told', key).map((r) => r.text)), [['before'], ['after']]);
    await at(session, second).text('ask_aside', { key: 'c' });
    const three = await own.until((s) => s.messages.filter(named('sampling/createMessage'))[2], 'the third request');
    assert.equal((await reply(session, second, three, 'again')).status, 202);
    await cluster.upstream.has('told', 'c');
    assert.deepEqual(own.messages.map((m) => m.method), Array(3).fill('sampling/createMessage'));
    await waitFor('the log level at the connection of after', () => cluster.upstream.record('level', 'info').length >= 2);
  });
});

describe('a call that runs through one node', clustered, () => {
  const slow = (session, seconds, steps) => callOf(session, 'slow', { key: 'k', ms: seconds * 1000 * slowness, steps }, 'p');

  test('is cancelled through another', async (t) => {
    const cluster = await Cluster.start(t, 3);
    const [first, second, third] = cluster.nodes;
    const session = await Session.open(first.mcp);
    for (const isTakenOver of [false, true]) {
      const call = slow(session, 60, 200);
      const { stream } = await at(session, second).post(call);
      await stream.until((s) => progressOf(s.messages).length >= 1, 'some progress');
      if (isTakenOver) {
        await first.kill();
        const seen = progressOf(stream.messages).length;
        await stream.until((s) => progressOf(s.messages).length > seen + 1, 'progress after the takeover');
      }
      const before = cluster.upstream.cancelled().length;
      const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: call.id } };
      assert.equal((await at(session, third).post(cancelled)).status, 202);
      await waitFor('the upstream to hear of it', () => cluster.upstream.cancelled().length === before + 1);
      const seen = progressOf(stream.messages).length;
      await at(session, third).result('ping');
      assert.equal(stream.messages.some((m) => m.id === call.id), false);
      assert.ok(progressOf(stream.messages).length <= seen + 1);
      stream.close();
    }
  });

  test('keeps its progress and the order of its event ids when the owner dies', async (t) => {
    const cluster = await Cluster.start(t, 2);
    const [first, second] = cluster.nodes;
    const session = await Session.open(first.mcp);
    const call = slow(session, 2.5, 20);
    const { stream } = await at(session, second).post(call);
    await stream.until((s) => progressOf(s.messages).length >= 3, 'some progress');
    await first.kill();
    const answer = await stream.message((m) => m.id === call.id);
    assert.equal(answer.result?.content[0].text, 'k: 20 steps', JSON.stringify(answer));
    assert.deepEqual(progressOf(stream.messages), Array.from({ length: 20 }, (_, i) => i + 1));
    const positions = stream.events.filter((e) => e.id).map((e) => Number(e.id.split('-')[1]));
    positions.forEach((p, i) => assert.ok(i === 0 || p > positions[i - 1], `not increasing: ${positions}`));
    assert.equal(cluster.upstream.record('executed', 'k').length, 1);
  });
});
