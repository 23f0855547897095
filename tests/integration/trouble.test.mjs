// Clients and upstreams that are broken, slow, greedy or hostile: each gets the defined answer, and the node stays up.
import assert from 'node:assert/strict';
import net from 'node:net';
import { afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileContext, gatewayOnly, slowness, startFixture, startNode, startTrouble, stdioTrouble, waitFor } from './support/processes.mjs';
import { exchange, initializeRequest, jsonHeaders, Session } from './support/wire.mjs';

const mib = 1 << 20;
const memoryMax = (slowness > 1 ? 1500 : 300) * mib;
const file = fileContext();
let node;
let address;
let session;

before(async () => {
  if (gatewayOnly.skip) return;
  process.env.HOLDFAST_TEST_SECRET = 'not for children';
  const [web, fixture] = [await startTrouble(file), await startFixture(file)];
  node = await startNode(file, {
    http: {
      body_bytes_max: '1MiB', header_bytes_max: '16KiB', headers_max: 50,
      header_timeout: '1s', body_timeout: '1s', keep_alive_timeout: '2s', write_timeout: '2s',
    },
    upstreams: {
      fixture: { url: fixture.url },
      trouble: { ...stdioTrouble(), reconnect_min: '10ms', reconnect_max: '100ms' },
      web: { url: web.url, reconnect_min: '10ms', reconnect_max: '100ms' },
      quick: { ...stdioTrouble(), call_timeout: '700ms' },
      quickweb: { url: (await startTrouble(file)).url, call_timeout: '700ms' },
    },
  });
  address = { host: '127.0.0.1', port: Number(new URL(node.mcp).port) };
  session = await Session.open(node.mcp);
  await session.toolNames();
});

/// Whatever a test did: the node serves, and has not eaten the machine.
afterEach(async () => {
  if (!node) return;
  assert.equal(node.exit, undefined, `the node died: ${node.stderr.slice(-4000)}`);
  assert.deepEqual(await session.result('ping'), {});
  assert.equal(await session.text('web__ok'), 'ok');
  const peak = node.memory('VmHWM');
  assert.ok(peak < memoryMax, `the node took ${Math.round(peak / mib)} MiB`);
});

/// Sends bytes and reads until the other side closes: {status, text, closed, ms}.
function talk(chunks, { ms = 8000, pause = 0, end = false } = {}) {
  return new Promise((done) => {
    const began = Date.now();
    const socket = net.connect(address);
    let text = '';
    const finish = (closed) => {
      clearTimeout(timer);
      socket.destroy();
      done({ text, closed, ms: Date.now() - began, status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]) });
    };
    const timer = setTimeout(finish, ms * slowness, false);
    socket.on('data', (bytes) => { text += bytes; });
    socket.on('error', () => finish(true));
    socket.on('close', () => finish(true));
    socket.on('connect', async () => {
      for (const chunk of [chunks].flat()) {
        if (socket.destroyed) return;
        socket.write(chunk);
        if (pause) await sleep(pause);
      }
      if (end) socket.end();
    });
  });
}

const head = (...lines) => `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: */*\r\n${lines.map((l) => `${l}\r\n`).join('')}`;
const withBody = (body, ...lines) => `${head(`Content-Length: ${Buffer.byteLength(body)}`, ...lines)}\r\n${body}`;
const hello = JSON.stringify(initializeRequest());

describe('what is no HTTP', gatewayOnly, () => {
  test('is answered 400 and closed', async () => {
    for (const bytes of ['nonsense\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'POST\r\n\r\n', 'GET /mcp HTTP/1.1\r\nBad Header: x\r\n\r\n',
      `${head('Content-Length: x')}\r\n`, `${head('Content-Length: -1')}\r\n`, `${head('Content-Length: 5', 'Content-Length: 6')}\r\n12345`,
      `${head('Content-Length: 2', 'Transfer-Encoding: chunked')}\r\n0\r\n\r\n`, `${head('Content-Length: 99999999999999999999')}\r\n`,
      `${head('Transfer-Encoding: chunked')}\r\nxyz\r\n`]) {
      const { status, closed } = await talk(bytes);
      assert.ok(closed, `left open after ${JSON.stringify(bytes)}`);
      assert.ok([400, 413].includes(status), `${status} for ${JSON.stringify(bytes)}`);
    }
  });

  test('or not of this version, or coded in an unknown way, is said so', async () => {
    assert.equal((await talk('GET /mcp HTTP/3.7\r\nHost: localhost\r\n\r\n')).status, 505);
    assert.equal((await talk(`${head('Transfer-Encoding: gzip')}\r\nxx`)).status, 501);
  });
});

