// Tools executed by the API: once, once per key, several at a time, step by step; and the state of stateful tools.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Admin, fits } from './support/admin.mjs';
import { at, Cluster, clustered } from './support/cluster.mjs';
import { Node } from './support/lives.mjs';
import { gatewayOnly, program, run, waitFor } from './support/processes.mjs';
import { Session } from './support/wire.mjs';
import { random } from '../crash/random.mjs';

const tools = fileURLToPath(new URL('../../conf/tools', import.meta.url));
const admin = (node) => new Admin(node.admin);
const executed = 'api#/components/schemas/executed';

function folder(t) {
  const made = mkdtempSync(path.join(os.tmpdir(), 'holdfast-executions-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/// Tools that note each run: `slow` ends when there is a file `go`, `quick` at once, `bad` with an error.
const noting = (place) => ({
  slow: { command: 'sh', args: ['-c', `echo $$ >>${place}/runs; while [ ! -e ${place}/go ]; do sleep 0.02; done; echo '{"result":"done"}'`] },
  quick: {
    command: 'sh', args: ['-c', `echo $$ >>${place}/runs; echo '{"result":{"n":1}}'`],
    input: { type: 'object', properties: { n: { type: 'integer', minimum: 0 }, list: { type: 'array', items: { type: 'string' } } }, required: ['n'] },
  },
  bad: { command: 'sh', args: ['-c', `echo $$ >>${place}/runs; echo '{"error":"it broke"}'`] },
});
const runs = (place) => { try { return readFileSync(path.join(place, 'runs'), 'utf8').trim().split('\n').length; } catch { return 0; } };
const textOf = (e) => e.result.content.map((c) => c.text).join('');
const lone = (t, place, more = {}) => Node.start(t, { store: 'memory:', upstreams: { local: { exec: { folder: tools, tools: noting(place) } } }, ...more });
const execute = (ask, body, status = 200) => ask.post('/v1/executions', undefined, status, body);

/// The events of a batch.
async function batch(ask, orders) {
  const reply = await ask.ask('POST', '/v1/executions', { body: JSON.stringify(orders), headers: { 'content-type': 'application/json' } });
  assert.equal(reply.status, 200, reply.text);
  assert.match(reply.type, /^text\/event-stream/);
  return [...reply.text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, event, data]) => ({ event, data: JSON.parse(data) }));
}

describe('an execution', gatewayOnly, () => {
  test('runs in a session of its own, or in one that there is', async (t) => {
    const place = folder(t);
    const node = await lone(t, place);
    const ask = admin(node);
    const alone = await execute(ask, { tool: 'quick', params: { n: 1 } });
    assert.deepEqual([alone.status, alone.toolId, alone.error, alone.fromCache], ['succeeded', 'quick', null, false]);
    assert.match(alone.executionId, new RegExp(`^${alone.sessionId}\\.x?1$`)); // with an x where nothing is journaled
    assert.equal(alone.result._meta, undefined);
    await waitFor('no session', async () => (await ask.get('/v1/sessions')).total === 0);
    const session = await Session.open(node.mcp);
    const inside = await execute(ask, { tool: 'quick', params: { n: 2 }, sessionId: session.id.slice(0, 10) });
    assert.equal(inside.sessionId, session.id);
    assert.equal((await ask.get(`/v1/executions/${inside.executionId}`)).execution.state, 'succeeded');
    const bad = await execute(ask, { tool: 'bad', sessionId: session.id });
    assert.deepEqual([bad.status, bad.error.code, bad.error.message], ['failed', -32000, 'it broke']);
    assert.equal(bad.result.isError, true);
    const unknown = await execute(ask, { tool: 'unheard_of' });
    assert.deepEqual([unknown.status, unknown.error.code, unknown.executionId], ['failed', -32602, null]);
    assert.deepEqual(await session.toolNames().then((all) => all.length > 0), true);
  });

  test('says what is wrong with an order', async (t) => {
    const ask = admin(await lone(t, folder(t)));
    for (const [body, words] of [
      [{ params: {} }, /`tool` must be/], [{ tool: 'quick', paramz: {} }, /`paramz` is no member.*sessionId/], [{ tool: 'quick', params: [] }, /`params` must be an object/],
      [{ tool: 'quick', idempotencyKey: 'k'.repeat(257) }, /1 to 256 bytes/], [{ tool: 'quick', timeout: 0 }, /1 to 600000/], [{ tool: 'quick', useCached: 1 }, /true or false/],
      [[], /empty/], [[{ tool: 'quick' }, 7], /^\[1\]/]]) {
      assert.match((await execute(ask, body, 400)).detail, words, JSON.stringify(body));
    }
    await execute(ask, { tool: 'quick', sessionId: 'AAAAAAAAAAAAAAAAAAAAAA' }, 404);
    await execute(ask, Array.from({ length: 101 }, () => ({ tool: 'quick' })), 413);
  });

  test('that takes too long is cancelled, and one with a key goes on', async (t) => {
    const place = folder(t);
    const ask = admin(await lone(t, place));
    assert.match((await execute(ask, { tool: 'slow', timeout: 300 }, 504)).detail, /cancelled/);
    assert.match((await execute(ask, { tool: 'slow', timeout: 300, idempotencyKey: 'long' }, 504)).detail, /goes on/);
    const before = runs(place);
    writeFileSync(path.join(place, 'go'), '');
    const late = await execute(ask, { tool: 'slow', idempotencyKey: 'long' });
    assert.deepEqual([late.status, textOf(late), runs(place)], ['succeeded', 'done', before]);
  });
});

describe('an idempotency key', gatewayOnly, () => {
  test('runs a tool once, whoever asks', async (t) => {
    const place = folder(t);
    const node = await lone(t, place);
    const ask = admin(node);
    const order = { tool: 'slow', params: { a: 1 }, idempotencyKey: 'once' };
    const all = Array.from({ length: 5 }, () => execute(ask, order));
    await waitFor('the program', () => runs(place) === 1);
    await execute(ask, { ...order, params: { a: 2 } }).then((e) => assert.match(e.error.message, /another tool, or with other arguments/));
    writeFileSync(path.join(place, 'go'), '');
    const seen = await Promise.all(all);
    assert.equal(new Set(seen.map((e) => e.executionId)).size, 1, JSON.stringify(seen));
    assert.ok(seen.every((e) => textOf(e) === 'done'));
    assert.equal((await execute(ask, order)).executionId, seen[0].executionId);
    assert.equal(runs(place), 1);
  });

  test('belongs to the session, may be sent by a client, and is kept for failures too', async (t) => {
    const place = folder(t);
    const node = await lone(t, place, { executions: { keys_max: 2 } });
    const ask = admin(node);
    const [one, other] = [await Session.open(node.mcp), await Session.open(node.mcp)];
    const params = { name: 'bad', arguments: {}, _meta: { 'io.holdfast/idempotencyKey': 'k' } };
    const first = (await one.request('tools/call', params)).answer.result;
    const { id } = first._meta['io.holdfast/execution'];
    assert.match(id, new RegExp(`^${one.id}\\.x?1$`));
    assert.deepEqual((await one.request('tools/call', params)).answer.result, first);
    const by = await execute(ask, { tool: 'bad', params: {}, idempotencyKey: 'k', sessionId: one.id });
    assert.deepEqual([by.executionId, by.status], [id, 'failed']);
    assert.equal(runs(place), 1);
    await other.request('tools/call', params);
    assert.equal(runs(place), 2);
    const more = await Promise.all(['l', 'm'].map((key) => execute(ask, { tool: 'quick', params: { n: 1 }, idempotencyKey: key, sessionId: one.id })));
    assert.equal(more.filter((e) => e.error?.data.reason === 'executions.keys_max (2)').length, 1, JSON.stringify(more));
    const wrong = await one.error('tools/call', { ...params, _meta: { 'io.holdfast/idempotencyKey': 7 } });
    assert.deepEqual([wrong.code, wrong.data.mayHaveRun], [-32602, false]);
  });

  test('is free again after its time, and where nothing has run', async (t) => {
    const place = folder(t);
    const node = await lone(t, place, { executions: { key_lifetime: '1s' } });
    const ask = admin(node);
    const session = await Session.open(node.mcp);
    const order = { tool: 'quick', params: { n: 1 }, idempotencyKey: 'k', sessionId: session.id };
    const first = await execute(ask, order);
    await waitFor('the next run', async () => (await execute(ask, order)).executionId !== first.executionId);
    assert.equal(runs(place), 2);
    await ask.post('/v1/upstreams/local/disable');
    assert.equal((await execute(ask, { ...order, idempotencyKey: 'm' })).status, 'failed');
    await ask.post('/v1/upstreams/local/enable');
    assert.equal((await execute(ask, { ...order, idempotencyKey: 'm' })).status, 'succeeded');
  });

  test('holds when its call was cancelled', async (t) => {
    const place = folder(t);
    const node = await lone(t, place);
    const session = await Session.open(node.mcp);
    const params = { name: 'slow', arguments: {}, _meta: { 'io.holdfast/idempotencyKey': 'k' } };
    const { id } = await session.start('tools/call', params);
    await waitFor('the program', () => runs(place) === 1);
    const joined = session.error('tools/call', params);
    await session.post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
    for (const error of [await joined, await session.error('tools/call', params)]) {
      assert.match(error.message, /was cancelled; it may have run/);
      assert.equal(error.data.mayHaveRun, true);
    }
    assert.equal(runs(place), 1);
  });
});

describe('a batch', gatewayOnly, () => {
  test('shows each execution as it ends', async (t) => {
    const place = folder(t);
    const ask = admin(await lone(t, place, { executions: { batch_concurrency: 3 } }));
    const orders = [{ tool: 'slow' }, ...Array.from({ length: 6 }, (_, n) => ({ tool: 'quick', params: { n } })), { tool: 'bad' }, { tool: 'quick', sessionId: 'AAAAAAAAAAAAAAAAAAAAAA' }];
    const whole = batch(ask, orders);
    await waitFor('the others', () => runs(place) === 8);
    writeFileSync(path.join(place, 'go'), '');
    const events = await whole;
    const shown = events.filter((e) => e.event === 'execution').map((e) => e.data);
    assert.deepEqual(shown.map((e) => e.index).toSorted((a, b) => a - b), orders.map((_, i) => i));
    assert.equal(shown.at(-1).index, 0, 'the slow one came last');
    for (const e of shown) if (e.execution) fits(executed, e.execution, 'an execution of a batch');
    assert.equal(shown.find((e) => e.index === 8).problem.status, 404);
    assert.deepEqual(events.at(-1), { event: 'end', data: { executions: 9, failed: 2 } });
  });
});

describe('when its node is killed', clustered, () => {
  test('a key still stands for the execution, while it runs and afterwards', async (t) => {
    const place = folder(t);
    const cluster = await Cluster.start(t, 2, { upstreams: { local: { exec: { tools: { ...noting(place), slow: { ...noting(place).slow, idempotent: true } } } } } });
    const asks = cluster.nodes.map(admin);
    const quick = { tool: 'quick', params: { n: 1 }, idempotencyKey: 'ended' };
    const firsts = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => execute(asks[i % 2], { ...quick, idempotencyKey: `ended${i}` })));
    assert.equal(runs(place), 6);
    const session = await Session.open(cluster.nodes[0].mcp);
    const order = { tool: 'slow', idempotencyKey: 'open', sessionId: session.id, timeout: 60_000 };
    const waiting = execute(asks[1], order);
    await waitFor('the program', () => runs(place) === 7);
    await cluster.nodes[0].kill();
    await waitFor('the second run, which this tool allows', () => runs(place) === 8, 20_000);
    const joined = execute(asks[1], order);
    writeFileSync(path.join(place, 'go'), '');
    const both = await Promise.all([waiting, joined]);
    assert.deepEqual(both.map(textOf), ['done', 'done']);
    assert.equal(both[0].executionId, both[1].executionId);
    for (const [i, first] of firsts.entries()) {
      const again = await execute(asks[1], { ...quick, idempotencyKey: `ended${i}` });
      assert.deepEqual([again.executionId, again.result], [first.executionId, first.result]);
    }
    assert.equal(runs(place), 8);
  });
});

