// Many upstreams as one: names, lists, changes, and upstreams that are not there.
import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import {
  fixtureFile, freePort, gatewayOnly, Process, slowness, startFixture, startNode, startTrouble, stdioFixture, stdioTrouble, waitFor,
} from './support/processes.mjs';
import { exchange, Session } from './support/wire.mjs';

const impatient = { first_list_wait: '500ms' };
const eager = { reconnect_min: '50ms', reconnect_max: '200ms', eager: true };

async function pages(session, method, key) {
  const all = [];
  let cursor;
  do {
    const page = await session.result(method, cursor === undefined ? undefined : { cursor });
    all.push(page[key]);
    cursor = page.nextCursor;
  } while (cursor !== undefined && all.length < 100);
  return all;
}

describe('names', gatewayOnly, () => {
  test('stay as they are while unique; every holder of a colliding one is prefixed', async (t) => {
    const a = await startFixture(t, '--name', 'server-a', '--only', 'fixture_echo,greet,test_tool_with_progress');
    const b = await startFixture(t, '--name', 'server-b', '--only', 'fixture_echo,slow_compute', '--also', 'slow_compute=only_here');
    const node = await startNode(t, { upstreams: { a: { url: a.url }, b: { url: b.url } } });
    const session = await Session.open(node.mcp);
    assert.deepEqual(await session.toolNames(), ['test_tool_with_progress', 'greet', 'a__fixture_echo', 'only_here', 'b__fixture_echo']);
    assert.equal(JSON.parse(await session.text('a__fixture_echo', { value: 'x' })).server, 'server-a');
    assert.equal(JSON.parse(await session.text('b__fixture_echo', { value: 'x' })).server, 'server-b');
    assert.equal(await session.text('greet', { name: 'you' }), 'Hello, you!');
    assert.match(await session.text('only_here', { seconds: 0 }), /computed/);
    for (const name of ['fixture_echo', 'a__greet', 'slow_compute', 'c__fixture_echo']) {
      assert.equal((await session.error('tools/call', { name })).code, -32602, name);
    }
  });

  test('of prompts collide like those of tools, and completion follows them', async (t) => {
    const [a, b] = [await startFixture(t), await startFixture(t)];
    const node = await startNode(t, { upstreams: { a: { url: a.url }, b: { url: b.url } } });
    const session = await Session.open(node.mcp);
    const names = (await session.result('prompts/list')).prompts.map((prompt) => prompt.name);
    assert.ok(names.includes('a__test_simple_prompt') && names.includes('b__test_simple_prompt') && !names.includes('test_simple_prompt'));
    assert.equal((await session.result('prompts/get', { name: 'b__test_simple_prompt' })).messages.length, 1);
    const { completion } = await session.result('completion/complete', {
      ref: { type: 'ref/prompt', name: 'b__test_prompt_with_arguments' }, argument: { name: 'arg1', value: 'par' },
    });
    assert.equal(completion.values.length, 3);
  });

  test('can be prefixed always', async (t) => {
    const a = await startFixture(t, '--only', 'greet');
    const node = await startNode(t, { upstreams: { a: { url: a.url } }, catalogue: { always_prefix: true } });
    const session = await Session.open(node.mcp);
    assert.deepEqual(await session.toolNames(), ['a__greet']);
    assert.equal(await session.text('a__greet', { name: 'you' }), 'Hello, you!');
  });

  test('that are too long or odd are made to fit, and still work', async (t) => {
    const long = 'x'.repeat(100);
    const a = await startFixture(t, '--only', 'greet,test_simple_text', '--also', `greet=${long},test_simple_text=with space`);
    const node = await startNode(t, { upstreams: { a: { url: a.url } } });
    const session = await Session.open(node.mcp);
    const names = await session.toolNames();
    assert.equal(names.length, 2);
    for (const name of names) assert.match(name, /^[A-Za-z0-9_./-]{1,64}$/);
    const texts = await Promise.all(names.map((name) => session.text(name, { name: 'you' })));
    assert.deepEqual(texts.sort(), ['Hello, you!', 'This is a simple text response for testing.']);
  });
});

