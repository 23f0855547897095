// Users: who is let in, and that the sessions of one do not exist for another, on whatever node and in whatever state.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { Admin } from './support/admin.mjs';
import { at, Cluster, clustered, secret } from './support/cluster.mjs';
import { Node, startRecording, Store } from './support/lives.mjs';
import { gatewayOnly, program, run, startNode, waitFor } from './support/processes.mjs';
import { storeKind } from './support/stores.mjs';
import { Upstream } from './support/upstream.mjs';
import { exchange, initializeRequest, jsonHeaders, Session } from './support/wire.mjs';

const tokens = { ann: 'token-of-ann-0123456789', bob: 'token-of-bob-0123456789' };
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const access = { users: [{ name: 'ann', token: tokens.ann }, { name: 'bob', token_sha256: sha256(tokens.bob) }] };
const as = (token) => (token ? { authorization: `Bearer ${token}` } : {});
const durable = storeKind === 'memory' || gatewayOnly.skip ? { skip: 'needs a store that outlives the node' } : {};
const nobody = 'AAAAAAAAAAAAAAAAAAAAAA';

const ping = { jsonrpc: '2.0', id: 7, method: 'ping' };
const batch = [ping, { jsonrpc: '2.0', id: 8, method: 'ping' }];
const post = (message, more = {}) => ({ method: 'POST', headers: more, body: JSON.stringify(message) });
const stream = (more = {}) => ({ method: 'GET', headers: { accept: 'text/event-stream', ...more } });

/// All that a client can do to a session, but for its end.
const verbs = {
  'a request': post(ping),
  'a call': post({ jsonrpc: '2.0', id: 9, method: 'tools/call', params: { name: 'quick', arguments: { key: 'foreign', value: 'v' } } }),
  'a request that is repeated': post(ping, { 'holdfast-repeated': '1' }),
  'a notification': post({ jsonrpc: '2.0', method: 'notifications/initialized' }),
  'an answer': post({ jsonrpc: '2.0', id: 1, result: {} }),
  'a batch': post(batch, { 'mcp-protocol-version': '2025-03-26' }),
  'its stream': stream(),
  'a resumption': stream({ 'last-event-id': '0-1' }),
};
const ending = { 'its end': { method: 'DELETE', headers: {} }, 'its end, again': { method: 'DELETE', headers: { 'holdfast-repeated': '1' } } };

/// What one of them is answered: status, headers that tell anything, and body.
async function told(url, { method, headers, body }, id, token, more = {}) {
  const reply = await exchange(url, { method, body, headers: { ...jsonHeaders, 'mcp-session-id': id, ...headers, ...as(token), ...more } });
  const { 'content-type': type, 'mcp-session-id': session, 'retry-after': retry } = reply.headers;
  if (reply.stream) {
    reply.stream.close();
    return { status: reply.status, type, session, retry };
  }
  return { status: reply.status, type, session, retry, text: await reply.text() };
}

/// For somebody else the session is as if it did not exist.
async function isUnknownTo(token, session, urls, more = {}) {
  for (const [name, verb] of Object.entries({ ...verbs, ...ending })) {
    for (const url of urls) {
      const foreign = await told(url, verb, session.id, token, more);
      assert.deepEqual(foreign, await told(url, verb, nobody, token, more), `${name} at ${url}`);
      assert.equal(foreign.status, name === 'its end, again' ? 200 : 404, name);
    }
  }
}

async function openSse(node, token) {
  const { stream: events, status } = await exchange(new URL('/sse', node.mcp), { method: 'GET', headers: { accept: 'text/event-stream', ...as(token) } });
  assert.equal(status, 200);
  const endpoint = await events.until((s) => s.events.find((event) => event.event === 'endpoint'), 'the endpoint');
  const send = (through, message, by = token) => exchange(new URL(endpoint.data, through.mcp), { headers: { 'content-type': 'application/json', ...as(by) }, body: JSON.stringify(message) });
  return { events, send, endpoint: endpoint.data };
}

const one = async (t, config = {}) => {
  const upstream = await startRecording(t);
  const node = await startNode(t, { access, upstreams: { up: { url: upstream.url } }, ...config });
  return { upstream, node };
};