describe('the state of a stateful tool', gatewayOnly, () => {
  test('is seen, replaced and cleared, but not under a call', async (t) => {
    const place = folder(t);
    const exec = { folder: tools, tools: { ...noting(place), sticky: { ...noting(place).slow, stateful: true } } };
    const node = await Node.start(t, { store: 'memory:', upstreams: { local: { exec } } });
    const ask = admin(node);
    const session = await Session.open(node.mcp);
    await session.call('notebook', { action: 'add', text: 'one' });
    const where = `/v1/sessions/${session.id}/tool-state`;
    const key = 'local/notebook';
    const { state } = await ask.get(`${where}/notebook`);
    assert.deepEqual((await ask.get(where)).states, { [key]: state });
    assert.match(JSON.stringify(state), /one/);
    assert.equal((await ask.post(`${where}/${encodeURIComponent(key)}`, undefined, 200, JSON.parse(JSON.stringify(state).replace('one', 'two')))).tool, key);
    assert.deepEqual((await session.call('notebook', { action: 'show' })).structuredContent.notes, ['two']);
    assert.equal((await ask.post(`${where}/notebook/clear`)).state, null);
    assert.deepEqual((await session.call('notebook', { action: 'show' })).structuredContent.notes, []);
    assert.match((await ask.get(`${where}/quick`, undefined, 404)).detail, /local\/notebook/);
    assert.match((await ask.post(`${where}/notebook`, undefined, 413, { large: 'x'.repeat(300_000) })).title, /tool_state_bytes_max/);
    const call = session.call('sticky', {});
    await waitFor('the program', () => runs(place) === 1);
    for (const body of [undefined, { x: 1 }]) assert.match((await ask.post(`${where}/sticky${body ? '' : '/clear'}`, undefined, 409, body)).title, /under way/);
    writeFileSync(path.join(place, 'go'), '');
    await call;
    await ask.post(`${where}/sticky`, undefined, 200, { x: 1 });
    // A client has no such methods.
    assert.equal((await session.error('io.holdfast/operator/toolStates', {})).code, -32601);
  });

  test('and executions have commands', async (t) => {
    const node = await lone(t, folder(t));
    const session = await Session.open(node.mcp);
    const command = async (...words) => run(program('holdfast'), [...words, '--admin', node.admin]);
    const good = await command('execute', 'quick', '{"n":1}', '--session', session.id, '--key', 'k');
    assert.deepEqual([good.code, /status +succeeded/.test(good.stdout)], [0, true], good.stdout + good.stderr);
    const bad = await command('execute', 'bad');
    assert.deepEqual([bad.code, /it broke/.test(bad.stdout)], [1, true], bad.stdout + bad.stderr);
    assert.equal((await command('execute', 'quick', '7')).code, 2);
    assert.match((await command('tool-state', 'set', session.id, 'notebook', '{"notes":["x"]}')).stdout, /^local\/notebook: \{"notes":\["x"\]\}/);
    assert.match((await command('tool-state', 'show', session.id)).stdout, /"x"/);
    assert.match((await command('tool-state', 'clear', session.id, 'notebook')).stdout, /null/);
    assert.match((await command('tool-state', 'show', session.id)).stdout, /keeps anything|^$/);
    assert.match((await command('step', 'begin', session.id)).stdout, /state +idle/);
    assert.match((await command('step', 'select', session.id, 's1', 'quick')).stdout, /state +selected/);
    assert.match((await command('step', 'params', session.id, 's1', '{"n":-1}')).stderr, /params\/n breaks `minimum`/);
    assert.match((await command('step', 'params', session.id, 's1', '{"n":1}')).stdout, /state +ready/);
    const ran = await command('step', 'run', session.id, 's1');
    assert.deepEqual([ran.code, /state +succeeded/.test(ran.stdout)], [0, true], ran.stdout + ran.stderr);
    const twice = await command('step', 'run', session.id, 's1');
    assert.deepEqual([twice.code, /allowed: \["reset"\]/.test(twice.stderr)], [1, true], twice.stderr);
    assert.match((await command('step', 'show', session.id)).stdout, /quick +succeeded +reset/);
  });
});

