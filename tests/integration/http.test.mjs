// What one HTTP request at the gateway is answered with, revision by revision.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { fileContext, gatewayOnly, startFixture, startNode } from './support/processes.mjs';
import { exchange, initializeRequest, jsonHeaders, newest, revisions, Session } from './support/wire.mjs';

const ping = (id = 1) => ({ jsonrpc: '2.0', id, method: 'ping' });
const file = fileContext();
let node;

before(async () => {
  const fixture = await startFixture(file);
  node = await startNode(file, { upstreams: { fixture: { url: fixture.url } } });
});

const open = (options) => Session.open(node.mcp, options);
const post = (body, headers = {}) => exchange(node.mcp, {
  headers: Object.fromEntries(Object.entries({ ...jsonHeaders, ...headers }).filter(([, value]) => value !== undefined)),
  body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
});

async function refused(reply, status, code) {
  assert.equal(reply.status, status);
  const body = await reply.json();
  assert.equal(body.jsonrpc, '2.0');
  if (code === undefined) assert.ok(Number.isInteger(body.error.code), JSON.stringify(body));
  else assert.equal(body.error.code, code, JSON.stringify(body));
  assert.ok(typeof body.error.message === 'string' && body.error.message.length > 0);
  return body;
}

describe('the headers of a request', () => {
  test('a POST must accept both JSON and event streams, else 406', async () => {
    for (const accept of [undefined, 'application/json', 'text/event-stream', 'text/html']) {
      await refused(await post(initializeRequest(), { accept }), 406, -32000);
    }
    for (const accept of ['*/*', 'text/event-stream;q=0.5, application/json']) {
      assert.equal((await post(initializeRequest(), { accept })).status, 200);
    }
  });

  test('a POST must carry JSON, else 415', async () => {
    for (const type of [undefined, 'text/plain', 'application/x-www-form-urlencoded']) {
      await refused(await post(initializeRequest(), { 'content-type': type }), 415, -32000);
    }
    for (const type of ['application/json; charset=utf-8', 'Application/JSON']) {
      assert.equal((await post(initializeRequest(), { 'content-type': type })).status, 200);
    }
  });

  test('a GET must accept event streams, else 406', async () => {
    const session = await open();
    await refused(await session.get(undefined, { accept: 'application/json' }), 406);
  });

  test('other methods are answered 405 and the allowed ones are named', async () => {
    for (const method of ['PUT', 'PATCH']) {
      const reply = await exchange(node.mcp, { method, headers: jsonHeaders, body: '{}' });
      assert.equal(reply.status, 405);
      for (const allowed of ['GET', 'POST', 'DELETE']) assert.match(reply.headers.allow, new RegExp(`\\b${allowed}\\b`));
    }
  });

  test('an unknown Host is refused with 403 on every path', gatewayOnly, async () => {
    const paths = [`${node.base}/mcp`, `${node.base}/sse`, `${node.base}/messages`, `${node.base}/healthz`, `${node.base}/readyz`,
      `${node.admin}/mcp/health`, `${node.admin}/mcp/servers`];
    for (const url of paths) {
      for (const method of ['GET', 'POST']) {
        const reply = await exchange(url, { method, headers: { ...jsonHeaders, host: 'evil.example:80' } });
        assert.equal(reply.status, 403, `${method} ${url}`);
      }
    }
  });

  test('an unknown Origin is refused with 403 on every path', gatewayOnly, async () => {
    const paths = [`${node.base}/mcp`, `${node.base}/sse`, `${node.base}/messages`, `${node.base}/healthz`, `${node.base}/readyz`,
      `${node.admin}/mcp/health`, `${node.admin}/mcp/servers`];
    for (const url of paths) {
      for (const origin of ['http://evil.example', 'https://localhost.evil.example', 'null']) {
        const reply = await exchange(url, { method: 'GET', headers: { ...jsonHeaders, origin } });
        assert.equal(reply.status, 403, `${origin} at ${url}`);
      }
    }
  });

  test('an unknown Host or Origin is refused with 403 at the endpoint', async () => {
    await refused(await post(initializeRequest(), { host: 'evil.example' }), 403);
    await refused(await post(initializeRequest(), { origin: 'http://evil.example' }), 403);
  });

  test('loopback names are welcome as Host and Origin', async () => {
    const { port } = new URL(node.mcp);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      assert.equal((await post(initializeRequest(), { host, origin: `http://${host}` })).status, 200, host);
    }
  });
});

