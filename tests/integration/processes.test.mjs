// How a node ends, and what it leaves behind: nothing.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import net from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  gatewayOnly, Process, processesWith, program, slowness, startFixture, startNode, stdioTrouble, temporaryFile, waitFor,
} from './support/processes.mjs';
import { keepsOfNode } from './support/stores.mjs';
import { exchange, Session } from './support/wire.mjs';

const fixtureNode = async (t, more = {}) => startNode(t, { upstreams: { fixture: { url: (await startFixture(t)).url } }, ...more });
const hang = (seconds) => ({ name: 'fixture_hang', arguments: { seconds }, _meta: { progressToken: 1 } });

async function running(node, seconds) {
  const session = await Session.open(node.mcp);
  const reply = await session.start('tools/call', hang(seconds));
  await reply.stream.message((m) => m.method === 'notifications/progress');
  return { session, reply };
}

describe('SIGTERM', gatewayOnly, () => {
  test('lets a call in flight finish, begins nothing new, and ends the node with 0', async (t) => {
    const node = await fixtureNode(t);
    const { reply } = await running(node, 1.5);
    node.signal('SIGTERM');
    await sleep(300);
    const ready = await exchange(`${node.base}/readyz`, { method: 'GET' });
    assert.deepEqual([ready.status, await ready.json()], [503, { status: 'draining' }]);
    await assert.rejects(Session.open(node.mcp), /503/);
    const answer = await reply.stream.message((m) => m.method === undefined && m.id === reply.id);
    assert.equal(answer.result.content[0].text, 'not cancelled');
    assert.deepEqual(await node.ends(5000), { code: 0, signal: null });
  });

  test('takes what calls in flight need, also when it refuses all others', async (t) => {
    const node = await fixtureNode(t);
    const session = await Session.open(node.mcp, { capabilities: { sampling: {} } });
    const reply = await session.start('tools/call', { name: 'test_sampling', arguments: { prompt: 'still there?' } });
    const asked = await reply.stream.message((m) => m.method === 'sampling/createMessage');
    node.signal('SIGTERM');
    await waitFor('requests to be refused', async () => (await session.post(session.message('ping'))).status === 503);
    assert.equal((await session.post({ jsonrpc: '2.0', id: asked.id, result: { role: 'assistant', model: 'm', content: { type: 'text', text: 'yes' } } })).status, 202);
    const response = await reply.stream.message((m) => m.method === undefined && m.id === reply.id);
    assert.equal(response.result.content[0].text, 'LLM response: yes');
    assert.deepEqual(await node.ends(5000), { code: 0, signal: null });
  });

  test('lets the client answer what a call in flight asks for', async (t) => {
    const node = await fixtureNode(t);
    const session = await Session.open(node.mcp, { capabilities: { sampling: {} } });
    const reply = await session.start('tools/call', { name: 'test_sampling', arguments: { prompt: 'still there?' } });
    const asked = await reply.stream.message((m) => m.method === 'sampling/createMessage');
    // Over a connection of before, with half of it already there.
    const answer = JSON.stringify({ jsonrpc: '2.0', id: asked.id, result: { role: 'assistant', model: 'm', content: { type: 'text', text: 'yes' } } });
    const { hostname, port } = new URL(node.mcp);
    const kept = net.connect({ host: hostname, port: Number(port) });
    await new Promise((done) => kept.once('connect', done));
    kept.write(`POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMcp-Session-Id: ${session.id}\r\nContent-Length: ${answer.length}\r\n\r\n`);
    await sleep(200);
    node.signal('SIGTERM');
    await sleep(200);
    kept.write(answer);
    const response = await reply.stream.message((m) => m.method === undefined && m.id === reply.id);
    assert.equal(response.result.content[0].text, 'LLM response: yes');
    kept.destroy();
    assert.deepEqual(await node.ends(5000), { code: 0, signal: null });
  });

  test('waits no longer than the drain timeout for a call that does not end', async (t) => {
    const node = await fixtureNode(t, { drain_timeout: '1s' });
    const { reply } = await running(node, 60);
    const began = Date.now();
    node.signal('SIGTERM');
    await node.ends(6000);
    node.anyExit = true;
    assert.equal(node.exit.signal, null);
    assert.ok(Date.now() - began >= 800, 'the call was not waited for');
    await reply.stream.end();
  });

  test('with open streams, idle sessions and kept connections ends the node at once', async (t) => {
    const node = await fixtureNode(t);
    const sessions = await Promise.all(Array.from({ length: 20 }, () => Session.open(node.mcp)));
    const streams = await Promise.all(sessions.map((session) => session.get().then((reply) => reply.stream)));
    const began = Date.now();
    node.signal('SIGTERM');
    assert.deepEqual(await node.ends(5000), { code: 0, signal: null });
    assert.ok(Date.now() - began < 3000 * slowness, `took ${Date.now() - began} ms`);
    for (const stream of streams) await stream.end();
  });
});

