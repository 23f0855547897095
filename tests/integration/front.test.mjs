// What clients see of a cluster through a front that gives each request to another node.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRecording } from './support/lives.mjs';
import { nodesOfGateway, ok, startCluster } from './support/launcher.mjs';
import { slowness, startFixture, stdioTrouble, waitFor } from './support/processes.mjs';
import { exchange, initializeRequest, jsonHeaders, Session } from './support/wire.mjs';

const clustered = { skip: nodesOfGateway > 1 ? false : 'needs HOLDFAST_TEST_NODES=3' };
const health = async ({ admin }) => (await fetch(`${admin}/mcp/health`)).json();

/// A cluster whose sessions stay where they are.
async function startAtRest(t, config) {
  const cluster = await startCluster(t, nodesOfGateway, config);
  await cluster.launcher.rests();
  return cluster;
}

/// The nodes, the one with the only session first.
async function ownerFirst(nodes) {
  const counts = await Promise.all(nodes.map(async (node) => (await health(node)).sessions));
  assert.equal(counts.reduce((sum, count) => sum + count, 0), 1, `sessions: ${counts}`);
  return [...nodes].sort((a, b) => counts[nodes.indexOf(b)] - counts[nodes.indexOf(a)]);
}

const kill = ({ pid }) => process.kill(pid, 'SIGKILL');

/// How often each key was executed.
function executions(upstream) {
  const times = {};
  for (const { what, key } of upstream.records()) if (what === 'executed') times[key] = (times[key] ?? 0) + 1;
  return times;
}

/// Calls that take so long, spread over all nodes: {key, message, answered}, the latter with the message that came back. They
/// run when this returns.
async function running(session, upstream, count, ms) {
  const calls = Array.from({ length: count }, () => {
    const message = session.message('tools/call', { name: 'count_slow' });
    const key = `call-${message.id}`;
    message.params.arguments = { key, counter: key, ms };
    const answered = session.post(message, {}, 40_000).then((reply) => reply.json());
    answered.catch(() => {});
    return { key, message, answered };
  });
  await waitFor('the calls to run', () => {
    const times = executions(upstream);
    return calls.every(({ key }) => times[key] === 1);
  }, 10_000);
  return calls;
}

/// After a while in which they would.
async function ranOnce(upstream, calls) {
  await sleep(300);
  const times = executions(upstream);
  for (const { key } of calls) assert.equal(times[key], 1, key);
}

describe('a node is killed', clustered, () => {
  test('and its requests are answered all the same, and run once', async (t) => {
    const upstream = await startRecording(t);
    const { mcp, nodes } = await startAtRest(t, {
      sessions: { stream_after: '60s' },  // or they would be streams, which clients resume themselves
      upstreams: { up: { url: upstream.url } },
    });
    const session = await Session.open(mcp);
    const [owner, other] = await ownerFirst(nodes);

    const through = await running(session, upstream, 9, 1500 * slowness);
    kill(other);
    for (const call of through) {
      const answer = await call.answered;
      assert.equal(answer.result?.content[0].text, `${call.key}: ${call.key} 1`, JSON.stringify(answer));
    }
    await ranOnce(upstream, through);

    const at = await running(session, upstream, 9, 1500 * slowness);
    kill(owner);
    // Their upstream cannot be asked for them again, so that nobody knows what became of them.
    const answers = await Promise.all(at.map(async (call) => ({ ...await call.answered, key: call.key })));
    const cut = answers.filter((answer) => answer.error?.data?.mayHaveRun);
    assert.ok(cut.length > 0);
    // Some may have ended before.
    for (const answer of answers) assert.ok(cut.includes(answer) || answer.result.content[0].text === `${answer.key}: ${answer.key} 1`, JSON.stringify(answer));
    await ranOnce(upstream, at);
    assert.equal(await session.text('quick', { key: 'k', value: 'still here' }), 'k: still here');
  });

  test('and what is not journaled is not made again', async (t) => {
    const upstream = await startRecording(t);
    const { mcp, nodes } = await startAtRest(t, {
      sessions: { stream_after: '60s' },
      upstreams: { up: { url: upstream.url, durability: 'none' } },
    });
    const session = await Session.open(mcp);
    const [, other] = await ownerFirst(nodes);
    const all = await running(session, upstream, 9, 1500 * slowness);
    kill(other);
    const answers = await Promise.all(all.map(({ answered }) => answered));
    const cut = answers.filter((answer) => answer.error);
    for (const answer of cut) assert.ok(answer.error.data?.mayHaveRun, JSON.stringify(answer));
    assert.ok(cut.length >= 1 && cut.length < all.length, `${cut.length} of ${all.length} went through ${other.name}`);
    await ranOnce(upstream, all);
  });

  test('and initialize, lists and the end of a session work', async (t) => {
    // It answers nothing, so that everybody waits for it a little.
    const { mcp, nodes } = await startCluster(t, nodesOfGateway, { catalogue: { first_list_wait: '1s' }, upstreams: { mute: stdioTrouble('--mute') } });
    const body = JSON.stringify(initializeRequest());
    const opening = [1, 2, 3].map(() => exchange(mcp, { headers: jsonHeaders, body, ms: 30_000 }));
    await sleep(300);
    kill(nodes[0]);
    const opened = await Promise.all(opening);
    for (const reply of opened) assert.equal(reply.status, 200, reply.stream ? '' : await reply.text());
    assert.equal(new Set(opened.map((reply) => reply.headers['mcp-session-id'])).size, 3);

    const session = await Session.open(mcp);
    const listing = [1, 2].map(() => session.request('prompts/list', undefined, { ms: 30_000 }));
    kill(nodes[1]);
    for (const { answer } of await Promise.all(listing)) assert.deepEqual(answer.result, { prompts: [] });
    assert.equal((await session.delete()).status, 200);
    assert.equal((await session.delete()).status, 404);
    assert.equal((await session.delete({ 'holdfast-repeated': '1' })).status, 404, 'only the front says that');
    assert.equal((await exchange(nodes[2].mcp, { method: 'DELETE', headers: session.headers({ 'holdfast-repeated': '1' }) })).status, 200);
  });
});