describe('too much', gatewayOnly, () => {
  test('of a body is answered 413, whether its length is told or not', async () => {
    const told = await talk([`${head(`Content-Length: ${100 * mib}`)}\r\n`, 'x'.repeat(1000)]);
    assert.equal(told.status, 413);
    assert.ok(told.closed);
    const chunk = `${(64 << 10).toString(16)}\r\n${'x'.repeat(64 << 10)}\r\n`;
    const untold = await talk([`${head('Transfer-Encoding: chunked')}\r\n`, ...Array(32).fill(chunk)], { pause: 2 });
    assert.ok(untold.closed);
    if (untold.text) assert.equal(untold.status, 413);  // a reset may overtake the answer
  });

  test('but no more than the limit is taken', async () => {
    const value = 'x'.repeat(mib - 1000);
    assert.equal(JSON.parse(await session.text('fixture_echo', { value })).args.value.length, value.length);
  });

  test('of headers is answered 431: too many, too long, without end', async () => {
    const many = await talk(`${head(...Array.from({ length: 1000 }, (_, i) => `X-${i}: y`))}\r\n`);
    assert.equal(many.status, 431);
    const long = await talk(`${head(`X-Long: ${'y'.repeat(100_000)}`)}\r\n`);
    assert.ok(long.closed);
    if (long.text) assert.equal(long.status, 431);
    const endless = await talk([head(), ...Array(200).fill(`X-Endless: ${'y'.repeat(1000)}\r\n`)], { pause: 1 });
    assert.ok(endless.closed);
    if (endless.text) assert.equal(endless.status, 431);
    const target = await talk(`GET /${'y'.repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    assert.ok(target.closed);
  });

  test('of sessions by one client is served all the same', async () => {
    const sessions = [];
    for (let i = 0; i < 10; ++i) sessions.push(...await Promise.all(Array.from({ length: 50 }, () => Session.open(node.mcp))));
    for (const one of sessions.slice(-20)) assert.deepEqual(await one.result('ping'), {});
    await Promise.all(sessions.map((one) => one.delete()));
  });

  test('in flight in one session is refused per request, and the rest goes on', async () => {
    const busy = await Session.open(node.mcp);
    const replies = await Promise.all(Array.from({ length: 300 }, () => busy.start('tools/call', { name: 'fixture_hang', arguments: { seconds: 20 } })));
    const refused = replies.filter((reply) => !reply.stream);
    assert.equal(refused.length, 300 - 256);
    for (const reply of refused) assert.ok((await reply.json()).error);
    assert.deepEqual(await session.result('ping'), {});
    await busy.delete();
    for (const reply of replies) reply.stream?.close();
  });
});

describe('too slow', gatewayOnly, () => {
  test('a header is answered 408 in time, and others are served meanwhile', async () => {
    const slow = Array.from({ length: 50 }, () => talk([...head()], { pause: 50 }));
    const began = Date.now();
    for (let i = 0; i < 10; ++i) assert.deepEqual(await session.result('ping'), {});
    assert.ok(Date.now() - began < 1000 * slowness);
    for (const { closed, ms, status, text } of await Promise.all(slow)) {
      assert.ok(closed && ms < 4000 * slowness, `open for ${ms} ms`);
      if (text) assert.equal(status, 408);
    }
  });

  test('a body is answered 408 in time', async () => {
    const { status, closed, ms } = await talk(`${head('Content-Length: 1000')}\r\n{`);
    assert.ok(closed && ms < 4000 * slowness, `open for ${ms} ms`);
    assert.equal(status, 408);
  });

  test('a connection without a request is closed in time', async () => {
    const silent = await talk('', { ms: 10_000 });
    assert.ok(silent.closed, `open for ${silent.ms} ms`);
    const used = await talk(withBody(hello), { ms: 10_000 });
    assert.equal(used.status, 200);
    assert.ok(used.closed, `open for ${used.ms} ms`);
  });

  test('a client that never reads its stream is cut off; the call goes on', async () => {
    const deaf = await Session.open(node.mcp);
    const body = JSON.stringify(deaf.message('tools/call', { name: 'web__flood', arguments: { count: 60_000, bytes: 1000 } }));
    const socket = net.connect(address);
    socket.pause();
    const gone = new Promise((done) => { socket.on('close', done); socket.on('error', done); });
    socket.write(withBody(body, `Mcp-Session-Id: ${deaf.id}`));
    await waitFor('the flood to begin', async () => JSON.parse(await session.text('web__seen')).calls.flood >= 1);
    await sleep(1500);
    let taken = 0;
    socket.on('data', (bytes) => { taken += bytes.length; });
    socket.resume();
    await gone;
    assert.ok(taken < 30 * mib, `${taken} bytes were kept for a client that did not read`);
    assert.ok(node.memory('VmRSS') < memoryMax);
    assert.deepEqual(await deaf.result('ping'), {});
  });

  test('a client that vanishes at once, again and again, leaves nothing behind', async () => {
    for (let i = 0; i < 100; ++i) {
      const socket = net.connect(address, () => {
        socket.write(withBody(hello).slice(0, 50 + i * 3));
        setTimeout(() => socket.destroy(), i % 5);
      });
      socket.on('error', () => {});
      if (i % 20 === 0) await sleep(10);
    }
    await sleep(200);
  });
});

describe('odd but correct', gatewayOnly, () => {
  test('a request in small pieces is taken', async () => {
    const { status } = await talk(withBody(hello, 'Connection: close').match(/[^]{1,40}/g), { pause: 5 });
    assert.equal(status, 200);
  });

  test('two requests in one piece are answered in order', async () => {
    const { text } = await talk(withBody(hello) + withBody('{', 'Connection: close'));
    assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 400']);
  });

  test('a chunked body is taken', async () => {
    const chunks = hello.match(/[^]{1,30}/g).map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('');
    const { status } = await talk(`${head('Transfer-Encoding: chunked', 'Connection: close')}\r\n${chunks}0\r\n\r\n`);
    assert.equal(status, 200);
  });

  test('Expect: 100-continue is answered', async () => {
    const reply = await talk([head(`Content-Length: ${hello.length}`, 'Expect: 100-continue', 'Connection: close') + '\r\n', hello], { pause: 100 });
    assert.match(reply.text, /HTTP\/1\.1 200/);
  });
});

describe('an upstream', gatewayOnly, () => {
  const seen = async (alias) => JSON.parse(await session.text(`${alias}__seen`));

  for (const alias of ['quick', 'quickweb']) {
    test(`that hangs is given up on, and told so (${alias})`, async () => {
      const { cancelled } = await seen(alias);
      const began = Date.now();
      const error = await session.error('tools/call', { name: `${alias}__hang` });
      assert.equal(error.code, -32603);
      assert.equal(error.data.upstream, alias);
      assert.ok(Date.now() - began < 3000 * slowness, `took ${Date.now() - began} ms`);
      await waitFor('the upstream to be told', async () => (await seen(alias)).cancelled.length === cancelled.length + 1);
      assert.equal(await session.text(`${alias}__ok`), 'ok');
    });

    test(`that answers with a wrong id is as one that does not answer (${alias})`, async () => {
      const error = await session.error('tools/call', { name: `${alias}__wrong_id` });
      assert.equal(error.code, -32603);
      assert.equal(error.data.upstream, alias);
      assert.equal(await session.text(`${alias}__ok`), 'ok');
    });
  }

  test('that answers twice is heard once', async () => {
    for (const alias of ['trouble', 'web']) {
      const { messages, reply } = await session.request('tools/call', { name: `${alias}__twice` });
      if (reply.stream) await reply.stream.end();
      const answers = messages.filter((m) => m.method === undefined);
      assert.equal(answers.length, 1);
      assert.equal(answers[0].result.content[0].text, 'first');
    }
    assert.equal(await session.text('trouble__ok'), 'ok');
  });

  test('that asks just when a call ends gets the answer all the same', async () => {
    const asking = await Session.open(node.mcp, { capabilities: { roots: {} } });
    await asking.text('trouble__ok');
    const call = asking.message('tools/call', { name: 'trouble__ask', arguments: {} });
    const { stream } = await asking.post(call);
    await stream.message((m) => m.id === call.id && m.result);
    const asked = await stream.message((m) => m.method === 'roots/list');
    const result = { roots: [{ uri: 'file:///late' }] };
    assert.equal((await asking.post({ jsonrpc: '2.0', id: asked.id, result })).status, 202);
    await waitFor('the answer', async () => JSON.parse(await asking.text('trouble__seen')).answers.length > 0);
    assert.deepEqual(JSON.parse(await asking.text('trouble__seen')).answers, [result]);
    assert.equal((await asking.delete()).status, 200);
  });

  test('that dies in a call fails this call, and is there again for the next', async () => {
    const pid = await session.text('trouble__pid');
    const [slow, error] = await Promise.all([
      session.error('tools/call', { name: 'trouble__hang' }),
      session.error('tools/call', { name: 'trouble__die', arguments: { ms: 100 } }),
    ]);
    for (const e of [slow, error]) {
      assert.equal(e.code, -32603);
      assert.equal(e.data.upstream, 'trouble');
    }
    const next = await waitFor('the upstream to be back', async () => {
      const { answer } = await session.request('tools/call', { name: 'trouble__pid' });
      return answer.result?.content[0].text;
    });
    assert.notEqual(next, pid);
  });

  test('that prints garbage is understood all the same', async () => {
    assert.equal(await session.text('trouble__garbage'), 'after garbage');
    assert.equal(await session.text('web__garbage'), 'after garbage');
    assert.equal(await session.text('trouble__ok'), 'ok');
  });

  // After some time the answer goes on an event stream, whose queue is smaller than this one message.
  for (const ms of [0, 300]) {
    test(`may answer with megabytes, after ${ms} ms`, async () => {
      for (const alias of ['trouble', 'web']) {
        assert.equal((await session.text(`${alias}__huge`, { mib: 4, ms })).length, 4 * mib, alias);
      }
    });
  }

  for (const alias of ['trouble', 'web']) {
    test(`that answers with 64 MiB fails this call, and works afterwards (${alias})`, async () => {
      const error = await session.error('tools/call', { name: `${alias}__huge`, arguments: { mib: 64 } }, { ms: 30_000 });
      assert.equal(error.code, -32603);
      assert.equal(error.data.upstream, alias);
      await waitFor('the upstream to work', async () => (await session.request('tools/call', { name: `${alias}__ok` })).answer.result);
    });

    test(`that floods a call with events is heard to the end (${alias})`, async () => {
      const params = { name: `${alias}__count`, arguments: { count: 2000 }, _meta: { progressToken: 'n' } };
      const { messages } = await session.request('tools/call', params);
      const steps = messages.filter((m) => m.method === 'notifications/progress').map((m) => m.params.progress);
      assert.deepEqual(steps, Array.from({ length: 2000 }, (_, i) => i + 1));
      assert.equal(messages.at(-1).result.content[0].text, 'counted 2000');
    });
  }

  test('does not get our environment', async () => {
    const names = JSON.parse(await session.text('trouble__environment'));
    assert.ok(names.includes('PATH'));
    assert.ok(!names.includes('HOLDFAST_TEST_SECRET'), names.join(' '));
  });

  test('that exits at start, for ever, costs its callers an error and nobody else anything', async (t) => {
    const fixture = await startFixture(t, '--only', 'greet');
    const own = await startNode(t, {
      upstreams: { dead: { ...stdioTrouble('--exit-at-start'), eager: true, reconnect_min: '10ms', reconnect_max: '50ms' }, living: { url: fixture.url } },
    });
    const client = await Session.open(own.mcp);
    await sleep(1000);
    assert.equal(await client.text('greet', { name: 'you' }), 'Hello, you!');
    const servers = await exchange(`${own.admin}/mcp/servers`, { method: 'GET' });
    const { error } = (await servers.json()).servers.find((server) => server.name === 'dead');
    assert.ok(error, 'the dead upstream is said to be well');
  });
});