describe('SIGINT', gatewayOnly, () => {
  test('once drains like SIGTERM', async (t) => {
    const node = await fixtureNode(t);
    const { reply } = await running(node, 1);
    node.signal('SIGINT');
    await reply.stream.message((m) => m.method === undefined && m.id === reply.id);
    assert.deepEqual(await node.ends(5000), { code: 0, signal: null });
  });

  test('twice stops at once', async (t) => {
    const node = await fixtureNode(t, { drain_timeout: '60s' });
    await running(node, 60);
    node.signal('SIGINT');
    await sleep(300);
    assert.equal(node.exit, undefined, 'the first SIGINT did not wait for the call');
    const began = Date.now();
    node.signal('SIGINT');
    await node.ends(5000);
    node.anyExit = true;
    assert.ok(Date.now() - began < 2000 * slowness, `took ${Date.now() - began} ms`);
  });
});

describe('children and grandchildren', gatewayOnly, () => {
  async function family(t, ...options) {
    const marker = `holdfast-test-${randomUUID()}`;
    t.after(() => { for (const id of processesWith(marker)) process.kill(Number(id), 'SIGKILL'); });
    const node = await startNode(t, {
      upstreams: {
        one: { ...stdioTrouble('--marker', marker, ...options), scope: 'session' },
        two: { ...stdioTrouble('--marker', marker, ...options), limits: { shutdown_grace: '300ms' } },
      },
      drain_timeout: '2s',
    });
    for (let i = 0; i < 2; ++i) {
      const session = await Session.open(node.mcp);
      await session.toolNames();
      await session.text('one__breed', { marker });
      await session.text('two__breed', { marker });
    }
    // At least: one child for each session, a shared one, and what they bred.
    assert.ok(processesWith(marker).length >= 7, `only ${processesWith(marker).length} processes`);
    return { node, marker };
  }
  const none = (marker, ms) => waitFor('all processes to be gone', () => processesWith(marker).length === 0, ms);

  for (const [kind, options] of [['willing', []], ['stubborn', ['--stubborn']]]) {
    test(`that are ${kind} are gone after SIGTERM`, async (t) => {
      const { node, marker } = await family(t, ...options);
      node.signal('SIGTERM');
      assert.deepEqual(await node.ends(20_000), { code: 0, signal: null });
      await none(marker, 500);
    });

    test(`that are ${kind} are gone after kill -9`, async (t) => {
      const { node, marker } = await family(t, ...options);
      node.anyExit = true;
      await node.kill();
      await none(marker, 10_000);
    });
  }

  test('of a session are gone when it is ended', async (t) => {
    const marker = `holdfast-test-${randomUUID()}`;
    const node = await startNode(t, { upstreams: { own: { ...stdioTrouble('--marker', marker), scope: 'session' } } });
    const session = await Session.open(node.mcp);
    await session.toolNames();
    const own = await session.text('pid');
    assert.ok(processesWith(marker).includes(own));
    await session.delete();
    await waitFor('its process to be gone', () => !processesWith(marker).includes(own));
  });
});

describe('a node that cannot start', gatewayOnly, () => {
  async function fails(t, config, pattern) {
    const keeps = keepsOfNode();
    const text = typeof config === 'string' ? config : { store: keeps.store, ...config };
    const node = new Process(program('holdfastd'), ['--config', temporaryFile(t, 'holdfast.yaml', text)], { env: keeps.env });
    t.after(() => node.kill().finally(keeps.remove));
    const { code } = await node.ends(10_000);
    assert.ok(code > 0, `exit code ${code}`);
    assert.match(node.stderr, pattern);
    assert.equal(node.stdout, '');
  }

  test('because its port is taken says so', async (t) => {
    const taken = net.createServer().listen(0, '127.0.0.1');
    await new Promise((done) => taken.once('listening', done));
    t.after(() => taken.close());
    const { port } = taken.address();
    await fails(t, { listen: `127.0.0.1:${port}`, admin: { listen: '127.0.0.1:0' }, upstreams: {} }, new RegExp(String(port)));
  });

  test('because its configuration is wrong says where', async (t) => {
    await fails(t, 'listen: 127.0.0.1:0\nupstreams:\n  a:\n    url: nonsense\n', /holdfast\.yaml:4/);
    await fails(t, '{not yaml', /holdfast\.yaml:\d/);
  });
});