describe('resources', gatewayOnly, () => {
  test('with one URI at two upstreams: the first owns it, the other is shown under its alias', async (t) => {
    const [a, b] = [await startFixture(t), await startFixture(t)];
    const node = await startNode(t, { upstreams: { a: { url: a.url }, b: { url: b.url } } });
    const session = await Session.open(node.mcp);
    const uris = (await session.result('resources/list')).resources.map((resource) => resource.uri);
    assert.equal(new Set(uris).size, 6);
    assert.ok(uris.includes('test://static-text'));
    const other = uris.find((uri) => uri.startsWith('mcp+b:') && decodeURIComponent(uri).endsWith('test://static-text'));
    assert.ok(other, uris.join(' '));
    assert.equal((await session.result('resources/read', { uri: 'test://static-text' })).contents[0].uri, 'test://static-text');
    const read = (await session.result('resources/read', { uri: other })).contents[0];
    assert.match(read.text, /static text/);
    assert.equal(read.uri, other);

    const { stream } = await session.get();
    const watched = uris.find((uri) => uri.startsWith('mcp+b:') && decodeURIComponent(uri).endsWith('test://watched-resource'));
    await session.result('resources/subscribe', { uri: watched });
    await session.text('b__test_touch_resource', { uri: 'test://watched-resource' });
    const update = await stream.message((m) => m.method === 'notifications/resources/updated');
    assert.equal(update.params.uri, watched);
  });

  test('of a template are read from its owner', async (t) => {
    const a = await startTrouble(t);
    const b = await startFixture(t);
    const node = await startNode(t, { upstreams: { a: { url: a.url }, b: { url: b.url } } });
    const session = await Session.open(node.mcp);
    assert.equal((await session.result('resources/templates/list')).resourceTemplates.length, 1);
    assert.match((await session.result('resources/read', { uri: 'test://template/7/data' })).contents[0].text, /Data for ID: 7/);
  });
});

describe('filters', gatewayOnly, () => {
  test('allow what they name, deny wins, and what is hidden cannot be called', async (t) => {
    const a = await startFixture(t);
    const node = await startNode(t, {
      upstreams: {
        a: {
          url: a.url,
          tools: { allow: ['test_*', 'greet'], deny: ['test_s?mple_text'] },
          prompts: { deny: ['*'] },
          resources: { allow: ['test://static-*'] },
        },
      },
    });
    const session = await Session.open(node.mcp);
    const names = await session.toolNames();
    assert.ok(names.includes('greet') && names.includes('test_image_content'));
    assert.ok(!names.includes('test_simple_text') && !names.includes('fixture_echo'));
    for (const name of ['test_simple_text', 'fixture_echo', 'fixture_state']) assert.equal((await session.error('tools/call', { name })).code, -32602);
    assert.deepEqual((await session.result('prompts/list')).prompts, []);
    assert.equal((await session.error('prompts/get', { name: 'test_simple_prompt' })).code, -32602);
    assert.deepEqual((await session.result('resources/list')).resources.map((r) => r.uri).sort(), ['test://static-binary', 'test://static-text']);
    assert.ok(await session.error('resources/read', { uri: 'test://watched-resource' }));
  });
});

