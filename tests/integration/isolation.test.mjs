// Nothing of one client reaches another.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { direct, fileContext, gatewayOnly, startFixture, startNode, stdioFixture } from './support/processes.mjs';
import { exchange, jsonHeaders, Session } from './support/wire.mjs';

const file = fileContext();
const nodes = {};

before(async () => {
  nodes.http = await startNode(file, { upstreams: { fixture: { url: (await startFixture(file)).url } } });
  nodes.stdio = await startNode(file, { upstreams: { fixture: stdioFixture() } });
});

/// A client that answers whatever it is asked with its own name, and remembers what it was asked.
async function namedClient(url, name, capabilities = { sampling: {}, elicitation: {}, roots: {} }) {
  const asked = [];
  const session = await Session.open(url, {
    name, capabilities,
    onRequest: async (request) => {
      asked.push(request);
      await sleep(5);
      switch (request.method) {
        case 'sampling/createMessage': return { role: 'assistant', model: name, content: { type: 'text', text: name } };
        case 'elicitation/create': return { action: 'accept', content: { username: name, email: name } };
        case 'roots/list': return { roots: [{ uri: `file:///${name}` }] };
        default: return {};
      }
    },
  });
  // What has no call to belong to comes on the session's own stream; it is answered like the rest.
  const { stream } = await session.get();
  const answered = new Set();
  stream.response.on('data', () => {
    for (const m of stream.messages) {
      if (m.method === undefined || m.id === undefined || answered.has(m.id)) continue;
      answered.add(m.id);
      session.answer(m);
    }
  });
  return Object.assign(session, { asked, stream, name });
}

for (const upstream of direct ? ['http'] : ['http', 'stdio']) {
  describe(`clients of one ${upstream} upstream`, () => {
    test('are asked for nothing but what their own calls need', async () => {
      const clients = await Promise.all(['ann', 'ben', 'cid'].map((name) => namedClient(nodes[upstream].mcp, name)));
      await Promise.all(clients.flatMap((client) => Array.from({ length: 15 }, async (_, i) => {
        assert.equal(await client.text('test_sampling', { prompt: `${client.name}-${i}` }), `LLM response: ${client.name}`);
        assert.match(await client.text('test_elicitation', { message: `${client.name}-${i}` }), new RegExp(`"username":"${client.name}"`));
      })));
      for (const { asked, name } of clients) {
        const prompts = asked.map((m) => m.params?.message ?? m.params?.messages?.[0].content.text).filter(Boolean);
        assert.equal(prompts.length, 30);
        assert.deepEqual(prompts.filter((prompt) => !prompt.startsWith(name)), []);
      }
    });

    test('with the same request ids at the same time get their own answers', async () => {
      const clients = await Promise.all(['ann', 'ben'].map((name) => Session.open(nodes[upstream].mcp, { name })));
      await Promise.all(clients.flatMap((client, who) => Array.from({ length: 100 }, async (_, i) => {
        const echo = JSON.parse(await client.text('fixture_echo', { value: `${who}-${i}` }));
        assert.equal(echo.args.value, `${who}-${i}`);
      })));
    });

    test('with the same progress token at the same time get their own progress', async () => {
      const clients = await Promise.all(['ann', 'ben', 'cid'].map((name) => Session.open(nodes[upstream].mcp, { name })));
      const streams = await Promise.all(clients.map((client) => client.get().then((reply) => reply.stream)));
      await Promise.all(clients.map(async (client, who) => {
        const params = { name: 'fixture_hang', arguments: { seconds: 0.3 + who * 0.2 }, _meta: { progressToken: 'same' } };
        const { messages } = await client.request('tools/call', params);
        const steps = messages.filter((m) => m.method === 'notifications/progress').map((m) => m.params.progress);
        assert.deepEqual(steps, Array.from({ length: steps.length }, (_, i) => i + 1));
      }));
      for (const stream of streams) assert.deepEqual(stream.messages.filter((m) => m.method === 'notifications/progress'), []);
    });

    test('have their own roots', async () => {
      const roots = (count) => ({
        capabilities: { roots: {} },
        onRequest: async () => ({ roots: Array.from({ length: count }, (_, i) => ({ uri: `file:///${i}` })) }),
      });
      const [one, three] = [await Session.open(nodes[upstream].mcp, roots(1)), await Session.open(nodes[upstream].mcp, roots(3))];
      for (let i = 0; i < 3; ++i) {
        const texts = await Promise.all([one, three].map((session) => session.text('test_input_required_result_list_roots')));
        assert.deepEqual(texts, ['Found 1 root(s)', 'Found 3 root(s)']);
      }
    });

    test('have their own log level', async () => {
      const [loud, quiet] = await Promise.all(['loud', 'quiet'].map((name) => namedClient(nodes[upstream].mcp, name)));
      await loud.result('logging/setLevel', { level: 'debug' });
      await quiet.result('logging/setLevel', { level: 'error' });
      const logs = (messages) => messages.filter((m) => m.method === 'notifications/message').length;
      const [heard, spared] = await Promise.all([loud, quiet].map((session) => session.request('tools/call', { name: 'test_tool_with_logging' })));
      await sleep(100);
      assert.equal(logs(heard.messages) + logs(loud.stream.messages), 3);
      assert.equal(logs(spared.messages) + logs(quiet.stream.messages), 0);
    });

    test('that lower their log level get the messages of the very next call', async () => {
      for (let i = 0; i < 30; ++i) {
        const session = await Session.open(nodes[upstream].mcp);
        await session.get();
        await session.result('logging/setLevel', { level: 'error' });
        await session.text('test_simple_text');
        await session.result('logging/setLevel', { level: 'debug' });
        const { messages } = await session.request('tools/call', { name: 'test_tool_with_logging' });
        assert.equal(messages.filter((m) => m.method === 'notifications/message').length, 3, `round ${i}`);
        await session.delete();
      }
    });

    test('hear no log messages of the calls of others', async () => {
      const [caller, other] = await Promise.all(['caller', 'other'].map((name) => namedClient(nodes[upstream].mcp, name)));
      for (const session of [caller, other]) await session.result('logging/setLevel', { level: 'debug' });
      const waiting = other.request('tools/call', { name: 'fixture_hang', arguments: { seconds: 0.5 }, _meta: { progressToken: 1 } });
      await caller.text('test_tool_with_logging');
      const { messages } = await waiting;
      assert.deepEqual([...messages, ...other.stream.messages].filter((m) => m.method === 'notifications/message'), []);
    });

    test('keep their subscriptions apart', async () => {
      const [one, two] = await Promise.all(['one', 'two'].map((name) => Session.open(nodes[upstream].mcp, { name })));
      const streams = await Promise.all([one, two].map((session) => session.get().then((reply) => reply.stream)));
      const uri = 'test://watched-resource';
      const updates = (stream) => stream.messages.filter((m) => m.method === 'notifications/resources/updated').length;
      await one.result('resources/subscribe', { uri });
      await two.result('resources/subscribe', { uri });
      await two.result('resources/unsubscribe', { uri });
      await two.text('test_touch_resource', { uri });
      await streams[0].until((stream) => updates(stream) === 1, 'the update');
      await sleep(100);
      assert.equal(updates(streams[0]), 1);
      assert.equal(updates(streams[1]), 0);
    });
  });
}

