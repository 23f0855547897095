// The command line: what it prints, and how it ends.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { fileContext, freePort, gatewayOnly, Process, program, run, startFixture, startNode, startTrouble, temporaryFile } from './support/processes.mjs';

const ok = 0, failed = 1, usage = 2, protocolError = 3, noConnection = 4, timedOut = 5, interrupted = 130;
const file = fileContext();
let node;

before(async () => {
  if (gatewayOnly.skip) return;
  const [fixture, trouble] = [await startFixture(file), await startTrouble(file)];
  node = await startNode(file, { upstreams: { fixture: { url: fixture.url }, trouble: { url: trouble.url } } });
});

const addresses = () => ['--url', node.mcp, '--admin', node.admin];
const holdfast = (...args) => run(program('holdfast'), [...args, ...addresses()]);

async function ends(code, ...args) {
  const done = await holdfast(...args);
  assert.equal(done.code, code, `${args.join(' ')}\n${done.stdout}\n${done.stderr}`);
  return done;
}

describe('holdfast tools', gatewayOnly, () => {
  test('lists the tools with their descriptions', async () => {
    const { stdout, stderr } = await ends(ok, 'tools');
    assert.match(stdout, /^NAME +DESCRIPTION/);
    assert.match(stdout, /^fixture_echo +Echoes its arguments/m);
    assert.equal(stderr, '');
  });

  test('lists those of one upstream, and says so if there is no such upstream', async () => {
    const { stdout } = await ends(ok, 'tools', '--upstream', 'trouble');
    assert.match(stdout, /^hang /m);
    assert.doesNotMatch(stdout, /fixture_echo/);
    const { stderr } = await holdfast('tools', '--upstream', 'unheard_of');
    assert.match(stderr, /unheard_of/);
  });

  test('--json prints the tools as the node gives them', async () => {
    const { tools } = JSON.parse((await ends(ok, 'tools', '--json')).stdout);
    assert.equal(tools.find((tool) => tool.name === 'test_x_mcp_header').inputSchema.properties.region['x-mcp-header'], 'Region');
  });

  test('ends with 4 if nobody listens there', async () => {
    const url = `http://127.0.0.1:${await freePort()}/mcp`;
    const done = await run(program('holdfast'), ['tools', '--url', url]);
    assert.equal(done.code, noConnection, done.stderr);
    assert.match(done.stderr, new RegExp(url.replace(/\//g, '.')));
    assert.equal(done.stdout, '');
  });
});

describe('holdfast servers', gatewayOnly, () => {
  test('lists the upstreams and how they are', async () => {
    await ends(ok, 'tools');
    const { stdout } = await ends(ok, 'servers');
    assert.match(stdout, /^fixture /m);
    assert.match(stdout, /^trouble /m);
  });

  test('ends with 1 and names what is wrong with an upstream', async (t) => {
    const own = await startNode(t, { upstreams: { gone: { url: `http://127.0.0.1:${await freePort()}/mcp` } } });
    const done = await run(program('holdfast'), ['servers', '--wait', '5s', '--admin', own.admin]);
    assert.equal(done.code, failed, done.stdout + done.stderr);
    assert.match(done.stdout, /gone/);
  });
});

describe('holdfast call', gatewayOnly, () => {
  test('prints the text of the result', async () => {
    assert.equal((await ends(ok, 'call', 'greet', '{"name":"you"}')).stdout, 'Hello, you!\n');
    assert.equal((await ends(ok, 'call', 'test_simple_text')).stdout, 'This is a simple text response for testing.\n');
  });

  test('takes arguments from standard input', async () => {
    const calling = new Process(program('holdfast'), ['call', 'greet', '-', ...addresses()], { stdio: ['pipe', 'pipe', 'pipe'] });
    calling.child.stdin.end('{"name":"pipe"}\n');
    assert.equal((await calling.ends()).code, ok, calling.stderr);
    assert.equal(calling.stdout, 'Hello, pipe!\n');
  });

  test('--json prints the whole result', async () => {
    const result = JSON.parse((await ends(ok, 'call', '--json', 'fixture_echo', '{"value":"ü"}')).stdout);
    assert.deepEqual(result.structuredContent.args, { value: 'ü' });
  });

  test('ends with 1 if the tool reports an error, and prints what it says', async () => {
    const { stdout } = await ends(failed, 'call', 'test_error_handling');
    assert.match(stdout, /intentionally returns an error/);
  });

  test('ends with 2 if the arguments are no JSON object', async () => {
    for (const bad of ['{', 'x', '[1]', '7', '']) {
      const { stderr, stdout } = await ends(usage, 'call', 'greet', bad);
      assert.match(stderr, /JSON/, bad);
      assert.equal(stdout, '');
    }
    await ends(usage, 'call');
    await ends(usage, 'unheard_of');
    await ends(usage, 'call', 'greet', '{}', '--timeout', 'soon');
  });

  test('ends with 3 if the node answers with an error', async () => {
    const { stderr } = await ends(protocolError, 'call', 'no_such_tool');
    assert.match(stderr, /-32602/);
  });

  test('ends with 4 if the node cannot be reached', async () => {
    const done = await run(program('holdfast'), ['call', 'greet', '--url', `http://127.0.0.1:${await freePort()}/mcp`]);
    assert.equal(done.code, noConnection, done.stderr);
  });

  test('ends with 5 after its timeout, and the call is cancelled', async () => {
    const cancelled = async () => JSON.parse((await ends(ok, 'call', 'fixture_state')).stdout).cancelled;
    const before_ = await cancelled();
    await ends(timedOut, 'call', 'fixture_hang', '{"seconds":30}', '--timeout', '500ms');
    assert.equal(await cancelled(), before_ + 1);
  });

  test('ends with 130 when it is interrupted', async () => {
    const calling = new Process(program('holdfast'), ['call', 'fixture_hang', '{"seconds":30}', ...addresses()]);
    await new Promise((done) => setTimeout(done, 1000));
    calling.signal('SIGINT');
    assert.equal((await calling.ends(5000)).code, interrupted, calling.stderr);
  });
});

describe('holdfast doctor', gatewayOnly, () => {
  test('finds nothing wrong with a node that is well', async () => {
    const { stdout } = await ends(ok, 'doctor');
    assert.ok(stdout.length > 0);
  });

  test('ends with an error and names the upstream that is not', async (t) => {
    const own = await startNode(t, { upstreams: { gone: { url: `http://127.0.0.1:${await freePort()}/mcp` } } });
    const done = await run(program('holdfast'), ['doctor', '--url', own.mcp, '--admin', own.admin]);
    assert.notEqual(done.code, ok);
    assert.match(done.stdout + done.stderr, /gone/);
  });

  test('ends with an error if there is no node', async () => {
    const address = `http://127.0.0.1:${await freePort()}`;
    const done = await run(program('holdfast'), ['doctor', '--url', `${address}/mcp`, '--admin', address]);
    assert.notEqual(done.code, ok);
    assert.ok((done.stdout + done.stderr).includes(address));
  });
});

describe('holdfastd --check', gatewayOnly, () => {
  const check = (t, text, name = 'holdfast.yaml') => run(program('holdfastd'), ['--check', '--config', temporaryFile(t, name, text)]);

  test('accepts what is right', async (t) => {
    assert.equal((await check(t, 'listen: 127.0.0.1:0\nupstreams:\n  a:\n    url: http://127.0.0.1:1/mcp\n')).code, 0);
    assert.equal((await check(t, '{"mcpServers":{"a":{"command":"node","args":["x.js"]}}}', 'mcp.json')).code, 0);
  });

  test('names the file, the line and the nearest key of an unknown one', async (t) => {
    const { code, stderr } = await check(t, 'listen: 127.0.0.1:0\nsessions:\n  retry: 500ms\n  idle_timeuot: 5m\n');
    assert.ok(code > 0);
    assert.match(stderr, /holdfast\.yaml:4:3: .*idle_timeuot.*idle_timeout/);
  });

  test('names all mistakes of a file at once, and shows no secret', async (t) => {
    const { code, stderr } = await check(t, [
      'listen: nowhere', 'sessions:', '  retry: soon', 'upstreams:', '  a:', '    url: http://user:geheim@', '    command: x',
      '  "b c":', '    url: http://127.0.0.1/', '    headers: {Authorization: ["geheim"]}', '',
    ].join('\n'));
    assert.ok(code > 0);
    for (const line of [1, 3, 5, 8]) assert.match(stderr, new RegExp(`holdfast\\.yaml:${line}:`), stderr);
    assert.doesNotMatch(stderr, /geheim/);
  });

  test('does not start a node', async (t) => {
    const { stdout } = await check(t, 'listen: 127.0.0.1:0\n');
    assert.doesNotMatch(stdout, /ready/);
  });
});

test('a node whose store cannot be used says why, and ends', gatewayOnly, async (t) => {
  const store = { 'redis://127.0.0.1:1': /127\.0\.0\.1:1.*refused/, 'sqlite:/dev/null/holdfast.db': /\/dev\/null\/holdfast\.db/ };
  for (const [url, why] of Object.entries(store)) {
    const config = temporaryFile(t, 'holdfast.yaml', { listen: '127.0.0.1:0', store: { url, deadline: '500ms' }, upstreams: {} });
    const { code, signal, stderr } = await run(program('holdfastd'), ['--config', config]);
    assert.deepEqual({ code, signal }, { code: failed, signal: null }, stderr);
    assert.match(stderr, /^holdfastd: store: [^\n]+\n$/);
    assert.match(stderr, why);
  }
});

describe('--help and --version', gatewayOnly, () => {
  test('are understood by both programs', async () => {
    for (const name of ['holdfast', 'holdfastd']) {
      assert.match((await run(program(name), ['--version'])).stdout, new RegExp(`^${name} \\d+\\.\\d+`));
      const help = await run(program(name), ['--help']);
      assert.equal(help.code, 0);
      assert.ok(help.stdout.length > 100);
    }
  });
});