test('lists are paged through whatever node comes next, also when the session moves', clustered, async (t) => {
  const fixture = await startFixture(t);
  const { mcp, nodes } = await startAtRest(t, { upstreams: { fixture: { url: fixture.url } }, catalogue: { page_size: 3 } });
  const session = await Session.open(mcp);
  const [owner] = await ownerFirst(nodes);
  const names = [];
  let cursor;
  for (let page = 0; page === 0 || cursor; ++page) {
    if (page === 3) kill(owner);
    const { tools, nextCursor } = await session.result('tools/list', cursor && { cursor });
    names.push(...tools.map((tool) => tool.name));
    cursor = nextCursor;
  }
  assert.ok(names.length > 12);
  assert.deepEqual(names, (await Session.open(fixture.url).then((direct) => direct.toolNames())));
});

test('a node that stops serves what it has begun, also for sessions of others', clustered, async (t) => {
  const upstream = await startRecording(t);
  const { mcp, launcher, nodes } = await startAtRest(t, { drain_timeout: '30s', upstreams: { up: { url: upstream.url } } });
  const [leaving, ...others] = nodes;
  // It has no session of its own, so it may leave the cluster at once, and then has what it passes on.
  const sessions = await Promise.all([...others, ...others, ...others].map((node) => Session.open(node.mcp).then((s) => s.at(mcp))));
  const calls = sessions.map((session, i) => session.text('slow', { key: `s${i}`, ms: 3000, steps: 4 }, { ms: 40_000 }));
  await Promise.all(sessions.map((_, i) => upstream.has('executed', `s${i}`)));
  await launcher.ends(ok, 'restart', leaving.name);
  for (const text of await Promise.all(calls)) assert.match(text, /4 steps$/);
});

test('nodes that stay are ready while others go and come', clustered, async (t) => {
  const { launcher, nodes } = await startAtRest(t, {});
  const [leaving, ...others] = nodes;
  let over = false;
  const looks = Promise.all(others.map(async ({ mcp }) => {
    let looks = 0;
    for (; !over; ++looks) {
      const answer = await fetch(new URL('/readyz', mcp));
      assert.equal(answer.status, 200, await answer.text());
    }
    return looks;
  })).finally(() => { over = true; });
  looks.catch(() => {});
  for (let i = 0; i < 3 && !over; ++i) await launcher.ends(ok, 'restart', leaving.name);
  over = true;
  for (const count of await looks) assert.ok(count > 100, `only ${count} looks`);
});

test('a restart of all nodes in turn fails no call', clustered, async (t) => {
  const upstream = await startRecording(t);
  const { mcp, launcher, nodes } = await startCluster(t, nodesOfGateway, { drain_timeout: '30s', upstreams: { up: { url: upstream.url } } });
  const sessions = await Promise.all(Array.from({ length: 12 }, () => Session.open(mcp)));
  let over = false;
  const keys = [];
  const load = Promise.all(sessions.map(async (session, i) => {
    for (let n = 0; !over; ++n) {
      const key = `${i}-${n}`;
      const [name, args] = n % 3 === 0 ? ['slow', { ms: 200, steps: 4 }] : ['count', { counter: key }];
      assert.match(await session.text(name, { key, ...args }, { ms: 40_000 }), name === 'slow' ? /4 steps$/ : / 1$/, key);
      keys.push(key);
    }
  })).catch((error) => { over = true; throw error; });
  load.catch(() => {});
  for (const { name } of nodes) {
    if (over) break; // A call has failed: the logs end soon after it.
    await launcher.ends(ok, 'restart', name);
    assert.equal((await launcher.node(name)).state, 'ready');
  }
  over = true;
  await load;
  // And a client can begin at any time.
  await Session.open(mcp);
  t.diagnostic(`${keys.length} calls`);
  assert.ok(keys.length > 3 * sessions.length, `only ${keys.length} calls`);
  await ranOnce(upstream, keys.map((key) => ({ key })));
});
