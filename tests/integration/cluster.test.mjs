// Several nodes over one Redis, with a session that lives on one of them and clients that talk to any.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { at, Cluster, clustered } from './support/cluster.mjs';
import { slowness, waitFor } from './support/processes.mjs';
import { Session } from './support/wire.mjs';

const progressOf = (messages) => messages.filter((m) => m.method === 'notifications/progress').map((m) => m.params.progress);

describe('a session of one node', clustered, () => {
  test('is served by every node', async (t) => {
    const cluster = await Cluster.start(t, 3);
    const session = await Session.open(cluster.nodes[0].mcp);
    for (const node of cluster.nodes) {
      assert.equal((await at(session, node).result('ping')) !== undefined, true);
      assert.equal(await at(session, node).text('quick', { key: node.name, value: `by ${node.name}` }), `${node.name}: by ${node.name}`);
    }
    const owners = await Promise.all(cluster.nodes.map(async (n) => (await n.health()).sessions));
    assert.deepEqual(owners, [1, 0, 0], 'it lives where it began');
    assert.equal((await at(session, cluster.nodes[2]).delete()).status, 200);
    assert.equal((await at(session, cluster.nodes[1]).post({ jsonrpc: '2.0', id: 9, method: 'ping' })).status, 404);
  });

  test('streams progress through another node', async (t) => {
    const cluster = await Cluster.start(t, 2);
    const session = await Session.open(cluster.nodes[0].mcp);
    const call = session.message('tools/call', { name: 'slow', arguments: { key: 'k', ms: 600 * slowness, steps: 5 }, _meta: { progressToken: 'p' } });
    const { stream } = await at(session, cluster.nodes[1]).post(call);
    await stream.message((m) => m.id === call.id);
    assert.deepEqual(progressOf(stream.messages), [1, 2, 3, 4, 5]);
  });

  test('is unknown everywhere if nobody has begun it', async (t) => {
    const cluster = await Cluster.start(t, 2);
    const session = await Session.open(cluster.nodes[0].mcp);
    session.id = 'A'.repeat(22);
    for (const node of cluster.nodes) assert.equal((await at(session, node).post({ jsonrpc: '2.0', id: 1, method: 'ping' })).status, 404);
  });
});

describe('when the owner is killed', clustered, () => {
  test('another node goes on with the session', async (t) => {
    const cluster = await Cluster.start(t, 3);
    const session = await Session.open(cluster.nodes[0].mcp);
    await cluster.nodes[0].kill();
    const began = Date.now();
    assert.equal(await at(session, cluster.nodes[1]).text('quick', { key: 'k', value: 'still here' }), 'k: still here');
    const gap = Date.now() - began;
    t.diagnostic(`answered after ${gap} ms`);
    assert.ok(gap < 1000 * slowness, `answered only after ${gap} ms`);
    await cluster.settled();
  });

  test('a call through another node goes on, and its progress', async (t) => {
    const cluster = await Cluster.start(t, 3);
    const session = await Session.open(cluster.nodes[0].mcp);
    const call = session.message('tools/call', { name: 'slow', arguments: { key: 'k', ms: 2000 * slowness, steps: 10 }, _meta: { progressToken: 'p' } });
    const { stream } = await at(session, cluster.nodes[1]).post(call);
    await stream.until((s) => progressOf(s.messages).length >= 2, 'some progress');
    await cluster.nodes[0].kill();
    const answer = await stream.message((m) => m.id === call.id);
    assert.ok(answer.result ?? answer.error?.data?.mayHaveRun, JSON.stringify(answer));
    const seen = progressOf(stream.messages);
    assert.deepEqual(seen, [...new Set(seen)].sort((a, b) => a - b), 'no progress twice or out of order');
  });
});

test('a node that is frozen loses its sessions, and says nothing of them when it thaws', clustered, async (t) => {
  const cluster = await Cluster.start(t, 3);
  const frozen = cluster.nodes[0];
  const session = await Session.open(frozen.mcp);
  frozen.process.signal('SIGSTOP');
  frozen.frozen = true;
  const began = Date.now();
  assert.equal(await at(session, cluster.nodes[1]).text('quick', { key: 'a', value: 'taken over' }), 'a: taken over');
  t.diagnostic(`answered after ${Date.now() - began} ms`);
  frozen.process.signal('SIGCONT');
  frozen.frozen = false;
  assert.equal(await session.text('quick', { key: 'b', value: 'through it' }), 'b: through it');
  await cluster.settled();
  assert.ok(frozen.logged('cluster.declared_dead').length === 1, 'it knows what has happened');
});

test('a node that comes takes its share, one that leaves gives it back, and no call fails', clustered, async (t) => {
  const cluster = await Cluster.start(t, 2);
  const sessions = await Promise.all(Array.from({ length: 20 }, (_, i) => Session.open(cluster.nodes[i % 2].mcp)));
  let over = false;
  let calls = 0;
  const load = sessions.map(async (session, i) => {
    for (let n = 0; !over; ++n) {
      const nodes = cluster.alive.filter((node) => !node.leaving);
      const text = `${i}-${n}`;
      assert.equal(await at(session, nodes[n % nodes.length]).text('count', { key: text, counter: text }), `${text}: ${text} 1`);
      ++calls;
    }
  });
  const ended = Promise.all(load).catch((e) => { over = true; throw e; });
  ended.catch(() => {});
  await cluster.add();
  await cluster.settled();
  await sleep(300);
  cluster.nodes[0].leaving = true;
  await cluster.nodes[0].stop();
  cluster.nodes[0].killed = true;
  await cluster.settled();
  over = true;
  await ended;
  t.diagnostic(`${calls} calls`);
});
