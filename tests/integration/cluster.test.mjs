// Several nodes over one Redis, with a session that lives on one of them and clients that talk to any.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { at, Cluster, clustered, secret } from './support/cluster.mjs';
import { slowness, stdioTrouble, waitFor } from './support/processes.mjs';
import { exchange, initializeRequest, Session } from './support/wire.mjs';

const progressOf = (messages) => messages.filter((m) => m.method === 'notifications/progress').map((m) => m.params.progress);

/// The lines about slots that came to a node.
const takenBy = (node) => node.logged('cluster.slots_taken').map((line) => JSON.parse(line));

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

describe('a session of the older HTTP+SSE transport', clustered, () => {
  async function open(node) {
    const { stream } = await exchange(new URL('/sse', node.mcp), { method: 'GET', headers: { accept: 'text/event-stream' } });
    const endpoint = await stream.until((s) => s.events.find((event) => event.event === 'endpoint'), 'the endpoint');
    const post = (through, message) => exchange(new URL(endpoint.data, through.mcp), { headers: { 'content-type': 'application/json' }, body: JSON.stringify(message) });
    return { stream, post };
  }

  test('takes messages at every node, and its answers come on its stream', async (t) => {
    const cluster = await Cluster.start(t, 3);
    const [first, second, third] = cluster.nodes;
    const { stream, post } = await open(first);
    assert.equal((await post(second, initializeRequest('2024-11-05'))).status, 202);
    assert.equal((await stream.message((m) => m.id === 'init')).result.protocolVersion, '2024-11-05');
    assert.equal((await post(third, { jsonrpc: '2.0', method: 'notifications/initialized' })).status, 202);
    for (const [id, node] of cluster.nodes.entries()) {
      assert.equal((await post(node, { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'quick', arguments: { key: node.name, value: 'x' } } })).status, 202);
      assert.equal((await stream.message((m) => m.id === id)).result.content[0].text, `${node.name}: x`);
    }
    assert.equal((await post(second, [])).status, 400, 'what its own node says of a bad message');
    // Slots come and go; the session stays with its stream.
    await cluster.add();
    await cluster.settled();
    for (const [id, node] of cluster.nodes.entries()) {
      assert.equal((await post(node, { jsonrpc: '2.0', id: `again ${id}`, method: 'ping' })).status, 202);
      await stream.message((m) => m.id === `again ${id}`);
    }
    stream.close();
    await waitFor('the session to end', async () => (await post(second, { jsonrpc: '2.0', id: 9, method: 'ping' })).status === 404);
  });

  test('ends with its node', async (t) => {
    const cluster = await Cluster.start(t, 2);
    const { stream, post } = await open(cluster.nodes[0]);
    assert.equal((await post(cluster.nodes[1], initializeRequest('2024-11-05'))).status, 202);
    await stream.message((m) => m.id === 'init');
    await cluster.nodes[0].kill();
    await stream.end();
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
    // Until it is known to be dead, it only cannot be reached.
    await waitFor('the end to be known', async () => {
      const { status } = await post(cluster.nodes[1], ping);
      assert.ok([404, 502, 503].includes(status), `${status}`);
      return status === 404;
    });
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
    const taken = cluster.alive.flatMap((n) => takenBy(n).filter((line) => line.how === 'takeover'));
    assert.ok(taken.length > 0 && taken.every((line) => line.from === 'n1'), JSON.stringify(taken));
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
  await frozen.process.freeze();
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

test('a node that is declared dead while it leaves ends soon, and keeps nobody waiting', clustered, async (t) => {
  const cluster = await Cluster.start(t, 3, { drain_timeout: '60s' });
  const [leaving, other] = cluster.nodes;
  const tells = (node, event) => node.logged(event).some((line) => JSON.parse(line).node === leaving.name);
  const session = await Session.open(leaving.mcp);
  const call = session.post(session.message('tools/call', { name: 'slow', arguments: { key: 'k', ms: 300_000, steps: 1 } })).catch(() => undefined);
  await cluster.upstream.has('executed', 'k');
  leaving.process.signal('SIGTERM');
  await waitFor('the others to know', () => tells(other, 'cluster.leaving'));
  await leaving.process.freeze();
  leaving.frozen = true;
  await waitFor('the others to go on', () => tells(other, 'cluster.gone'), 10_000);
  const thawed = Date.now();
  leaving.process.signal('SIGCONT');
  leaving.frozen = false;
  await leaving.process.ends(10_000);
  t.diagnostic(`ended ${Date.now() - thawed} ms after it woke up`);
  assert.match(leaving.process.stderr, /"cluster.declared_dead"/);
  await call;
  assert.equal((await at(session, other).post(session.message('ping'))).status, 200);
});

describe('a copy of a request that comes late', clustered, () => {
  // As nodes see it, too.
  const now = () => process.hrtime.bigint() / 1000n;
  const count = (session, key) => session.message('tools/call', { name: 'count', arguments: { key, counter: key } });

  /// What another node, which is `sender`, would send on: the client was seen to wait at the second of these times.
  const sentOn = (session, node, sender, [came, awaited], message, how = 'mcp') => exchange(`http://127.0.0.1:${node.peers}/peer/${how}?${sender}.1`, {
    headers: session.headers({ authorization: `Bearer ${secret}`, 'holdfast-awaited': `${came},${awaited}` }), body: JSON.stringify(message),
  });
  const ownerOf = async (session, node) => (await (await fetch(`http://${node.admin.replace('http://', '')}/mcp/owner/${session.id}`)).json()).incarnation;

  test('is not carried out when its call has ended and is forgotten', async (t) => {
    const cluster = await Cluster.start(t, 2, { sessions: { replay_age_max: '1s' } });
    const [node] = cluster.nodes;
    const session = await Session.open(node.mcp);
    const owner = await ownerOf(session, node);
    const before = now();
    const call = count(session, 'k');
    assert.equal((await (await session.post(call)).json()).result.content[0].text, 'k: k 1');
    await sleep(1200);
    await session.text('count', { key: 'other', counter: 'other' });  // with which the outcome goes
    const late = await sentOn(session, node, owner, [before, now()], call);
    assert.equal((await late.json()).error.data.mayHaveRun, true);
    assert.equal(cluster.upstream.record('executed', 'k').length, 1);
    const after = now();
    assert.equal((await sentOn(session, node, owner, [after, now()], call)).status, 200);
    assert.equal(cluster.upstream.record('executed', 'k').length, 2, 'whoever uses an id anew gets a call of its own');
  });

  test('does not show that the answer to the first one has reached its client', async (t) => {
    const cluster = await Cluster.start(t, 2);
    const [node] = cluster.nodes;
    const session = await Session.open(node.mcp);
    const owner = await ownerOf(session, node);
    const call = count(session, 'k');
    for (const how of ['mcp', 'again']) {
      const reply = await sentOn(session, node, owner, [now(), now()], call, how);
      assert.equal((await reply.json()).result.content[0].text, 'k: k 1');
    }
    await sleep(1200);
    await session.text('count', { key: 'other', counter: 'other' });  // with which outcomes that have arrived go
    const later = await sentOn(session, node, owner, [now(), now()], call);
    assert.equal((await later.json()).result.content[0].text, 'k: k 1');
    assert.equal(cluster.upstream.record('executed', 'k').length, 1);
  });

  test('is sent back to the node where its client may still be, if the owner knows nothing of that time', async (t) => {
    const cluster = await Cluster.start(t, 2);
    const [first, second] = cluster.nodes;
    const session = await Session.open(first.mcp);
    const before = now();
    await first.kill();
    assert.equal(await at(session, second).text('quick', { key: 'a', value: 'taken over' }), 'a: taken over');
    const owner = await ownerOf(session, second);
    const call = count(session, 'k');
    for (const awaited of [before, now() + 60_000_000n]) {
      assert.equal((await sentOn(session, second, owner, [before, awaited], call)).status, 425, `${awaited}`);
    }
    assert.equal(cluster.upstream.record('executed', 'k').length, 0);
    assert.equal((await sentOn(session, second, owner, [before, now()], call)).status, 200);
    assert.equal(cluster.upstream.record('executed', 'k').length, 1);
  });
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
  const [n1, n2, n3] = cluster.nodes.map(takenBy);
  const sum = (lines, how, from) => lines.filter((l) => l.how === how && l.from === from).reduce((all, l) => all + Number(l.slots), 0);
  assert.equal(sum(n1, 'free', ''), 1024, JSON.stringify(n1));
  assert.ok(sum(n3, 'handover', 'n1') > 200 && sum(n3, 'handover', 'n2') > 100, JSON.stringify(n3));
  assert.ok(sum(n2, 'handover', 'n1') > 500 && sum(n2, 'takeover', 'n1') === 0, JSON.stringify(n2));
});

test('a node that waits for its lists ends when it is told to', clustered, async (t) => {
  const cluster = await Cluster.start(t, 2);
  const [, waiting] = cluster.nodes;
  await waiting.stop();
  waiting.reconfigure((config) => ({ ...config, catalogue: { first_list_wait: '60s' }, upstreams: { mute: stdioTrouble('--mute') } }));
  const starting = waiting.start();
  starting.catch(() => {});
  await waiting.process.says(/store\.open/);
  await sleep(500);
  waiting.process.signal('SIGTERM');
  assert.deepEqual(await waiting.process.ends(5_000), { code: 0, signal: null });
  await starting;
});
