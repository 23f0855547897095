// What operators see of nodes and do to them, over the admin port and its socket. Every answer is held to its description.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Admin, description, fits, holds, patternOf, plainPaths, seeAll } from './support/admin.mjs';
import { at, Cluster, clustered } from './support/cluster.mjs';
import { Node, startRecording } from './support/lives.mjs';
import { freePort, gatewayOnly, Process, program, quietAdmin, run, slowness, soon, startNode, stdioFixture, temporaryFile, waitFor } from './support/processes.mjs';
import { random } from '../crash/random.mjs';
import { metricsOf, valueOf } from './support/prometheus.mjs';
import { storeKind } from './support/stores.mjs';
import { Upstream } from './support/upstream.mjs';
import { Session } from './support/wire.mjs';

const admin = (node) => new Admin(node.admin);

/// Of clusters in which nobody is to be thought dead because the machine is busy.
const calm = { cluster: { silence: '30s' } };
const timed = async (f) => {
  const began = performance.now();
  const value = await f();
  return { value, ms: performance.now() - began };
};

/// Requests that fit the description, and some that do not. None is answered with a 5xx but those that `may` be.
async function sendNonsense(ask, session, times, may) {
  const { between, chance } = random(Number(process.env.HOLDFAST_TEST_SEED ?? 1));
  const pick = (all) => all[between(0, all.length - 1)];
  const strange = () => pick(['', '0', '-1', '1e9', '%00', '%ff', 'a'.repeat(300), '../..', '%2e%2e%2f', 'true', 'null', '{}', '"', '%22', 'é', '@', '1@local', 'x1', 'up', 'local',
    session.id, `${session.id}.1`, session.id.slice(0, 4), '99999999999999999999', 'node', 'cluster']);
  for (let i = 0; i < times; ++i) {
    const pattern = pick(Object.keys(description.paths));
    const method = chance(0.1) ? pick(['PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH']) : Object.keys(description.paths[pattern])[0].toUpperCase();
    const operation = description.paths[pattern][method.toLowerCase()];
    let where = pattern.replace(/\{\w+\}/g, () => encodeURI(strange()).replace(/%25/g, '%'));
    const names = (operation?.parameters ?? []).map((p) => (p.$ref ? description.components.parameters[p.$ref.split('/').at(-1)] : p)).filter((p) => p.in === 'query').map((p) => p.name);
    const query = names.filter((n) => !['follow', 'wait', 'dry_run'].includes(n) && chance(0.5)).map((n) => `${n}=${encodeURI(strange()).replace(/%25/g, '%')}`);
    if (chance(0.1)) query.push('unheard_of=1');
    // What there is no rehearsal of is done.
    if (names.includes('dry_run')) query.push('dry_run=true');
    if (query.length) where += `?${query.join('&')}`;
    if (pattern.endsWith('/trace')) continue;
    const body = operation?.requestBody ? pick(['', '{', '{}', '[]', '{"name":1}', '{"name":"quick"}', '{"name":"quick","arguments":[]}', '{"name":"quick","timeout":0}', '\u0000']) : undefined;
    const reply = await ask.ask(method, where, { body });
    assert.ok(reply.status < 500 || may(reply.status, pattern, JSON.parse(reply.text)), `${method} ${where} ${body}: ${reply.status} ${reply.text}`);
    if (method === 'HEAD') continue;
    if (patternOf(where.split('?')[0]) && operation) holds(method, where.split('?')[0], reply.status, reply.type, JSON.parse(reply.text));
    else assert.ok([400, 404, 405].includes(reply.status), `${method} ${where}: ${reply.status}`);
  }
}

test('the description of the API is valid, and names every path that is served', async () => {
  const result = await new Validator().validate(structuredClone(description));
  assert.ok(result.valid, JSON.stringify(result.errors));
});