describe('a changed state', clustered, () => {
  test('is at another node when that takes over', async (t) => {
    const cluster = await Cluster.start(t, 2, { upstreams: { local: { exec: { folder: tools } } } });
    const [first, second] = cluster.nodes;
    const session = await Session.open(first.mcp);
    const where = `/v1/sessions/${session.id}/tool-state/notebook`;
    await admin(second).post(where, undefined, 200, { notes: ['kept'] });
    await first.kill();
    assert.deepEqual((await admin(second).get(where)).state, { notes: ['kept'] });
    assert.deepEqual((await at(session, second).call('notebook', { action: 'show' })).structuredContent.notes, ['kept']);
  });
});

const states = (x) => x.transitions.map((t) => t.state);

describe('a stepwise execution', gatewayOnly, () => {
  test('goes through its states, and says what is allowed', async (t) => {
    const place = folder(t);
    const node = await lone(t, place, { executions: { steps_max: 2 } });
    const ask = admin(node);
    const session = await Session.open(node.mcp);
    const all = `/v1/sessions/${session.id}/executions`;
    const begun = await ask.post(all);
    assert.deepEqual([begun.state, begun.tool, begun.allowed], ['idle', null, ['select', 'cancel', 'reset']]);
    const one = `${all}/${begun.id.split('.')[1]}`;
    const early = await ask.post(`${one}/execute`, undefined, 409);
    assert.match(early.detail, /state: idle, allowed: \["select","cancel","reset"\]/);
    await ask.post(`${one}/select`, undefined, 404, { tool: 'unheard_of' });
    assert.equal((await ask.post(`${one}/select`, undefined, 200, { tool: 'quick' })).state, 'selected');
    for (const [params, words] of [[{}, /params breaks `required`/], [{ n: -1 }, /params\/n breaks `minimum`/], [{ n: 1, list: ['a', 2] }, /params\/list\/1 breaks `type`/]])
      assert.match((await ask.post(`${one}/parameters`, undefined, 422, { params })).title, words);
    assert.match((await ask.post(`${one}/parameters`, undefined, 400, { paramz: {} })).detail, /`paramz` is no member/);
    assert.match((await ask.post(`${one}/parameters`, undefined, 413, { params: { n: 1, list: ['x'.repeat(70_000)] } })).title, /step_bytes_max/);
    assert.deepEqual((await ask.post(`${one}/parameters`, undefined, 200, { params: { n: 1 } })).allowed, ['select', 'parameters', 'execute', 'cancel', 'reset']);
    assert.equal(runs(place), 0);
    const done = await ask.post(`${one}/execute`);
    assert.deepEqual([done.state, done.underWay, done.allowed, done.result.structuredContent], ['succeeded', false, ['reset'], { n: 1 }]);
    assert.deepEqual(states(done), ['selected', 'ready', 'executing', 'succeeded']);
    assert.equal((await ask.get(`/v1/executions/${done.call}`)).execution.tool, 'quick');
    await ask.post(`${one}/execute`, undefined, 409);
    assert.equal(runs(place), 1);
    const anew = await ask.post(`${one}/reset`);
    assert.deepEqual([anew.state, anew.tool, anew.result], ['idle', null, null]);
    assert.equal((await ask.post(all, undefined, 200, { tool: 'bad' })).state, 'selected');
    await ask.post(all, undefined, 429);
    assert.equal((await ask.get(all)).executions.length, 2);
    await ask.post(`${all}/s2/parameters`, undefined, 200, { params: {} });
    const bad = await ask.post(`${all}/s2/execute`);
    assert.deepEqual([bad.state, bad.result.isError], ['failed', true]);
    await ask.post(`${all}/s2/drop`);
    await ask.get(`${all}/s2`, undefined, 404);
    await ask.get(`${all}/7`, undefined, 404);
  });

  test('is cancelled before and while it runs', async (t) => {
    const place = folder(t);
    const node = await lone(t, place);
    const ask = admin(node);
    const session = await Session.open(node.mcp);
    const all = `/v1/sessions/${session.id}/executions`;
    const begin = async () => `${all}/${(await ask.post(all, undefined, 200, { tool: 'slow' })).id.split('.')[1]}`;
    assert.equal((await ask.post(`${await begin()}/cancel`)).state, 'cancelled');
    const one = await begin();
    await ask.post(`${one}/parameters`, undefined, 200, { params: {} });
    const running = await ask.post(`${one}/execute`, { wait: 100 });
    assert.deepEqual([running.underWay, running.allowed], [true, ['cancel']]);
    await waitFor('the program', () => runs(place) === 1);
    assert.match((await ask.post(`${one}/execute`, undefined, 409)).detail, /underWay: true/);
    await ask.post(`${one}/drop`, undefined, 409);
    const over = await ask.post(`${one}/cancel`);
    assert.deepEqual([over.state, over.underWay, over.allowed], ['cancelled', false, ['reset']]);
    assert.deepEqual(states(over), ['selected', 'ready', 'executing', 'cancelled']);
    assert.match(over.error.message, /was cancelled/);
  });
});