describe('a node with users', gatewayOnly, () => {
  test('lets in whoever shows the token of one, and tells all others what is needed', async (t) => {
    const { node } = await one(t);
    const requests = [
      ['/mcp', post(initializeRequest())], ['/mcp', post(ping)], ['/mcp', stream()], ['/mcp', { method: 'DELETE', headers: {} }], ['/mcp', { method: 'PUT', headers: {} }],
      ['/sse', stream()], [`/messages?sessionId=${nobody}`, post(ping)],
    ];
    const credentials = [
      [{}, false], [{ authorization: 'Basic YW5uOmFubg==' }, false], [{ authorization: 'Bearer' }, false],
      [as('not-the-token-of-anybody'), true], [as(`${tokens.ann}x`), true], [as(tokens.ann.slice(0, -1)), true], [as(sha256(tokens.bob)), true], [as('ann'), true],
      [{ 'holdfast-user': 'ann' }, false],
    ];
    for (const [path, { method, headers, body }] of requests) {
      for (const [shown, isToken] of credentials) {
        const reply = await exchange(`${node.base}${path}`, { method, body, headers: { ...jsonHeaders, ...headers, ...shown } });
        assert.equal(reply.status, 401, `${method} ${path} ${JSON.stringify(shown)}`);
        assert.equal(reply.headers['www-authenticate'], `Bearer realm="holdfast"${isToken ? ', error="invalid_token"' : ''}`);
        const { error } = await reply.json();
        assert.match(error.message, /Authorization: Bearer TOKEN/);
        assert.equal(reply.headers['mcp-session-id'], undefined);
      }
    }
    for (const path of ['/healthz', '/readyz']) assert.equal((await exchange(`${node.base}${path}`, { method: 'GET' })).status, 200);
    assert.equal((await exchange(`${node.base}/other`, { method: 'GET' })).status, 404);
    for (const token of Object.values(tokens)) {
      const session = await Session.open(node.mcp, { token });
      assert.equal(await session.text('quick', { key: 'k', value: 'v' }), 'k: v');
      assert.deepEqual(await session.result('ping', undefined, { headers: { authorization: `bearer ${token}` } }), {});
    }
    const refused = node.stderr.split('\n').filter((line) => line.includes('access.refused'));
    assert.ok(refused.length >= 1 && refused.length < 10, `${refused.length} lines`);
    for (const token of [...Object.values(tokens), 'not-the-token']) assert.ok(!node.stderr.includes(token), 'a token is in the log');
  });

  test('has sessions that exist for their user only', async (t) => {
    const { node } = await one(t);
    const mine = await Session.open(node.mcp, { token: tokens.ann });
    await isUnknownTo(tokens.bob, mine, [node.mcp]);
    const own = await mine.get();
    assert.equal(own.status, 200);
    assert.equal(await mine.text('quick', { key: 'k', value: 'v' }), 'k: v');
    assert.equal((await mine.delete()).status, 200);
    assert.equal((await mine.post(ping)).status, 404);
  });

  test('does not let another user answer what a client was asked, or read on in its streams', async (t) => {
    const { upstream, node } = await one(t);
    const mine = await Session.open(node.mcp, { token: tokens.ann });
    const other = await Session.open(node.mcp, { token: tokens.bob });
    const call = mine.message('tools/call', { name: 'slow', arguments: { key: 'k', ms: 600, steps: 3 }, _meta: { progressToken: 'p' } });
    const reply = await mine.post(call);
    const first = await reply.stream.until((s) => s.events.find((e) => e.id), 'an event');
    const resumed = await other.get(first.id);
    assert.notEqual(resumed.status, 200, 'events of another session were shown');
    assert.equal((await told(node.mcp, stream({ 'last-event-id': first.id }), mine.id, tokens.bob)).status, 404);
    const cancel = post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: call.id } });
    assert.equal((await told(node.mcp, cancel, mine.id, tokens.bob)).status, 404);
    await reply.stream.message((m) => m.id === call.id);
    assert.equal(upstream.cancelled().length, 0);
  });

  test('serves clients of HTTP+SSE by the same rules', async (t) => {
    const { node } = await one(t);
    const { events, send } = await openSse(node, tokens.ann);
    const foreign = await send(node, initializeRequest('2024-11-05'), tokens.bob);
    const unknown = await exchange(`${node.base}/messages?sessionId=${nobody}`, { headers: { 'content-type': 'application/json', ...as(tokens.bob) }, body: JSON.stringify(ping) });
    assert.equal(foreign.status, 404);
    assert.equal(await foreign.text(), await unknown.text());
    assert.equal((await send(node, initializeRequest('2024-11-05'))).status, 202);
    assert.equal((await events.message((m) => m.id === 'init')).result.protocolVersion, '2024-11-05');
    assert.deepEqual(events.messages.map((m) => m.id), ['init']);
  });

  test('believes no client that says who it is', async (t) => {
    const { node } = await one(t);
    const mine = await Session.open(node.mcp, { token: tokens.ann });
    for (const name of ['ann', '*', 'anonymous']) await isUnknownTo(tokens.bob, mine, [node.mcp], { 'holdfast-user': name });
    const forged = await exchange(node.mcp, { headers: { ...jsonHeaders, ...as(tokens.bob), 'holdfast-user': 'ann' }, body: JSON.stringify(initializeRequest()) });
    const { session } = await new Admin(node.admin).get(`/v1/sessions/${forged.headers['mcp-session-id']}`);
    assert.equal(session.user, 'bob');
  });

  test('keeps results for one user, and cursors of one are none of another', async (t) => {
    const tool = (name) => ({ name, inputSchema: { type: 'object' } });
    const up = await Upstream.start(t, { tools: [tool('mine'), tool('more')], text() { return String(this.calls); } });
    const node = await startNode(t, { access, catalogue: { page_size: 1 }, upstreams: { up: { url: up.url, cache: [{ tools: ['mine'], ttl: '1m', scope: 'user' }] } } });
    const open = (token) => Session.open(node.mcp, { token });
    const [ann, again, bob] = [await open(tokens.ann), await open(tokens.ann), await open(tokens.bob)];
    assert.equal(await ann.text('mine'), '1');
    assert.equal(await again.text('mine'), '1', 'the sessions of a user share it');
    assert.equal(await bob.text('mine'), '2');
    assert.equal(await bob.text('mine'), '2');
    const { nextCursor: cursor } = await ann.result('tools/list');
    assert.ok(cursor);
    assert.equal((await again.result('tools/list', { cursor })).tools[0].name, 'more');
    assert.equal((await bob.error('tools/list', { cursor })).code, -32602);
  });

  test('lets operators use the sessions of all, and begin some for a user', async (t) => {
    const { node } = await one(t);
    const ask = new Admin(node.admin);
    const execute = (body, status = 200) => ask.post('/v1/executions', undefined, status, { tool: 'quick', params: { key: 'k', value: 'v' }, ...body });
    const mine = await Session.open(node.mcp, { token: tokens.ann });
    const inside = await execute({ sessionId: mine.id });
    assert.equal(inside.sessionId, mine.id);
    assert.equal((await execute({ sessionId: mine.id, user: 'ann' })).sessionId, mine.id);
    await execute({ sessionId: mine.id, user: 'bob' }, 404);
    await execute({ user: 'carol' }, 400);
    assert.equal((await execute({ user: 'bob' })).status, 'succeeded');
    const keyed = await Promise.all(['ann', 'bob', undefined].map((user) => execute({ idempotencyKey: 'same', ...(user ? { user } : {}) })));
    assert.equal(new Set(keyed.map((e) => e.sessionId)).size, 3, 'a key of one user is none of another');
    assert.equal((await execute({ idempotencyKey: 'same', user: 'ann' })).executionId, keyed[0].executionId);
    assert.equal((await execute({ idempotencyKey: 'same' })).executionId, keyed[2].executionId);
    const of = async (id) => (await ask.get(`/v1/sessions/${id}`)).session.user;
    assert.deepEqual(await Promise.all([mine.id, ...keyed.map((e) => e.sessionId)].map(of)), ['ann', 'ann', 'bob', 'anonymous']);
    assert.equal((await mine.at(node.mcp).post(ping)).status, 200);
    assert.equal((await told(node.mcp, verbs['a request'], keyed[0].sessionId, tokens.ann)).status, 200, 'it is the session of that user');
    assert.equal((await told(node.mcp, verbs['a request'], keyed[2].sessionId, tokens.ann)).status, 404);
    const config = await ask.get('/v1/config');
    assert.deepEqual(JSON.stringify(config).match(/"users":\[[^\]]*\]/)?.[0], '"users":["ann","bob"]');
    const listed = await run(program('holdfast'), ['sessions', '--admin', node.admin]);
    assert.match(listed.stdout, /\bann\b/, listed.stderr);
  });

  test('lets the command line in with a token', async (t) => {
    const { node } = await one(t);
    const holdfast = (words, env = {}) => run(program('holdfast'), [...words, '--url', node.mcp], { env: { ...process.env, ...env } });
    const call = ['call', 'quick', '{"key":"k","value":"v"}'];
    const without = await holdfast(call);
    assert.equal(without.code, 3);
    assert.match(without.stderr, /401.*HOLDFAST_TOKEN is the token/);
    for (const done of [await holdfast(call, { HOLDFAST_TOKEN: tokens.ann }), await holdfast([...call, '--token', tokens.bob])]) {
      assert.equal(done.code, 0, done.stderr);
      assert.equal(done.stdout, 'k: v\n');
    }
    assert.match((await holdfast(['tools'], { HOLDFAST_TOKEN: tokens.ann })).stdout, /^quick /m);
    const load = await holdfast(['bench', 'quick', '{"key":"k","value":"v"}', '--duration', '300ms', '--connections', '2'], { HOLDFAST_TOKEN: tokens.ann });
    assert.equal(load.code, 0, load.stderr);
    const { stdout } = await run(program('holdfast'), ['--help'], { env: { ...process.env, HOLDFAST_TOKEN: tokens.ann } });
    assert.ok(!stdout.includes(tokens.ann), stdout);
  });

  test('counts the sessions of a user', async (t) => {
    const { node } = await one(t, { sessions: { per_user_max: 2 } });
    const begin = (token) => exchange(node.mcp, { headers: { ...jsonHeaders, ...as(token) }, body: JSON.stringify(initializeRequest()) });
    const first = await Session.open(node.mcp, { token: tokens.ann });
    await Session.open(node.mcp, { token: tokens.ann });
    const refused = await begin(tokens.ann);
    assert.equal(refused.status, 429);
    assert.match((await refused.json()).error.message, /sessions\.per_user_max/);
    assert.ok(refused.headers['retry-after']);
    assert.equal((await exchange(`${node.base}/sse`, { method: 'GET', headers: { accept: 'text/event-stream', ...as(tokens.ann) } })).status, 429);
    assert.equal((await begin(tokens.bob)).status, 200);
    await first.delete();
    await waitFor('room', async () => (await begin(tokens.ann)).status === 200);
  });
});