describe('pages', gatewayOnly, () => {
  test('of an upstream are all read, and lists are given in pages of the configured size', async (t) => {
    const [a, b] = [await startFixture(t, '--page', '4'), await startFixture(t, '--page', '3', '--only', 'greet')];
    const node = await startNode(t, { upstreams: { a: { url: a.url }, b: { url: b.url } }, catalogue: { page_size: 7 } });
    const session = await Session.open(node.mcp);
    const tools = await pages(session, 'tools/list', 'tools');
    assert.ok(tools.slice(0, -1).every((page) => page.length === 7), tools.map((page) => page.length).join(' '));
    const names = tools.flat().map((tool) => tool.name);
    assert.ok(names.length > 30 && new Set(names).size === names.length);
    assert.ok(names.includes('a__greet') && names.includes('b__greet'));
    assert.equal((await pages(session, 'prompts/list', 'prompts')).flat().length, 10);
  });

  test('have cursors that nobody can make up or change', async (t) => {
    const a = await startFixture(t);
    const node = await startNode(t, { upstreams: { a: { url: a.url } }, catalogue: { page_size: 3 } });
    const [session, other] = [await Session.open(node.mcp), await Session.open(node.mcp)];
    const { nextCursor: cursor } = await session.result('tools/list');
    assert.ok(cursor);
    const changed = (at) => cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1);
    for (const bad of [changed(0), changed(cursor.length >> 1), changed(cursor.length - 3), cursor.slice(0, -4), `${cursor}AAAA`, '', 'x', `${cursor}=`]) {
      assert.equal((await session.error('tools/list', { cursor: bad })).code, -32602, bad);
    }
    assert.equal((await session.error('prompts/list', { cursor })).code, -32602);
    assert.equal((await session.error('tools/list', { cursor: 7 })).code, -32602);
    assert.deepEqual((await other.result('tools/list', { cursor })).tools, (await session.result('tools/list', { cursor })).tools);
  });
});

describe('changes', () => {
  for (const upstream of ['stdio', 'http']) {
    test(`of an upstream's tools reach every session (${upstream})`, async (t) => {
      const target = upstream === 'stdio' ? stdioTrouble() : { url: (await startTrouble(t)).url };
      const node = await startNode(t, { upstreams: { trouble: target } });
      const [one, two] = [await Session.open(node.mcp), await Session.open(node.mcp)];
      const streams = await Promise.all([one, two].map((session) => session.get().then((reply) => reply.stream)));
      assert.ok((await one.toolNames()).includes('grow'));
      await two.toolNames();
      const grown = await one.text('grow');
      for (const stream of streams) await stream.message((m) => m.method === 'notifications/tools/list_changed');
      for (const session of [one, two]) {
        await waitFor('the new tool', async () => (await session.toolNames()).includes(grown));
        assert.equal(await session.text(grown), 'grown');
      }
    });
  }

  test('because an upstream comes up late reach every session', gatewayOnly, async (t) => {
    const port = await freePort();
    const b = await startFixture(t, '--only', 'greet');
    const node = await startNode(t, {
      upstreams: { late: { url: `http://127.0.0.1:${port}/mcp`, ...eager }, there: { url: b.url } }, catalogue: impatient,
    });
    const session = await Session.open(node.mcp);
    const { stream } = await session.get();
    assert.deepEqual(await session.toolNames(), ['greet']);
    const late = new Process(process.execPath, [fixtureFile, '--http', String(port), '--eras', 'legacy', '--only', 'fixture_echo']);
    t.after(() => late.kill());
    await stream.message((m) => m.method === 'notifications/tools/list_changed', 'list_changed', 10_000);
    await waitFor('the late tool', async () => (await session.toolNames()).includes('fixture_echo'));
    assert.match(await session.text('fixture_echo', { value: 'late' }), /late/);
  });
});