describe('a node on its own', gatewayOnly, () => {
  test('shows everything, and serves its own description', async (t) => {
    const upstream = await startRecording(t);
    const node = await startNode(t, { upstreams: { up: { url: upstream.url } } });
    const ask = admin(node);
    assert.deepEqual(await ask.get('/openapi.json'), description);
    const session = await Session.open(node.mcp);
    await session.text('quick', { key: 'k', value: 'v' });
    const { executions } = await ask.get(`/v1/sessions/${session.id.slice(0, 8)}`);
    assert.equal(executions.length, 1);
    await seeAll(ask, { session: session.id, execution: executions[0].id, node: 'local', upstream: 'up' });
    const { words, mayHaveRun } = await ask.get(`/v1/executions/${executions[0].id}/explain`);
    assert.equal(mayHaveRun, true);
    assert.equal(words.at(-1), 'It succeeded.');
    const { transitions } = await ask.get(`/v1/sessions/${session.id}/history`);
    assert.deepEqual(transitions.map((x) => x.state), ['negotiated', 'operating', 'selected', 'ready', 'executing', 'succeeded']);
    assert.ok(transitions.every((x) => x.node === 'local'));
  });

  test('calls a tool for an operator, in a session that goes again', async (t) => {
    const upstream = await startRecording(t);
    const node = await startNode(t, { upstreams: { up: { url: upstream.url } } });
    const ask = admin(node);
    const { result } = await ask.post('/mcp/call', undefined, 200, { name: 'quick', arguments: { key: 'k', value: 'v' } });
    assert.equal(result.content[0].text, 'k: v');
    await waitFor('no session', async () => (await ask.get('/v1/sessions')).total === 0);
    await ask.post('/mcp/call', undefined, 404, { name: 'unheard_of' });
    await ask.post('/mcp/call', undefined, 400, { arguments: {} });
    await ask.post('/mcp/call', undefined, 504, { name: 'slow', arguments: { key: 's', ms: 60_000, steps: 1 }, timeout: 200 });
  });

  test('agrees with what its clients do', async (t) => {
    const upstream = await startRecording(t);
    const node = await startNode(t, { upstreams: { up: { url: upstream.url } } });
    const ask = admin(node);
    const sessions = await Promise.all(Array.from({ length: 10 }, () => Session.open(node.mcp)));
    for (const [i, s] of sessions.entries()) await s.text('quick', { key: `q${i}`, value: 'v' });
    const slowMs = 2500 * slowness;
    const slow = sessions.map((s, i) => s.call('slow', { key: `s${i}`, ms: slowMs, steps: 2 }));
    const { executions } = await waitFor('all calls', async () => {
      const seen = await ask.get('/v1/executions');
      return seen.total === 10 && seen.executions.every((e) => e.state === 'executing') && seen;
    });
    assert.deepEqual(new Set(executions.map((e) => e.session)), new Set(sessions.map((s) => s.id)));
    const page = await ask.get('/v1/sessions', { limit: 4, sort: 'calls' });
    assert.equal(page.total, 10);
    assert.ok(page.sessions.length === 4 && page.sessions.every((s) => s.calls === 1));
    const rest = await ask.get('/v1/sessions', { limit: 100, sort: 'calls', cursor: page.next });
    assert.equal(new Set([...page.sessions, ...rest.sessions].map((s) => s.id)).size, 10);
    assert.equal((await ask.get('/v1/upstreams/up')).upstream.nodes[0].inflight, 10);
    await Promise.all(slow);
    const { upstream: seen } = await ask.get('/v1/upstreams/up');
    assert.deepEqual([seen.nodes[0].calls, seen.nodes[0].errors, seen.nodes[0].inflight], [20, 0, 0]);
    const tools = (await ask.get('/v1/latency')).histograms.find((h) => h.name === 'tool_call');
    assert.deepEqual([tools.count, tools.buckets.reduce((sum, b) => sum + b.count, 0)], [20, 20]);
    const late = tools.buckets.filter((b) => b.le === null || b.le >= slowMs * 1000).reduce((sum, b) => sum + b.count, 0);
    assert.equal(late, 10, 'ten calls took their time');
  });

  test('steers upstreams, calls and its log', async (t) => {
    const upstream = await startRecording(t);
    const node = await startNode(t, { log: { format: 'json' }, upstreams: { up: { url: upstream.url } } });
    const ask = admin(node);
    const session = await Session.open(node.mcp);
    const call = session.request('tools/call', { name: 'slow', arguments: { key: 's', ms: 60_000, steps: 1 } });
    const [execution] = (await waitFor('the call', async () => {
      const seen = await ask.get('/v1/executions');
      return seen.executions[0]?.state === 'executing' && seen;
    })).executions;
    const plan = await ask.post(`/v1/executions/${execution.id}/cancel`, { dry_run: true });
    assert.deepEqual([plan.dryRun, plan.changed, plan.done], [true, 1, undefined]);
    const done = await ask.post(`/v1/executions/${execution.id}/cancel`);
    assert.deepEqual([done.done, done.changed], [true, 1], done.summary);
    assert.match((await call).answer.error.message, /cancelled by an operator/);
    await ask.post(`/v1/executions/${execution.id}/cancel`, undefined, 409);
    assert.match((await ask.get(`/v1/executions/${execution.id}/explain`)).words.join(' '), /cancelled by an operator/);

    assert.equal((await ask.post('/v1/upstreams/up/disable')).done, true);
    assert.equal((await ask.get('/v1/upstreams/up')).upstream.enabled, false);
    assert.match((await session.error('tools/call', { name: 'quick', arguments: { key: 'k', value: 'v' } })).message, /not available/);
    await ask.post('/v1/upstreams/up/reconnect', undefined, 409);
    assert.equal((await ask.post('/v1/upstreams/up/enable')).done, true);
    assert.equal(await session.text('quick', { key: 'k', value: 'v' }), 'k: v');
    const before = (await ask.get('/v1/upstreams/up')).upstream.nodes[0].connects;
    assert.equal((await ask.post('/mcp/servers/up/reconnect')).done, true);
    assert.equal((await ask.get('/v1/upstreams/up')).upstream.nodes[0].connects, before + 1);

    assert.equal((await ask.post('/v1/log/level', { level: 'debug' })).done, true);
    const told = (await ask.get('/v1/events', { event: 'audit.log_level' })).events.map((e) => e.fields);
    assert.deepEqual(told.map((f) => [f.result.split(' ')[0], f.deed]), [['begun', told[0].deed], ['set', told[0].deed]]);
    await session.text('quick', { key: 'k2', value: 'v' });
    await waitFor('a line of the call', () => node.stderr.includes('"call.answered"'));
    assert.equal((await ask.post(`/v1/sessions/${session.id}/end`)).done, true);
    assert.equal((await session.post({ jsonrpc: '2.0', id: 99, method: 'ping' })).status, 404);
    const audited = (await ask.get('/v1/events', { event: 'audit.' })).events.map((e) => e.event);
    for (const event of ['execution_cancel', 'upstream_disable', 'upstream_enable', 'upstream_reconnect', 'log_level', 'session_end'])
      assert.ok(audited.includes(`audit.${event}`), `${event} in ${audited}`);
  });

  test('leaves a line of what it was told if it does not live to see the end of it', async (t) => {
    const upstream = await Upstream.start(t);
    const node = await startNode(t, { log: { format: 'json' }, upstreams: { up: { url: upstream.url } } });
    await upstream.close();
    upstream.server = net.createServer(() => {}); // takes connections, and says nothing
    await new Promise((done) => upstream.server.listen(upstream.port, '127.0.0.1', done));
    t.after(() => upstream.server.close());
    upstream.close = () => {};
    const asked = admin(node).ask('POST', '/v1/upstreams/up/reconnect?wait=60000').catch((e) => e);
    const line = () => node.stderr.split('\n').filter((l) => l.includes('"audit.upstream_reconnect"')).map((l) => JSON.parse(l));
    await waitFor('its beginning', () => line().length > 0);
    node.anyExit = true;
    node.signal('SIGKILL');
    await node.ends();
    await asked;
    assert.deepEqual(line().map((l) => [l.what, l.options, l.result]), [['/v1/upstreams/up/reconnect', 'wait=60000', 'begun']]);
  });

  test('starts anew when it is told to', async (t) => {
    const node = await startNode(t, { upstreams: { up: stdioFixture() } });
    const session = await Session.open(node.mcp);
    await session.call('fixture_echo', { value: 'x' });
    const descriptors = () => readdirSync(`/proc/${node.pid}/fd`).length;
    const before = descriptors();
    const plan = await admin(node).post('/v1/nodes/local/restart', { dry_run: true });
    assert.match(plan.plan.join(' '), new RegExp(`process ${node.pid} of local starts anew`));
    const told = await admin(node).post('/v1/nodes/local/restart');
    assert.deepEqual([told.done, told.dryRun], [false, false], told.summary);
    const lines = await waitFor('the next life', () => {
      const all = [...node.stdout.matchAll(/^holdfastd ready mcp=(\S+) admin=(\S+)$/gm)];
      return all.length === 2 && all;
    }, 20_000);
    assert.ok(node.stderr.includes('node.stopped'), 'the life before ended in order');
    const { nodes: [now] } = await new Admin(lines[1][2]).get('/v1/nodes');
    assert.deepEqual([now.pid, now.state], [node.pid, 'up']);
    // The ports are others, as the configuration leaves them to the system.
    const later = Object.create(session, { url: { value: lines[1][1] } });
    if (storeKind === 'memory') assert.equal((await later.post({ jsonrpc: '2.0', id: 99, method: 'ping' })).status, 404);
    else assert.equal((await later.call('fixture_echo', { value: 'y' })).content[0].text.includes('y'), true);
    assert.ok(descriptors() <= before + 4, `${before} descriptors became ${descriptors()}`);
  });

  test('answers nonsense with a problem, never with an error of its own', async (t) => {
    const upstream = await startRecording(t);
    const node = await startNode(t, { upstreams: { up: { url: upstream.url } } });
    const session = await Session.open(node.mcp);
    const ask = admin(node);
    await sendNonsense(ask, session, 600, (status, pattern) => status === 504 && pattern === '/mcp/call');
    assert.equal((await ask.get('/mcp/health')).status, 'ok');
  });
});