describe('a session that is in the store only', durable, () => {
  const start = async (t, config = {}) => {
    const upstream = await startRecording(t);
    const store = new Store(t);
    const node = await Node.start(t, { store: store.config(), access, upstreams: { up: { url: upstream.url } }, ...config });
    return { node, upstream, store, mine: await Session.open(node.mcp, { token: tokens.ann }) };
  };

  test('is not woken by another user, and goes on for its own', async (t) => {
    const { node, mine } = await start(t, { sessions: { passivate_after: '200ms' } });
    assert.equal(await mine.text('quick', { key: 'k', value: 'v' }), 'k: v');
    await node.sessions(0);
    const ask = new Admin(node.admin);
    const story = async () => (await ask.get(`/v1/sessions/${mine.id}`)).tenures.length;
    const before = await story();
    for (let i = 0; i < 3; ++i) await isUnknownTo(tokens.bob, mine, [node.mcp]);
    await node.sessions(0);
    const stored = await ask.get(`/v1/sessions/${mine.id}`);
    assert.deepEqual([stored.session.state, stored.session.user], ['stored', 'ann']);
    assert.equal(await story(), before, 'it came back for somebody else');
    assert.deepEqual(await mine.result('ping'), {});
    await isUnknownTo(tokens.bob, mine, [node.mcp]);
  });

  test('answers its user while others ask for it, whoever comes first', async (t) => {
    const { node, mine } = await start(t, { sessions: { passivate_after: '100ms' } });
    for (let round = 0; round < 10; ++round) {
      await node.sessions(0);
      const order = Array.from({ length: 12 }, (_, i) => i % 3 === round % 3);
      const replies = await Promise.all(order.map((own) => told(node.mcp, verbs['a request'], mine.id, own ? tokens.ann : tokens.bob)));
      assert.deepEqual(replies.map((r) => r.status), order.map((own) => (own ? 200 : 404)), `round ${round}`);
      assert.deepEqual(replies.map((r) => JSON.parse(r.text).id), order.map(() => 7));
    }
  });

  test('is still its user\'s after kill -9, with calls that were open', async (t) => {
    const { node, upstream, mine } = await start(t);
    const slow = mine.start('tools/call', { name: 'slow', arguments: { key: 's', ms: 1500, steps: 1 } }).catch(() => null);
    await upstream.has('executed', 's');
    await node.crash();
    await slow;
    await isUnknownTo(tokens.bob, mine, [node.mcp]);
    assert.equal((await told(node.mcp, verbs['a request'], mine.id, 'a-token-of-nobody-at-all')).status, 401);
    assert.equal(await mine.text('quick', { key: 'after', value: 'v' }), 'after: v');
    await waitFor('its user to be known', async () => (await new Admin(node.admin).get(`/v1/sessions/${mine.id}`)).session.user === 'ann');
  });

  test('of before there were users is nobody\'s any more', async (t) => {
    const { node, mine } = await start(t, { access: {} });
    await node.stop();
    node.reconfigure((config) => ({ ...config, access }));
    await node.start();
    await isUnknownTo(tokens.ann, mine, [node.mcp]);
    await Session.open(node.mcp, { token: tokens.ann });
  });
});