describe('an upstream that is down', gatewayOnly, () => {
  test('leaves the others listed and working; its calls fail and name it', async (t) => {
    const [dying, living] = [await startFixture(t, '--only', 'fixture_echo'), await startFixture(t, '--only', 'greet')];
    const node = await startNode(t, {
      upstreams: { dying: { url: dying.url, ...eager }, living: { url: living.url } }, catalogue: impatient,
    });
    const session = await Session.open(node.mcp);
    assert.deepEqual((await session.toolNames()).sort(), ['fixture_echo', 'greet']);
    await session.text('fixture_echo');
    await dying.kill();
    const error = await session.error('tools/call', { name: 'fixture_echo' });
    assert.equal(error.code, -32603);
    assert.equal(error.data.upstream, 'dying');
    assert.ok((await session.toolNames()).includes('greet'));
    assert.equal(await session.text('greet', { name: 'you' }), 'Hello, you!');
  });

  test('is used again when it is back, in the same session', async (t) => {
    const port = String(await freePort());
    const args = [fixtureFile, '--http', port, '--eras', 'legacy'];
    const first = new Process(process.execPath, args);
    await first.says(/mcp-fixture on/);
    const node = await startNode(t, { upstreams: { fixture: { url: `http://127.0.0.1:${port}/mcp`, ...eager } } });
    const session = await Session.open(node.mcp);
    await session.text('fixture_echo');
    await first.kill();
    await session.error('tools/call', { name: 'fixture_echo' });
    const second = new Process(process.execPath, args);
    t.after(() => second.kill());
    await waitFor('the upstream to be used again', async () => {
      const { answer } = await session.request('tools/call', { name: 'fixture_echo' });
      return answer.result;
    }, 10_000);
  });

  test('or three of them do not slow down the rest', async (t) => {
    const living = await startFixture(t, '--only', 'fixture_echo');
    const mute = await startTrouble(t, '--mute');
    const node = await startNode(t, {
      upstreams: {
        refused: { url: `http://127.0.0.1:${await freePort()}/mcp`, ...eager },
        mute: { url: mute.url, ...eager },
        dead: { ...stdioTrouble('--exit-at-start'), ...eager },
        missing: { command: '/no/such/program', ...eager },
        living: { url: living.url },
      },
      catalogue: impatient,
    });
    const session = await Session.open(node.mcp);
    let began = Date.now();
    assert.deepEqual(await session.toolNames(), ['fixture_echo']);
    assert.ok(Date.now() - began < 2500 * slowness, `the first list took ${Date.now() - began} ms`);
    began = Date.now();
    for (let i = 0; i < 100; ++i) await session.text('fixture_echo', { value: String(i) });
    assert.ok(Date.now() - began < 3000 * slowness, `100 calls took ${Date.now() - began} ms`);
    began = Date.now();
    const next = await Session.open(node.mcp);
    assert.deepEqual(await next.toolNames(), ['fixture_echo']);
    assert.ok(Date.now() - began < 2500 * slowness, `the first list of the second session took ${Date.now() - began} ms`);
    assert.equal((await exchange(`${node.base}/healthz`, { method: 'GET' })).status, 200);
  });

  test('or takes connections and never answers keeps the first list for a fifth of its wait only', async (t) => {
    const mute = net.createServer(() => {});
    await new Promise((done) => mute.listen(0, '127.0.0.1', done));
    t.after(() => mute.close());
    const living = await Promise.all(['greet', 'fixture_echo'].map((name) => startFixture(t, '--only', name)));
    const node = await startNode(t, {
      upstreams: { mute: { url: `http://127.0.0.1:${mute.address().port}/mcp` }, a: { url: living[0].url }, b: { url: living[1].url } },
      catalogue: { first_list_wait: '20s' },
    });
    const began = Date.now();
    const session = await Session.open(node.mcp);
    assert.deepEqual(await session.toolNames(), ['greet', 'fixture_echo']);
    const took = Date.now() - began;
    assert.ok(took > 3_500 && took < 15_000, `the first list took ${took} ms`);
  });

  test('and none configured at all: lists are empty', async (t) => {
    const node = await startNode(t, { upstreams: {} });
    const session = await Session.open(node.mcp);
    assert.deepEqual(await session.toolNames(), []);
    assert.deepEqual((await session.result('resources/list')).resources, []);
    assert.equal((await session.error('tools/call', { name: 'x' })).code, -32602);
  });

  test('or disabled is left alone', async (t) => {
    const a = await startFixture(t, '--only', 'greet');
    const node = await startNode(t, { upstreams: { off: { ...stdioFixture(), enabled: false }, on: { url: a.url } } });
    assert.deepEqual(await (await Session.open(node.mcp)).toolNames(), ['greet']);
  });
});