describe('the session of another client', () => {
  test('is not ended, read or continued by one that guesses', async () => {
    const mine = await Session.open(nodes.http.mcp);
    const guess = mine.id.slice(0, -1) + (mine.id.endsWith('0') ? '1' : '0');
    for (const method of ['GET', 'DELETE', 'POST']) {
      const reply = await exchange(nodes.http.mcp, {
        method, headers: { ...jsonHeaders, 'mcp-session-id': guess }, body: method === 'POST' ? '{"jsonrpc":"2.0","id":1,"method":"ping"}' : undefined,
      });
      assert.equal(reply.status, 404, method);
    }
    assert.deepEqual(await mine.result('ping'), {});
  });

  test('cannot be answered for', async () => {
    const asked = await Session.open(nodes.http.mcp, { capabilities: { sampling: {} } });
    const stranger = await Session.open(nodes.http.mcp, { capabilities: { sampling: {} } });
    const reply = await asked.start('tools/call', { name: 'test_sampling', arguments: { prompt: 'who?' } });
    const request = await reply.stream.message((m) => m.method === 'sampling/createMessage');
    const answer = (session, text) => session.post({
      jsonrpc: '2.0', id: request.id, result: { role: 'assistant', model: 'm', content: { type: 'text', text } },
    });
    assert.equal((await answer(stranger, 'forged')).status, 202);
    await sleep(100);
    assert.ok(reply.stream.messages.every((m) => m.method !== undefined), 'the answer of a stranger was taken');
    await answer(asked, 'genuine');
    const response = await reply.stream.message((m) => m.id === reply.id && m.method === undefined);
    assert.equal(response.result.content[0].text, 'LLM response: genuine');
  });

  test('does not show in what the upstream is told about a client', gatewayOnly, async () => {
    const session = await Session.open(nodes.http.mcp, { name: 'plain', capabilities: {} });
    await namedClient(nodes.http.mcp, 'able');
    const state = JSON.parse(await session.text('fixture_state'));
    assert.deepEqual(Object.keys(state.caps).filter((name) => ['sampling', 'elicitation', 'roots'].includes(name)), []);
    for (const headers of state.headersSeen) assert.ok(!('authorization' in headers) && !('cookie' in headers));
  });

  test('credentials of a client stay here: they are not sent upstream', gatewayOnly, async () => {
    const session = await Session.open(nodes.http.mcp);
    const secret = { authorization: 'Bearer client-secret', cookie: 'id=client-secret', 'x-api-key': 'client-secret' };
    const state = await session.text('fixture_state', {}, { headers: secret });
    assert.ok(!state.includes('client-secret'));
    assert.ok(!state.includes(session.id), 'the session id of the client was sent upstream');
  });
});