describe('a stepwise execution', clustered, () => {
  test('follows its machine whatever is tried, while nodes are killed', { timeout: 120_000 }, async (t) => {
    const anywhere = { cancel: 'cancelled', reset: 'idle' };
    const machine = {
      idle: { select: 'selected', ...anywhere }, selected: { select: 'selected', parameters: 'ready', ...anywhere },
      ready: { select: 'selected', parameters: 'ready', execute: 'succeeded', ...anywhere },
      succeeded: { reset: 'idle' }, failed: { reset: 'idle' }, cancelled: { reset: 'idle' },
    };
    const place = folder(t);
    const cluster = await Cluster.start(t, 2, { upstreams: { local: { exec: { tools: noting(place) } } } });
    const seed = Number(process.env.SEED ?? Date.now() % 100_000);
    t.diagnostic(`seed ${seed}`);
    const choose = random(seed);
    const session = await Session.open(cluster.nodes[0].mcp);
    const all = `/v1/sessions/${session.id}/executions`;
    await admin(cluster.nodes[0]).post(all);
    let [state, tool, made] = ['idle', null, 0];
    for (let i = 0; i < 60; ++i) {
      if (i % 15 === 14) {
        const one = cluster.nodes[choose.between(0, 1)];
        await one.kill();
        await cluster.settled();
        assert.equal((await admin(cluster.alive[0]).get(`${all}/s1`)).state, state, 'the other node has it');
        await one.start();
        await cluster.settled();
      }
      const ask = admin(cluster.nodes[choose.between(0, 1)]);
      const command = choose.pick({ select: 3, parameters: 3, execute: 3, cancel: 1, reset: 2 });
      const wanted = choose.chance(0.5) ? 'quick' : 'bad';
      const body = { select: { tool: wanted }, parameters: { params: tool === 'quick' ? { n: i } : {} } }[command];
      const next = machine[state][command];
      await ask.post(`${all}/s1/${command}`, undefined, next ? 200 : 409, body);
      if (next) state = command === 'execute' && tool === 'bad' ? 'failed' : next;
      if (next && command === 'execute') ++made;
      if (next && command === 'select') tool = wanted;
      if (next && command === 'reset') tool = null;
      const seen = await ask.get(`${all}/s1`);
      assert.deepEqual([seen.state, seen.tool, seen.allowed], [state, tool, Object.keys(machine[state])], `step ${i}: ${command}`);
    }
    assert.equal(runs(place), made);
  });

  test('begins on one node and ends on another, or is said to be interrupted', async (t) => {
    const place = folder(t);
    const cluster = await Cluster.start(t, 2, { upstreams: { local: { exec: { tools: noting(place) } } } });
    const [first, second] = cluster.nodes;
    const session = await Session.open(first.mcp);
    const all = `/v1/sessions/${session.id}/executions`;
    const ask = admin(first);
    await ask.post(all, undefined, 200, { tool: 'quick' });
    await ask.post(`${all}/s1/parameters`, undefined, 200, { params: { n: 1 } });
    await ask.post(all, undefined, 200, { tool: 'slow' });
    await ask.post(`${all}/s2/parameters`, undefined, 200, { params: {} });
    assert.equal((await admin(second).get(`${all}/s1`)).state, 'ready', 'any node shows it');
    await ask.post(`${all}/s2/execute`, { wait: 0 });
    await waitFor('the program', () => runs(place) === 1);
    await first.kill();
    const other = admin(second);
    const before = await other.get(`${all}/s1`);
    assert.deepEqual([before.state, states(before)], ['ready', ['selected', 'ready']]);
    const done = await other.post(`${all}/s1/execute`);
    assert.deepEqual([done.state, done.result.structuredContent], ['succeeded', { n: 1 }]);
    const cut = await waitFor('the end of the other', async () => { const x = await other.get(`${all}/s2`); return !x.underWay && x; });
    assert.deepEqual([cut.state, cut.error.data.mayHaveRun, states(cut)], ['interrupted', true, ['selected', 'ready', 'executing', 'interrupted']]);
    assert.equal(runs(place), 2);
  });
});