describe('who may ask', gatewayOnly, () => {
  test('is decided by a token, where there is one', async (t) => {
    const token = 'a-token-for-operators';
    const node = await startNode(t, { admin: { ...quietAdmin, token }, upstreams: {} });
    const refused = await admin(node).ask('GET', '/v1/status');
    assert.equal(refused.status, 401);
    assert.equal(refused.headers['www-authenticate'], 'Bearer');
    holds('GET', '/v1/status', 401, refused.type, JSON.parse(refused.text));
    assert.equal((await new Admin(node.admin, { authorization: 'Bearer wrong' }).ask('GET', '/v1/status')).status, 401);
    const ask = new Admin(node.admin, { authorization: `Bearer ${token}`, host: 'gateway.example.com' });
    await ask.get('/v1/status');
    await ask.post('/v1/log/level', { level: 'info' });
    const [event] = (await ask.get('/v1/events', { event: 'audit.' })).events;
    assert.match(event.fields.who, /^token from 127\.0\.0\.1:\d+$/);
  });

  test('is nobody from a page of another site, and no other machine without a token', async (t) => {
    const node = await startNode(t, { upstreams: {} });
    assert.equal((await new Admin(node.admin, { origin: 'https://evil.example' }).ask('POST', '/v1/rebalance')).status, 403);
    assert.equal((await new Admin(node.admin, { host: 'evil.example' }).ask('GET', '/v1/status')).status, 403);
    const file = temporaryFile(t, 'open.yaml', { admin: { listen: '0.0.0.0:7421' }, store: 'memory:', upstreams: {} });
    const { code, stderr } = await run(program('holdfastd'), ['--check', '--config', file]);
    assert.equal(code, 2);
    assert.match(stderr, /admin\.token/);
  });

  test('is whoever may open the socket', async (t) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-socket-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const socket = path.join(folder, 'admin.sock');
    const config = { listen: `127.0.0.1:${await freePort()}`, admin: { socket, token: 'a-token-for-operators', answer_within: '10s' }, upstreams: {} };
    const node = await Node.start(t, { store: 'memory:', ...config });
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    const ask = new Admin(socket);
    await ask.get('/v1/status');
    await ask.post('/v1/log/level', { level: 'info' });
    assert.equal((await ask.get('/v1/events', { event: 'audit.' })).events[0].fields.who, `uid ${process.getuid()}`);
    await node.crash();
    await ask.get('/v1/status');
    await node.stop();
    assert.throws(() => statSync(socket), /ENOENT/);
  });
});