describe('a cluster with users', clustered, () => {
  const urls = (nodes) => nodes.map((n) => n.mcp);

  test('has sessions that exist for their user only, through every node', async (t) => {
    const cluster = await Cluster.start(t, 3, { access });
    const [first, second, third] = cluster.nodes;
    const mine = await Session.open(first.mcp, { token: tokens.ann });
    await isUnknownTo(tokens.bob, mine, urls(cluster.nodes));
    for (const name of ['ann', '*']) await isUnknownTo(tokens.bob, mine, urls([second]), { 'holdfast-user': name });
    for (const node of cluster.nodes) {
      assert.equal(await at(mine, node).text('quick', { key: node.name, value: 'v' }), `${node.name}: v`);
      assert.equal((await told(node.mcp, verbs['a request'], mine.id, undefined)).status, 401);
      assert.equal((await told(node.mcp, verbs['a request'], mine.id, 'a-token-of-nobody-at-all')).status, 401);
    }
    const { stream: events } = await at(mine, third).get();
    await events.until((s) => s.events.length > 0, 'the priming event');
    const streamed = mine.message('tools/call', { name: 'slow', arguments: { key: 's', ms: 600, steps: 3 }, _meta: { progressToken: 'p' } });
    const reply = await at(mine, second).post(streamed);
    const { id } = await reply.stream.until((s) => s.events.find((e) => e.id), 'an event');
    for (const node of cluster.nodes) assert.equal((await told(node.mcp, stream({ 'last-event-id': id }), mine.id, tokens.bob)).status, 404);
    await reply.stream.message((m) => m.id === streamed.id);
    assert.equal((await at(mine, third).delete()).status, 200);
    assert.equal((await at(mine, second).post(ping)).status, 404);
    for (const node of cluster.nodes) {
      for (const token of Object.values(tokens)) assert.ok(!node.process.stderr.includes(token), 'a token is in the log');
    }
  });

  test('serves clients of HTTP+SSE by the same rules', async (t) => {
    const cluster = await Cluster.start(t, 2, { access });
    const [first, second] = cluster.nodes;
    const { events, send } = await openSse(first, tokens.ann);
    for (const node of cluster.nodes) {
      assert.equal((await send(node, initializeRequest('2024-11-05'), tokens.bob)).status, 404);
      assert.equal((await send(node, initializeRequest('2024-11-05'), 'a-token-of-nobody-at-all')).status, 401);
    }
    assert.equal((await send(second, initializeRequest('2024-11-05'))).status, 202);
    await events.message((m) => m.id === 'init');
  });

  test('tells users apart when the owner was killed just now', async (t) => {
    const cluster = await Cluster.start(t, 3, { access });
    const [first, second, third] = cluster.nodes;
    const mine = await Session.open(first.mcp, { token: tokens.ann });
    assert.equal(await mine.text('quick', { key: 'k', value: 'v' }), 'k: v');
    await first.kill();
    const others = [second, third];
    const asked = Array.from({ length: 16 }, (_, i) => [i % 4 === 3, others[i % 2]]);
    const replies = await Promise.all(asked.map(([own, node]) => told(node.mcp, verbs['a request'], mine.id, own ? tokens.ann : tokens.bob)));
    assert.deepEqual(replies.map((r) => r.status), asked.map(([own]) => (own ? 200 : 404)), JSON.stringify(replies));
    await isUnknownTo(tokens.bob, mine, urls(others));
    assert.equal(await at(mine, third).text('quick', { key: 'after', value: 'v' }), 'after: v');
  });

  test('tells users apart when nobody but another user has asked since the owner was killed', async (t) => {
    const cluster = await Cluster.start(t, 3, { access });
    const [first, second, third] = cluster.nodes;
    const sessions = await Promise.all(Array.from({ length: 4 }, () => Session.open(first.mcp, { token: tokens.ann })));
    await first.kill();
    for (const mine of sessions) {
      for (const [name, verb] of Object.entries({ ...verbs, 'its end': ending['its end'] })) {
        const replies = await Promise.all([second, third].map((node) => told(node.mcp, verb, mine.id, tokens.bob)));
        assert.deepEqual(replies.map((r) => r.status), [404, 404], name);
      }
    }
    for (const mine of sessions) assert.deepEqual(await at(mine, third).result('ping'), {});
  });

  test('believes only nodes that know the secret', async (t) => {
    const cluster = await Cluster.start(t, 2, { access });
    const [first] = cluster.nodes;
    const mine = await Session.open(first.mcp, { token: tokens.ann });
    const peers = `http://127.0.0.1:${first.peers}/peer/mcp`;
    const { body, headers } = verbs['a request'];
    const knock = (more) => exchange(peers, { headers: { ...jsonHeaders, ...headers, 'mcp-session-id': mine.id, 'holdfast-user': 'ann', ...more }, body });
    for (const credentials of [{}, as(tokens.ann), as(`${secret}x`)]) assert.equal((await knock(credentials)).status, 401);
    // At the port for clients its paths are nothing special.
    assert.equal((await exchange(new URL('/peer/mcp', first.mcp), { headers: { ...jsonHeaders, ...as(secret), 'mcp-session-id': mine.id, 'holdfast-user': 'ann' }, body })).status, 404);
  });

  test('lets operators of any node use the sessions of all', async (t) => {
    const cluster = await Cluster.start(t, 2, { access });
    const [first, second] = cluster.nodes;
    const mine = await Session.open(first.mcp, { token: tokens.ann });
    const ask = new Admin(second.admin);
    const execute = (body, status = 200) => ask.post('/v1/executions', undefined, status, { tool: 'quick', params: { key: 'k', value: 'v' }, ...body });
    assert.equal((await execute({ sessionId: mine.id })).sessionId, mine.id);
    await execute({ sessionId: mine.id, user: 'bob' }, 404);
    for (const key of ['k1', 'k2', 'k3']) {
      const [ann, bob] = await Promise.all(['ann', 'bob'].map((user) => execute({ idempotencyKey: key, user })));
      assert.notEqual(ann.sessionId, bob.sessionId);
      assert.equal((await ask.get(`/v1/sessions/${bob.sessionId}`)).session.user, 'bob');
      assert.equal((await told(first.mcp, verbs['a request'], bob.sessionId, tokens.ann)).status, 404);
      assert.equal((await told(first.mcp, verbs['a request'], bob.sessionId, tokens.bob)).status, 200);
    }
  });
});