describe('the body of a request', () => {
  test('what is no JSON is answered 400 and -32700', async () => {
    for (const body of ['', '{', '{"jsonrpc":"2.0","id":1,"method":"ping"', 'ping', '{"a":1}}', "{'a':1}"]) {
      await refused(await post(body), 400, -32700);
    }
  });

  test('invalid UTF-8 is answered 400 and -32700', gatewayOnly, async () => {
    const bad = Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}}')]);
    await refused(await post(bad), 400, -32700);
  });

  test('JSON that is nested too deeply is answered 400 and -32700', gatewayOnly, async () => {
    for (const depth of [100, 100_000]) {
      const nested = '['.repeat(depth) + ']'.repeat(depth);
      await refused(await post(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${nested}}}`), 400, -32700);
    }
  });

  test('what is JSON but no JSON-RPC message is answered 400 and -32600', async () => {
    const session = await open();
    for (const body of ['{}', '1', '"ping"', 'null', 'true', '{"jsonrpc":"1.0","id":1,"method":"ping"}', '{"id":1,"method":"ping"}']) {
      await refused(await session.post(body), 400, -32600);
    }
  });

  test('a member of the wrong type is answered 400 and -32600', gatewayOnly, async () => {
    const session = await open();
    for (const body of ['{"jsonrpc":"2.0","id":{},"method":"ping"}', '{"jsonrpc":"2.0","id":1,"method":5}',
      '{"jsonrpc":"2.0","id":1,"method":"ping","params":7}', '{"jsonrpc":"2.0","id":[1],"method":"ping"}']) {
      await refused(await session.post(body), 400, -32600);
    }
  });

  test('escapes, white space and large numbers reach the upstream as they are', async () => {
    const session = await open();
    const value = '  \u0000é"\\\u2028 😀 {"id":99,"method":"initialize"}';
    const echo = await session.text('fixture_echo', { value });
    assert.equal(JSON.parse(echo).args.value, value);
    const raw = `\r\n\t { "params" : {"name":"fixture_echo","arguments":{"value":"x"}} , "method":"tools\\/call","id" : "a\\u0062c", "jsonrpc":"2.0" } \n`;
    const reply = await session.post(raw);
    const answer = reply.stream ? await reply.stream.message((m) => m.id === 'abc') : await reply.json();
    assert.equal(answer.id, 'abc');
    assert.ok(answer.result, JSON.stringify(answer));
  });

  test('ids come back with their value and type', async () => {
    const session = await open();
    for (const id of [0, -1, 7, 9007199254740991, '', '7', 'ü', 'x'.repeat(500)]) {
      const reply = await session.post({ jsonrpc: '2.0', id, method: 'ping' });
      assert.deepEqual(await reply.json(), { jsonrpc: '2.0', id, result: {} });
    }
  });
});

describe('a session', () => {
  for (const revision of revisions) {
    test(`${revision}: initialize answers this revision, and the whole round works`, async () => {
      const session = await open({ revision });
      assert.match(session.id, /^[\x21-\x7e]{16,}$/);
      const { result } = session.initialized;
      assert.equal(result.protocolVersion, revision);
      assert.ok(result.serverInfo.name && result.serverInfo.version);
      assert.ok(result.capabilities.tools && result.capabilities.prompts && result.capabilities.resources);
      assert.deepEqual(await session.result('ping'), {});
      assert.ok((await session.toolNames()).includes('test_simple_text'));
      assert.equal(await session.text('test_simple_text'), 'This is a simple text response for testing.');
      assert.deepEqual(await session.result('logging/setLevel', { level: 'warning' }), {});
      assert.ok([200, 202, 204].includes((await session.delete()).status));
      await refused(await session.post(ping()), 404, -32001);
    });
  }

  test('an unknown revision is answered with the newest one with sessions', async () => {
    for (const revision of ['1999-01-01', '2024-10-07', 'newest']) {
      const reply = await post(initializeRequest(revision));
      assert.equal(reply.status, 200);
      assert.equal((await reply.json()).result.protocolVersion, newest);
    }
  });

  test('ids are never given twice', async () => {
    const ids = await Promise.all(Array.from({ length: 50 }, async () => (await post(initializeRequest())).headers['mcp-session-id']));
    assert.equal(new Set(ids).size, 50);
  });

  test('a request without a session id is answered 400', async () => {
    const body = await refused(await post(ping(5)), 400);
    assert.equal(body.id, 5);
    await refused(await exchange(node.mcp, { method: 'GET', headers: { accept: 'text/event-stream' } }), 400);
    await refused(await exchange(node.mcp, { method: 'DELETE' }), 400);
  });

  test('an unknown session id is answered 404 and -32001, whatever it looks like', async () => {
    const session = await open();
    const almost = (session.id[0] === 'A' ? 'B' : 'A') + session.id.slice(1);
    for (const id of ['nonsense', almost, `${session.id}x`, session.id.slice(0, -1), 'x'.repeat(4000), '../../etc/passwd']) {
      await refused(await post(ping(), { 'mcp-session-id': id }), 404, -32001);
      await refused(await session.get(undefined, { 'mcp-session-id': id }), 404, -32001);
      await refused(await session.delete({ 'mcp-session-id': id }), 404, -32001);
    }
  });

  test('after DELETE everything is answered 404', async () => {
    const session = await open();
    const stream = (await session.get()).stream;
    assert.equal((await session.delete()).status, 200);
    await stream.end();
    await refused(await session.post(ping()), 404, -32001);
    await refused(await session.get(), 404, -32001);
    await refused(await session.delete(), 404, -32001);
  });

  test('a second initialize is refused', async () => {
    const session = await open();
    await refused(await session.post(initializeRequest()), 400, -32600);
    assert.deepEqual(await session.result('ping'), {});
  });

  test('an unsupported MCP-Protocol-Version header is answered 400', async () => {
    const session = await open();
    for (const version of ['1999-01-01', 'x', '2025-11-26']) {
      await refused(await session.post(ping(), { 'mcp-protocol-version': version }), 400);
    }
  });

  test('a missing MCP-Protocol-Version header means the revision of the session', async () => {
    const session = await open();
    assert.deepEqual(await (await session.post(ping(3), { 'mcp-protocol-version': undefined })).json(), { jsonrpc: '2.0', id: 3, result: {} });
  });

  test('notifications and answers are taken with 202 and no body', async () => {
    const session = await open();
    for (const message of [
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'never-made' } },
      { jsonrpc: '2.0', method: 'notifications/unheard_of' },
      { jsonrpc: '2.0', id: 'never-asked', result: {} },
      { jsonrpc: '2.0', id: 'never-asked', error: { code: -1, message: 'no' } },
    ]) {
      const reply = await session.post(message);
      assert.equal(reply.status, 202, JSON.stringify(message));
      assert.equal(await reply.text(), '');
    }
  });

  test('errors of methods come with 200, their code and the id of the request', async () => {
    const session = await open();
    for (const [method, params, code] of [
      ['no/such/method', undefined, -32601],
      ['tools/call', { name: 'no_such_tool' }, -32602],
      ['prompts/get', { name: 'no_such_prompt' }, -32602],
      ['resources/read', { uri: 'test://no-such-resource' }, -32002],
      ['logging/setLevel', { level: 'loud' }, -32602],
      ['tools/list', { cursor: 'nonsense' }, -32602],
      ['completion/complete', { ref: { type: 'ref/prompt', name: 'no_such_prompt' }, argument: { name: 'a', value: '' } }, -32602],
    ]) {
      const { status, answer } = await session.request(method, params);
      assert.equal(status, 200);
      assert.equal(answer.error?.code, code, `${method}: ${JSON.stringify(answer)}`);
    }
  });

  test('a request of revision 2026-07-28 is refused with what is supported', gatewayOnly, async () => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {},
    };
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'server/discover' };
    const body = await refused(await post({ jsonrpc: '2.0', id: 9, method: 'server/discover', params: { _meta: meta } }, headers), 400, -32022);
    assert.equal(body.id, 9);
    assert.deepEqual([...body.error.data.supported].sort(), revisions);
    assert.equal(body.error.data.requested, '2026-07-28');
  });

  test('a header of revision 2026-07-28 without its body is answered 400', async () => {
    await refused(await post(ping(), { 'mcp-protocol-version': '2026-07-28' }), 400);
  });
});

describe('batches', () => {
  const batch = [ping('a'), { jsonrpc: '2.0', method: 'notifications/unheard_of' },
    { jsonrpc: '2.0', id: 'b', method: 'tools/call', params: { name: 'test_simple_text' } }, ping(3)];

  async function answers(reply, count) {
    assert.equal(reply.status, 200);
    if (!reply.stream) return reply.json();
    return reply.stream.until((s) => s.messages.flat().length >= count && s.messages.flat(), `${count} responses`);
  }

  test('2025-03-26: every request of a batch is answered', async () => {
    const session = await open({ revision: '2025-03-26' });
    const got = await answers(await session.post(batch), 3);
    assert.ok(Array.isArray(got));
    assert.deepEqual(got.map((m) => String(m.id)).sort(), ['3', 'a', 'b']);
    for (const m of got) assert.ok(m.result, JSON.stringify(m));
  });

  test('2025-03-26: an error in a batch spoils only itself', gatewayOnly, async () => {
    const session = await open({ revision: '2025-03-26' });
    const got = await answers(await session.post([ping(1), { jsonrpc: '2.0', id: 2, method: 'no/such/method' }, ping(3)]), 3);
    const by = new Map(got.map((m) => [m.id, m]));
    assert.deepEqual(by.get(1).result, {});
    assert.equal(by.get(2).error.code, -32601);
    assert.deepEqual(by.get(3).result, {});
  });

  test('2025-03-26: a batch without requests is taken with 202', async () => {
    const session = await open({ revision: '2025-03-26' });
    const reply = await session.post([{ jsonrpc: '2.0', id: 'x', result: {} }, { jsonrpc: '2.0', id: 'y', error: { code: 1, message: 'no' } }]);
    assert.equal(reply.status, 202);
    assert.equal(await reply.text(), '');
    const notes = await session.post([{ jsonrpc: '2.0', method: 'notifications/unheard_of' }]);
    assert.equal(notes.status, 202);
  });

  test('2025-03-26: an empty batch and one with initialize are refused', async () => {
    const session = await open({ revision: '2025-03-26' });
    await refused(await session.post([]), 400, -32600);
    await refused(await post([initializeRequest('2025-03-26')]), 400, -32600);
  });

  test('2025-03-26: a batch of more messages than allowed is refused', gatewayOnly, async () => {
    const session = await open({ revision: '2025-03-26' });
    await refused(await session.post(Array.from({ length: 101 }, (_, i) => ping(i))), 400);
    assert.deepEqual(await session.result('ping'), {});
  });

  for (const revision of ['2025-06-18', '2025-11-25']) {
    test(`${revision}: batches are refused`, async () => {
      const session = await open({ revision });
      await refused(await session.post(batch), 400, -32600);
    });
  }
});

describe('beside the endpoint', gatewayOnly, () => {
  test('health and readiness are told', async () => {
    for (const path of ['/healthz', '/readyz']) assert.equal((await exchange(node.base + path, { method: 'GET' })).status, 200);
  });

  test('an unknown path is answered 404', async () => {
    for (const path of ['/', '/mcp/x', '/favicon.ico']) {
      assert.equal((await exchange(node.base + path, { method: 'GET' })).status, 404, path);
    }
  });

  test('operators see the upstreams, their tools and their health', async () => {
    await (await open()).toolNames();
    const servers = await exchange(`${node.admin}/mcp/servers`, { method: 'GET' });
    assert.equal(servers.status, 200);
    assert.match(await servers.text(), /"fixture"/);
    const tools = await exchange(`${node.admin}/mcp/servers/fixture/tools`, { method: 'GET' });
    assert.equal(tools.status, 200);
    assert.match(await tools.text(), /"test_simple_text"/);
    assert.equal((await exchange(`${node.admin}/mcp/servers/unheard_of/tools`, { method: 'GET' })).status, 404);
    const health = await exchange(`${node.admin}/mcp/health`, { method: 'GET' });
    assert.equal(health.status, 200);
    const { status, store } = await health.json();
    assert.equal(status, 'ok');
    assert.equal(store.state, 'ok');
  });

  test('operators see which node has a session', async () => {
    const session = await open();
    const owner = await exchange(`${node.admin}/mcp/owner/${session.id}`, { method: 'GET' });
    assert.equal(owner.status, 200);
    const said = await owner.json();
    assert.deepEqual({ ...said, slot: undefined, incarnation: undefined }, { session: session.id, slot: undefined, node: null, incarnation: undefined, here: true });
    assert.ok(said.slot >= 0 && said.slot < 1024, `${said.slot}`);
    await session.delete();
    for (const id of [session.id, 'x', 'A'.repeat(22), '']) {
      const nowhere = await exchange(`${node.admin}/mcp/owner/${id}`, { method: 'GET' });
      assert.deepEqual([nowhere.status, nowhere.headers['content-type']], [404, 'application/problem+json'], id);
    }
  });

  test('the MCP endpoint is not served to operators, nor the other way round', async () => {
    const asked = await exchange(`${node.admin}/mcp`, { headers: jsonHeaders, body: JSON.stringify(initializeRequest()) });
    assert.ok([404, 405].includes(asked.status), `${asked.status}`);
    assert.equal((await exchange(`${node.base}/mcp/servers`, { method: 'GET' })).status, 404);
  });
});