describe('a cluster', clustered, () => {
  test('is seen whole from every node', async (t) => {
    const cluster = await Cluster.start(t, 3, calm);
    const session = await Session.open(cluster.nodes[0].mcp);
    await session.text('quick', { key: 'k', value: 'v' });
    // Nodes hear of each other ten times a second, if the machine lets them.
    for (const node of cluster.nodes) await soon(async () => {
      const ask = admin(node);
      const [execution] = (await ask.get(`/v1/sessions/${session.id}`)).executions;
      const bundle = await seeAll(ask, { session: session.id, execution: execution.id, node: 'n1', upstream: 'up' });
      assert.deepEqual(bundle.unreachable, []);
      const status = await ask.get('/v1/status');
      assert.deepEqual(status.nodes.map((n) => [n.name, n.state]), [['n1', 'up'], ['n2', 'up'], ['n3', 'up']]);
      assert.deepEqual([status.slots, status.sessions.hot, status.warnings], [{ held: 1024, unowned: 0, moving: 0 }, 1, []]);
      const where = await ask.get(`/v1/where/${session.id.slice(0, 6)}`);
      assert.deepEqual([where.agreed, where.owner, where.views.map((v) => v.session)], [true, 'n1', [true, false, false]]);
      assert.deepEqual((await ask.get('/v1/sessions', { prefix: session.id.slice(0, 5) })).sessions.map((s) => s.node), ['n1']);
      assert.deepEqual((await ask.get('/v1/sessions', { scope: 'node' })).total, node.name === 'n1' ? 1 : 0);
      assert.deepEqual((await ask.get('/v1/upstreams/up')).upstream.nodes.map((n) => n.calls), [1, 0, 0]);
      const checked = await ask.post('/v1/fence/check');
      assert.deepEqual([checked.checked, checked.faults, checked.storeRead], [1024, [], true]);
      const stores = (await ask.get('/v1/store')).nodes;
      assert.deepEqual(stores.map((s) => [s.node, s.role, s.replicas, s.lagBytes]), ['n1', 'n2', 'n3'].map((n) => [n, 'master', 0, null]));
      assert.equal((await ask.get('/mcp/owner/' + session.id)).node, 'n1');
    });
  });

  test('agrees with what becomes of calls that go wrong', async (t) => {
    const upstream = await Upstream.start(t, { mode: ({ how }) => how });
    const cluster = await Cluster.start(t, 3, { ...calm, upstreams: { up: { url: upstream.url, call_timeout: `${1500 * slowness}ms`, breaker: { enabled: false } } } });
    const sessions = await Promise.all(Array.from({ length: 6 }, (_, i) => Session.open(cluster.nodes[i % 3].mcp)));
    const count = { answer: 13, tool_error: 6, rpc_error: 5, fail: 4, late: 3, given_up: 2 };
    const plan = Object.entries(count).flatMap(([how, n]) => Array(n).fill(how));
    const seen = { ok: 0, tool_error: 0, error: 0 };
    await Promise.all(plan.map(async (how, i) => {
      const session = at(sessions[i % 6], cluster.nodes[(i + 1) % 3]);
      const hangs = how === 'late' || how === 'given_up';
      const call = session.message('tools/call', { name: 'change', arguments: { how: hangs ? 'hang' : how } }, `${how} ${i}`);
      if (how === 'given_up') {
        const posted = session.post(call).catch(() => {});
        await waitFor('the call', async () => (await admin(cluster.nodes[0]).get('/v1/executions', { limit: 100 })).executions.some((e) => e.clientId === JSON.stringify(call.id)), 10_000);
        await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: call.id } });
        return posted;
      }
      const reply = await session.post(call, undefined, 60_000);
      const answer = reply.stream ? await reply.stream.message((m) => m.id === call.id) : await reply.json();
      return ++seen[answer.error ? 'error' : answer.result.isError ? 'tool_error' : 'ok'];
    }));
    assert.deepEqual(seen, { ok: 13, tool_error: 6, error: 12 });
    await soon(async () => {
      const texts = await Promise.all(cluster.nodes.map(metricsOf));
      const total = (name, labels) => texts.reduce((all, text) => all + valueOf(text, name, labels), 0);
      const requests = (outcome) => total('holdfast_requests_total', { method: 'tools/call', outcome, revision: sessions[0].revision });
      assert.deepEqual([requests('ok'), requests('tool_error'), requests('error'), requests('cancelled')], [13, 6, 12, 2]);
      const upstreamCalls = (outcome) => total('holdfast_upstream_calls_total', { upstream: 'up', outcome });
      assert.deepEqual(['answered', 'error', 'failed', 'timed_out', 'cancelled'].map(upstreamCalls), [19, 5, 4, 3, 2]);
      const executions = (outcome) => total('holdfast_executions_total', { outcome });
      assert.equal(executions('succeeded') + executions('failed') + executions('interrupted') + executions('cancelled'), plan.length);
      assert.deepEqual([executions('succeeded'), executions('cancelled')], [13, 2]);
    });
    for (const node of cluster.nodes) await soon(async () => {
      const ask = admin(node);
      const { upstream: { nodes } } = await ask.get('/v1/upstreams/up');
      const sum = (of) => nodes.reduce((all, n) => all + n[of], 0);
      assert.deepEqual([sum('calls'), sum('inflight')], [plan.length, 0]);
      assert.equal((await ask.get('/v1/status')).inflight, 0);
      const states = (await Promise.all(sessions.map((s) => ask.get(`/v1/sessions/${s.id}`)))).flatMap((s) => s.executions.map((e) => e.state));
      assert.equal(states.length, plan.length);
      assert.equal(states.filter((s) => s === 'cancelled').length, 2);
    });
    assert.equal(upstream.calls, plan.length);
  });

  test('agrees with what clients do all over it', async (t) => {
    const cluster = await Cluster.start(t, 3, calm);
    const sessions = await Promise.all(Array.from({ length: 9 }, (_, i) => Session.open(cluster.nodes[i % 3].mcp)));
    const through = (i) => at(sessions[i], cluster.nodes[(i + 1) % 3]);
    for (const i of sessions.keys()) await through(i).text('quick', { key: `q${i}`, value: 'v' });
    const calls = sessions.map((_, i) => through(i).call('slow', { key: `s${i}`, ms: 2500 * slowness, steps: 2 }));
    const sum = (all, of) => all.reduce((total, each) => total + of(each), 0);
    await soon(async () => {
      for (const node of cluster.nodes) {
        const status = await admin(node).get('/v1/status');
        assert.deepEqual([status.inflight, status.sessions.hot, status.nodes.map((n) => n.sessions)], [9, 9, [3, 3, 3]]);
      }
      const { executions, total } = await admin(cluster.nodes[0]).get('/v1/executions');
      assert.deepEqual([total, new Set(executions.map((e) => e.session))], [9, new Set(sessions.map((s) => s.id))]);
    });
    await Promise.all(calls);
    for (const node of cluster.nodes) await soon(async () => {
      const ask = admin(node);
      assert.equal((await ask.get('/v1/status')).inflight, 0);
      const { upstream } = await ask.get('/v1/upstreams/up');
      assert.deepEqual([sum(upstream.nodes, (n) => n.calls), sum(upstream.nodes, (n) => n.errors), sum(upstream.nodes, (n) => n.inflight)], [18, 0, 0]);
      assert.equal((await ask.get('/v1/latency')).histograms.find((h) => h.name === 'tool_call').count, 18);
      const seen = (await ask.get('/v1/sessions', { limit: 100 })).sessions;
      assert.ok(seen.length === 9 && seen.every((s) => s.calls === 0), JSON.stringify(seen));
    });
  });

  test('names a node that does not answer, and waits for it no longer than it should', async (t) => {
    const cluster = await Cluster.start(t, 3, { ...calm, admin: { listen: '127.0.0.1:0' }, drain_timeout: '1s' });
    const ask = admin(cluster.nodes[0]);
    const session = await Session.open(cluster.nodes[0].mcp);
    const n3 = cluster.nodes[2];
    await n3.process.freeze();
    t.after(() => n3.process.signal('SIGCONT'));
    // The machine may stand still for a moment, too, and then others are late: what is asked is that it can be so quick.
    for (const p of ['/v1/nodes', '/v1/status', '/v1/slots', `/v1/where/${session.id}`, `/v1/sessions/${session.id}`]) await soon(async () => {
      const { value, ms } = await timed(() => ask.get(p));
      assert.deepEqual(value.unreachable, ['n3'], p);
      assert.ok(ms < 300 + 300 * slowness, `${p} took ${ms} ms`);
    });
    await soon(async () => {
      const seen = (await ask.get('/v1/nodes')).nodes.find((n) => n.name === 'n3');
      assert.equal(seen.state, 'unreachable');
    });
    await ask.get('/v1/nodes/n3', undefined, 502);
    const problem = await ask.post('/v1/nodes/n3/kill', undefined, 502);
    assert.match(problem.detail, /^n3 gave no answer in time: only on its machine/);
    n3.process.signal('SIGCONT');
    await cluster.nodes[1].kill();
    const { ms } = await timed(() => waitFor('the killed node to be missed', async () => {
      const { nodes, unreachable } = await ask.get('/v1/nodes');
      return unreachable.includes('n2') || nodes.length === 2;
    }));
    t.diagnostic(`a killed node is missed after ${Math.round(ms)} ms`);
    assert.ok(ms < 10_000, `missed only after ${ms} ms, not because its connections broke`);
  });

  test('answers nonsense with a problem while one of it has been killed', async (t) => {
    const cluster = await Cluster.start(t, 3, { ...calm, admin: { listen: '127.0.0.1:0' } });
    const session = await Session.open(cluster.nodes[0].mcp);
    await session.text('quick', { key: 'k', value: 'v' });
    const gone = (status, pattern, problem) => (status === 502 && problem.unreachable?.includes('n3')) || status === 503 || (status === 504 && pattern === '/mcp/call');
    const sent = Promise.all(cluster.nodes.slice(0, 2).map((node) => sendNonsense(admin(node), session, 200, gone)));
    await cluster.nodes[2].kill();
    await sent;
    const { nodes, unreachable } = await admin(cluster.nodes[0]).get('/v1/nodes');
    assert.ok(unreachable.includes('n3') || nodes.length === 2, 'it is missed');
  });

  test('moves what it is told to, and tells what came of it', async (t) => {
    const cluster = await Cluster.start(t, 3, calm);
    const [n1, n2, n3] = cluster.nodes;
    const session = await Session.open(n1.mcp);
    await session.text('quick', { key: 'k', value: 'v' });
    const ask = admin(n3);
    const plan = await ask.post(`/v1/sessions/${session.id}/move`, { to: 'n2', dry_run: true });
    assert.equal(plan.changed, 1);
    const moved = await ask.post(`/v1/sessions/${session.id}/move`, { to: 'n2', wait: 20_000 });
    assert.deepEqual([moved.done, moved.changed, moved.unit, moved.requestsFailed], [true, 1, 'slots', 0], moved.summary);
    assert.match(moved.summary, /^moved 1 slots in \d+ ms, 0 requests failed$/);
    assert.equal(await at(session, n1).text('quick', { key: 'k2', value: 'v' }), 'k2: v');
    const where = await waitFor('agreement', async () => {
      const w = await ask.get(`/v1/where/${session.id}`);
      return w.agreed && w;
    });
    assert.equal(where.owner, 'n2');
    const { tenures, transitions } = await ask.get(`/v1/sessions/${session.id}/history`);
    assert.deepEqual(tenures.map((x) => [x.node, x.how]), [['n2', 'taken over'], ['n1', 'created']]);
    assert.ok(tenures[0].epoch > 0);
    assert.deepEqual([transitions[0].node, transitions.at(-1).node, transitions.at(-1).state], ['n1', 'n2', 'succeeded']);

    const passivated = await ask.post(`/v1/sessions/${session.id}/passivate`);
    assert.deepEqual([passivated.done, passivated.changed], [true, 1], passivated.summary);
    const stored = await ask.get('/v1/sessions', { where: 'store' });
    assert.deepEqual([stored.storeRead, stored.sessions.map((s) => [s.id, s.state])], [true, [[session.id, 'stored']]]);
    const asleep = await ask.get(`/v1/sessions/${session.id}`);
    assert.deepEqual([asleep.session.state, asleep.executions.length], ['stored', 2]);
    assert.equal(await at(session, n3).text('quick', { key: 'k3', value: 'v' }), 'k3: v');

    const drained = await ask.post('/v1/nodes/n2/drain', { wait: 20_000 });
    assert.equal(drained.done, true, drained.summary);
    assert.ok(drained.changed > 200 && drained.requestsFailed === 0, drained.summary);
    assert.deepEqual((await ask.get('/v1/nodes/n2')).node.slots, 0);
    assert.equal(await at(session, n2).text('quick', { key: 'k4', value: 'v' }), 'k4: v');
    await ask.post('/v1/nodes/n9/drain', undefined, 404);
    const back = await ask.post('/v1/nodes/n2/undrain', { wait: 20_000 });
    assert.equal(back.done, true, back.summary);
    assert.equal((await ask.get(`/v1/where/${session.id}`)).wanted, 'n2', 'where an operator had put it');
    const rebalanced = await ask.post('/v1/rebalance', { wait: 20_000 });
    assert.equal(rebalanced.done, true, rebalanced.summary);
    const ended = await ask.post(`/v1/sessions/${session.id}/end`);
    assert.equal(ended.done, true, ended.summary);
    assert.equal((await session.post({ jsonrpc: '2.0', id: 99, method: 'ping' })).status, 404);
  });

  test('starts a node anew, and kills one, and tells what came of it', async (t) => {
    const cluster = await Cluster.start(t, 3, calm);
    const [n1, n2, n3] = cluster.nodes;
    const session = await Session.open(n2.mcp);
    await session.text('quick', { key: 'k', value: 'v' });
    const ask = admin(n1);
    const before = (await ask.get('/v1/nodes/n2')).node;
    let over = false;
    const load = (async () => {
      for (let i = 0; !over; ++i) assert.equal(await at(session, n3).text('quick', { key: `l${i}`, value: 'v' }), `l${i}: v`);
    })();
    load.catch(() => {});
    const restarted = await ask.post('/v1/nodes/n2/restart', { wait: 60_000 });
    over = true;
    await load;
    assert.deepEqual([restarted.done, restarted.unit, restarted.requestsFailed], [true, 'slots', 0], restarted.summary);
    const words = /^n2 came back as incarnation (\S+); moved (\d+) slots in \d+ ms, 0 requests failed$/.exec(restarted.summary);
    assert.ok(words && Number(words[2]) > 200, restarted.summary);
    await n2.startedAnew();
    const after = (await ask.get('/v1/nodes/n2')).node;
    assert.deepEqual([after.pid, after.incarnation, after.state], [before.pid, words[1], 'up']);
    assert.notEqual(after.incarnation, before.incarnation);

    n2.reconfigure((c) => ({ ...c, unheard_of: 1 }));
    const refused = await ask.post('/v1/nodes/n2/restart', undefined, 409);
    assert.match(refused.detail, /unheard_of/);
    await ask.post('/v1/nodes/n9/restart', undefined, 404);

    n2.killed = true;
    const killed = await ask.post('/v1/nodes/n2/kill', { wait: 60_000 });
    assert.deepEqual([killed.done, killed.requestsFailed], [true, 0], killed.summary);
    assert.match(killed.summary, /^n2 has ended; moved \d+ slots in \d+ ms/);
    assert.equal((await n2.process.ends()).signal, 'SIGKILL');
    assert.equal(await at(session, n3).text('quick', { key: 'k2', value: 'v' }), 'k2: v');
    const audited = (await ask.get('/v1/events', { event: 'audit.' })).events.map((e) => [e.event, e.fields.what]);
    for (const what of ['restart', 'kill'])
      assert.ok(audited.some(([event, path_]) => event === `audit.node_${what}` && path_ === `/v1/nodes/n2/${what}`), `${what} in ${audited}`);

    n3.killed = true;
    const itself = await admin(n3).post('/v1/nodes/n3/kill');
    assert.deepEqual([itself.done, itself.summary.startsWith('n3 cannot tell what comes of it itself; ')], [false, true], itself.summary);
    assert.equal((await n3.process.ends()).signal, 'SIGKILL');
  });

  test('shows a session\'s messages while it moves', async (t) => {
    const cluster = await Cluster.start(t, 3, calm);
    const [n1, , n3] = cluster.nodes;
    const session = await Session.open(n1.mcp);
    await session.text('quick', { key: 'before', value: 'v' });
    const trace = await admin(n3).listen(`/v1/sessions/${session.id}/trace`, { bodies: true });
    await waitFor('the trace', () => trace.of('attached').length === 1);
    await session.call('quick', { key: 'k', value: 'with ghp_0123456789abcdefghijklmnopqrst in it', password: 'hunter2' });
    const seen = await waitFor('four messages', () => trace.of('message').length >= 4 && trace.of('message'));
    assert.deepEqual(seen.map((m) => [m.node, m.from, m.to, m.kind]), [['n1', 'client', 'session', 'request'], ['n1', 'session', 'upstream', 'request'],
      ['n1', 'upstream', 'session', 'answer'], ['n1', 'session', 'client', 'answer']]);
    assert.ok(seen[2].afterUs > 0 && seen[3].afterUs >= seen[2].afterUs);
    assert.ok(seen[0].body.includes('"***"') && !/hunter2|ghp_/.test(JSON.stringify(seen)));
    assert.match(seen[0].body, /with \*\*\* in it/);
    for (const m of seen) fits('api#/components/schemas/traced', m, 'a message');
    await admin(n1).post(`/v1/sessions/${session.id}/move`, { to: 'n2', wait: 20_000 });
    // It follows within a moment; what passes until then is not shown.
    let calls = 0;
    await waitFor('messages of the other node', async () => {
      await session.text('quick', { key: `after ${++calls}`, value: 'v' });
      return trace.of('message').filter((m) => m.node === 'n2').length >= 4;
    });
    assert.deepEqual(trace.of('attached').map((a) => a.node), ['n1', 'n2']);
    await session.delete();
    const [end] = await waitFor('the end', () => trace.of('end').length && trace.of('end'));
    assert.equal(end.reason, 'ended');
    await admin(n3).ask('GET', `/v1/sessions/${session.id}/trace`).then((r) => assert.equal(r.status, 404));
  });

  test('shows no more messages than it was asked for, to nobody who has gone', async (t) => {
    const cluster = await Cluster.start(t, 2, calm);
    const [n1, n2] = cluster.nodes;
    const session = await Session.open(n1.mcp);
    const listening = (options) => new Process(program('holdfast'), ['trace', session.id, '--json', '--admin', n2.admin, ...options]);
    const attached = async (p) => { t.after(() => p.kill()); await p.says(/"attached"/); return p; };
    const eventsOf = (p) => p.stdout.split('\n').slice(0, -1).map((l) => JSON.parse(l));
    const few = await attached(listening(['--max', '3']));
    const slow = await attached(listening(['--rate', '2/s']));
    for (let i = 0; i < 8; ++i) await session.result('ping');
    assert.deepEqual(await few.ends(), { code: 0, signal: null });
    assert.equal(eventsOf(few).filter((e) => e.event === 'message').length, 3);
    assert.deepEqual([eventsOf(few).at(-1).event, eventsOf(few).at(-1).data.reason], ['end', 'max']);
    // 16 messages in a moment, two of them shown each second.
    const dropped = await waitFor('those that were left out', async () => {
      await session.result('ping');
      const all = eventsOf(slow).filter((e) => e.event === 'dropped');
      return all.length && all;
    }, 10_000);
    assert.ok(dropped[0].data.count >= 4, JSON.stringify(dropped));
    await slow.kill();

    // A session has so many listeners and no more. Killed ones make room.
    const listeners = [];
    let refused;
    while (!refused && listeners.length < 50) {
      const one = listening([]);
      t.after(() => one.kill());
      await one.says(/"attached"/);
      await Promise.race([sleep(300 * slowness), one.says(/too many listen/).catch(() => {})]);
      if (/too many listen/.test(one.stdout)) refused = one;
      else listeners.push(one);
    }
    assert.ok(refused, `${listeners.length} listeners and no end`);
    await Promise.all(listeners.map((l) => l.kill()));
    await soon(async () => {
      const one = listening([]);
      await one.says(/"attached"/);
      await session.result('ping');
      await one.says(/"message"/, 3_000);
      await one.kill();
    });
  });

  test('tells what happens, while its store is away', async (t) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-redis-'));
    const redis = new Process('redis-server', ['--port', '0', '--unixsocket', path.join(folder, 's'), '--save', '', '--maxmemory-policy', 'noeviction', '--dir', folder]);
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    t.after(() => redis.kill());
    await redis.says(/eady to accept connections/);
    const cluster = await Cluster.start(t, 2, { store: { url: `unix:${path.join(folder, 's')}`, deadline: '500ms', hold_timeout: '500ms' }, admin: { listen: '127.0.0.1:0' }, ...calm, drain_timeout: '1s' });
    const ask = admin(cluster.nodes[0]);
    const session = await Session.open(cluster.nodes[0].mcp);
    const events = await ask.listen('/v1/events', { follow: true });
    redis.signal('SIGSTOP');
    const request = session.request('tools/call', { name: 'quick', arguments: { key: 'k', value: 'v' } }).catch((e) => e);
    const lost = await waitFor('news of it', () => events.of('event').find((e) => e.event === 'store.unavailable'));
    fits('api#/components/schemas/event', lost, 'an event');
    for (const p of [...plainPaths, `/v1/sessions/${session.id}`]) await soon(async () => {
      const { value, ms } = await timed(() => ask.get(p));
      assert.ok(!value.unreachable?.length, p);
      assert.ok(ms < 300 + 300 * slowness, `${p} took ${ms} ms`);
    });
    assert.equal((await ask.get('/v1/sessions', { where: 'all' })).storeRead, false);
    assert.ok((await ask.get('/v1/status')).warnings.some((w) => w.includes('the store is unavailable')));
    await soon(async () => {
      const { nodes } = await ask.get('/v1/store');
      assert.deepEqual(nodes.map((n) => [n.role, n.replicas]), [[null, null], [null, null]]);
      assert.ok(nodes.every((n) => n.detail), 'it says why');
    });
    redis.signal('SIGCONT');
    await request;
    await waitFor('the store', async () => (await ask.get('/v1/status')).store === 'ok');
    events.close();
  });
});
