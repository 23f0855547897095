// `holdfast cluster`: several nodes on this machine, behind one address.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { failed, Launcher, ok, usage } from './support/launcher.mjs';
import { freePort, gatewayOnly, Process, program, startFixture, stdioFixture, temporaryFile, waitFor } from './support/processes.mjs';
import { sdks } from './support/sdk.mjs';
import { exchange, initializeRequest, jsonHeaders, Session } from './support/wire.mjs';

/// The configuration of nodes with the fixture behind them.
const withFixture = async (t, more = {}) =>
  temporaryFile(t, 'nodes.yaml', { drain_timeout: '5s', upstreams: { fixture: { url: (await startFixture(t)).url } }, ...more });

const isGone = (pid) => {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
};

/// How many connections are open at a port of 127.0.0.1, the health checks of the front apart, which are over at once.
function connectionsOf(port) {
  const local = `0100007F:${Number(port).toString(16).toUpperCase().padStart(4, '0')}`;
  const established = '01';
  return readFileSync('/proc/net/tcp', 'utf8').split('\n').map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1] === local && fields[3] === established).length;
}

/// What the front thinks of its servers, each `name address state`; state 2 is up.
async function serversOf(launcher) {
  const socket = net.connect(path.join(launcher.folder, 'front.sock')).end('show servers state nodes\n');
  return (await text(socket)).match(/ n\d+ 127\.0\.0\.1 \d /g).map((server) => server.trim());
}

/// A node at that address that dies upon its first POST: for `ms` it resets what comes, as the kernel does until it has closed
/// all of a process that was killed. Then it is another one, which answers what the front said of the request.
async function startDying(t, { hostname, port }, ms) {
  let dead = Infinity;
  const server = http.createServer(async (request, response) => {
    if (request.method === 'POST') {
      await text(request);
      dead = Math.min(dead, Date.now() + ms);
      if (Date.now() < dead) return request.socket.resetAndDestroy();
    }
    response.end(JSON.stringify({ repeated: request.headers['holdfast-repeated'] ?? null }));
  });
  await once(server.listen(port, hostname), 'listening');
  t.after(() => server.close());
}

describe('holdfast cluster', gatewayOnly, () => {
  test('goes up, loses a node, gets it back and one more, and goes down', async (t) => {
    const launcher = new Launcher(t);
    const config = await withFixture(t);
    const up = await launcher.ends(ok, 'up', '--nodes', '3', '--port', '0', '--config', config, '--detach');
    const { front, store, nodes } = await launcher.status();
    assert.ok(up.stdout.includes(front));
    assert.match(store, /^redis:\/\/127\.0\.0\.1:\d+$/);
    assert.deepEqual(nodes.map(({ name, state }) => [name, state]), [['n1', 'ready'], ['n2', 'ready'], ['n3', 'ready']]);
    for (const { mcp, admin, pid } of nodes) {
      assert.equal((await fetch(new URL('/readyz', mcp))).status, 200);
      assert.equal((await fetch(`${admin}/mcp/health`)).status, 200);
      assert.ok(!isGone(pid));
    }
    for (const name of ['cluster.json', 'n1.yaml']) assert.equal(statSync(path.join(launcher.folder, name)).mode & 0o777, 0o600);

    const { call } = await sdks.v1(t, front);
    const greeted = async () => (await call('greet', { name: 'you' })).content[0].text === 'Hello, you!';
    const answers = () => waitFor('the call to be answered', () => greeted().catch(() => false), 30_000);
    for (let i = 0; i < 6; ++i) assert.ok(await greeted());

    await launcher.ends(ok, 'kill', 'n2');
    assert.deepEqual(await launcher.node('n2'), { ...nodes[1], pid: null, state: 'dead' });
    assert.match((await launcher.ends(failed, 'kill', 'n2')).stderr, /n2 is dead already/);
    await answers();

    await launcher.ends(ok, 'restart', 'n2');
    const again = await launcher.node('n2');
    assert.equal(again.state, 'ready');
    assert.equal(again.mcp, nodes[1].mcp);
    assert.notEqual(again.pid, nodes[1].pid);

    await launcher.ends(ok, 'add');
    assert.equal((await launcher.node('n4')).state, 'ready');
    await answers();

    const { frontProcess, storeProcess } = launcher.state;
    await launcher.ends(ok, 'down');
    for (const { pid } of [frontProcess, storeProcess]) assert.ok(isGone(pid));
    launcher.leavesNothing();
    assert.match((await launcher.ends(ok, 'down')).stdout, /No cluster/);
    assert.match((await launcher.ends(failed, 'status')).stderr, /no cluster/);
  });

  test('freezes, drains and revives nodes and the front', async (t) => {
    const launcher = new Launcher(t);
    await launcher.ends(ok, 'up', '--nodes', '2', '--port', '0', '--config', await withFixture(t), '--detach');
    const { front } = await launcher.status();
    await launcher.ends(ok, 'kill', 'n1', '--signal', 'STOP');
    assert.equal((await launcher.node('n1')).state, 'frozen');
    await launcher.ends(ok, 'kill', 'n1', '--signal', 'CONT');
    await launcher.becomes('n1', 'ready');

    const drained = JSON.parse((await launcher.ends(ok, 'drain', 'n1', '--json')).stdout);
    assert.equal(drained.name, 'n1');
    assert.ok(drained.milliseconds < 10_000);
    assert.equal((await launcher.node('n1')).state, 'dead');
    // Requests for the node that has gone are made to the other one, before and after the front has noticed.
    for (let i = 0; i < 20; ++i) assert.equal((await fetch(new URL('/healthz', front))).status, 200);

    await launcher.ends(ok, 'kill', 'front');
    await assert.rejects(fetch(new URL('/healthz', front)));
    await launcher.ends(ok, 'restart', 'front');
    assert.equal((await fetch(new URL('/healthz', front))).status, 200);
    assert.match((await launcher.ends(usage, 'kill', 'n7')).stderr, /n1, n2, network, front and store/);
  });

  test('passes event streams on as they come, cuts those of the frozen and the gone, and lets calls end first', async (t) => {
    const launcher = new Launcher(t);
    await launcher.ends(ok, 'up', '--nodes', '1', '--port', '0', '--config', await withFixture(t), '--detach');
    const { front, nodes } = await launcher.status();
    const heard = [];
    const { client, call } = await sdks.v1(t, front);
    const started = Date.now();
    const calling = call('fixture_hang', { seconds: 3 }, { onprogress: () => heard.push(Date.now() - started), timeout: 30_000 });
    await waitFor('progress to come before the answer', () => heard.length > 0);
    await calling;
    assert.ok(heard[0] < Date.now() - started - 1000, 'progress was held back until the answer');
    await client.close();

    const { port } = new URL(nodes[0].mcp);
    await waitFor('the connections to the node to end', () => connectionsOf(port) === 0);
    const session = await Session.open(front);
    const { stream } = await session.get();
    await waitFor('the stream to stand', () => connectionsOf(port) === 1);
    stream.close();
    await waitFor('the node to be told', () => connectionsOf(port) === 0, 2000);

    // It does not close its connections, so the front must, for clients to come again.
    const cut = await session.get();
    await launcher.ends(ok, 'kill', 'n1', '--signal', 'STOP');
    await cut.stream.end(10_000);
    await launcher.ends(ok, 'kill', 'n1', '--signal', 'CONT');
    await launcher.becomes('n1', 'ready');
    await waitFor('the front to notice', async () => (await fetch(new URL('/readyz', front))).status === 200);

    const last = await session.start('tools/call', { name: 'fixture_hang', arguments: { seconds: 2 }, _meta: { progressToken: 1 } });
    await last.stream.message((m) => m.method === 'notifications/progress');
    await launcher.ends(ok, 'down');
    await last.stream.end();
    // By the answer, or by the node with a hint for the client to come again for it; not by the front.
    const ending = last.stream.events.at(-1);
    assert.ok(ending.retry !== undefined || JSON.parse(ending.data).id === last.id, JSON.stringify(ending));
  });

  test('in the foreground says what changes, and stops everything upon Ctrl-C', async (t) => {
    const launcher = new Launcher(t);
    const up = new Process(program('holdfast'), launcher.args('up', '--nodes', '2', '--port', '0', '--config', await withFixture(t)));
    t.after(() => up.kill());
    await up.says(/Ctrl-C stops it/, 60_000);
    const { nodes } = await launcher.status();
    await launcher.ends(ok, 'kill', 'n2');
    await up.says(/^n2: ready -> dead$/m);
    up.signal('SIGINT');
    assert.equal((await up.ends(60_000)).code, ok, up.stderr);
    assert.ok(isGone(nodes[0].pid));
    launcher.leavesNothing();
  });

  test('is refused where it cannot be, with a way out, and leaves nothing running', async (t) => {
    const launcher = new Launcher(t);
    const config = await withFixture(t);
    const up = (code, ...args) => launcher.ends(code, 'up', '--detach', '--config', config, ...args);
    const taken = new URL((await startFixture(t)).url).port;
    assert.match((await up(failed, '--port', taken)).stderr, new RegExp(`port ${taken} is taken.*--port`));
    for (const store of ['sqlite:x.db', 'memory:']) assert.match((await up(usage, '--port', '0', '--store', store)).stderr, /a Redis/);
    const away = await up(failed, '--port', '0', '--store', `redis://:geheim@127.0.0.1:${await freePort()}`);
    assert.match(away.stderr, /^holdfast: store: /);
    const wrong = await up(usage, '--port', '0', '--store', 'redis://:geheim@:x');
    for (const { stderr, stdout } of [away, wrong]) assert.doesNotMatch(stderr + stdout, /geheim/);
    const bad = temporaryFile(t, 'bad.yaml', 'sessions:\n  retyr: 1s\n');
    assert.match((await launcher.ends(usage, 'up', '--config', bad, '--detach')).stderr, /bad\.yaml:2:3: .*retyr/);
    await launcher.ends(usage, 'up', '--nodes', '0');
    await launcher.ends(usage, 'rebuild');
    assert.match((await launcher.ends(failed, 'add')).stderr, /cluster up/);
    launcher.leavesNothing();

    await up(ok, '--nodes', '1', '--port', '0');
    assert.match((await up(failed, '--port', '0')).stderr, /already running/);
  });

  test('cuts nodes off from each other, which goes around it, and heals', async (t) => {
    const launcher = new Launcher(t);
    await launcher.ends(ok, 'up', '--nodes', '3', '--port', '0', '--config', await withFixture(t), '--detach');
    await launcher.rests();
    const { nodes } = await launcher.status();
    const session = await Session.open(nodes[0].mcp);
    const elsewhere = session.at(nodes[1].mcp);
    for (const node of nodes) {
      const owner = await (await fetch(`${node.admin}/mcp/owner/${session.id}`)).json();
      assert.deepEqual({ node: owner.node, here: owner.here, session: owner.session }, { node: 'n1', here: node.name === 'n1', session: session.id });
    }
    const unknown = await fetch(`${nodes[1].admin}/mcp/owner/${'a'.repeat(22)}`);
    assert.deepEqual([unknown.status, unknown.headers.get('content-type')], [404, 'application/problem+json']);

    const message = elsewhere.message('tools/call', { name: 'fixture_hang', arguments: { seconds: 4 }, _meta: { progressToken: 1 } });
    const underWay = (await elsewhere.post(message)).stream;
    await underWay.message((m) => m.params?.progress === 2);
    const cut = JSON.parse((await launcher.ends(ok, 'partition', 'n1', 'n2', '--json')).stdout);
    assert.deepEqual(cut.cuts, [{ from: 'n1', to: 'n2' }, { from: 'n2', to: 'n1' }]);
    assert.match((await launcher.ends(ok, 'status')).stdout, /^network {2}running, cut: n1 <-> n2$/m);
    // Longer than silence is allowed to last: n3 hears both, so nobody is dead, and n2 sends through n3.
    const end = Date.now() + 3000;
    while (Date.now() < end) {
      assert.equal(await elsewhere.text('greet', { name: 'n1' }), 'Hello, n1!');
      await sleep(100);
    }
    const answer = await underWay.message((m) => m.id === message.id, 'the answer that was under way', 20_000);
    assert.equal(answer.result?.content[0].text, 'not cancelled', JSON.stringify(answer));
    const steps = underWay.messages.filter((m) => m.method === 'notifications/progress').map((m) => m.params.progress);
    assert.deepEqual(steps, steps.map((_, i) => i + 1), 'none is missing, none came twice');
    assert.doesNotMatch(launcher.logs, /cluster\.(dead|declared_dead)/);
    assert.equal((await launcher.ends(ok, 'heal', 'n2', 'n1')).stdout, 'healed: n1 <-> n2\n');
    assert.deepEqual((await launcher.status()).cuts, []);

    assert.match((await launcher.ends(usage, 'partition', 'n1', 'n9')).stderr, /no n9 in this cluster; there are n1, n2, n3 and store/);
    await launcher.ends(ok, 'kill', 'network');
    assert.match((await launcher.ends(failed, 'partition', 'n1', 'n2')).stderr, /restart network/);
    await launcher.ends(ok, 'restart', 'network');
    await waitFor('the session to be served again', () => elsewhere.text('greet', { name: 'you' }).catch(() => false), 30_000);
  });

  test('cuts a node off from everybody, whom the others go on without, and who comes back when it heals', async (t) => {
    const launcher = new Launcher(t);
    await launcher.ends(ok, 'up', '--nodes', '3', '--port', '0', '--config', await withFixture(t, { store: { hold_timeout: '1s' } }), '--detach');
    await launcher.rests();
    const { nodes } = await launcher.status();
    const members = async (node) => (await (await fetch(`${node.admin}/mcp/health`)).json()).cluster.members.map((m) => m.name).sort();
    const session = await Session.open(nodes[0].mcp);
    assert.equal((await launcher.ends(ok, 'partition', 'n1')).stdout, 'n1 is cut off from n2, n3 and store\n');
    for (const node of nodes.slice(1))
      await waitFor(`${node.name} to go on without n1`, async () => (await members(node)).join() === 'n2,n3', 20_000);
    const elsewhere = session.at(nodes[1].mcp);
    await waitFor('somebody else to answer', () => elsewhere.text('greet', { name: 'you' }).catch(() => false), 20_000);
    const asked = await session.start('tools/call', { name: 'greet', arguments: { name: 'nobody' } });
    assert.equal(asked.status, 503, 'n1 can write nothing down');
    assert.ok((await launcher.ends(ok, 'heal')).stdout.startsWith('healed: n1 <-> n2, n1 <-> n3, n1 <-> store'));
    for (const node of nodes)
      await waitFor(`${node.name} to see all three`, async () => (await members(node)).join() === 'n1,n2,n3', 30_000);
    await launcher.becomes('n1', 'ready');
    assert.match(readFileSync(path.join(launcher.folder, 'n1.log'), 'utf8'), /cluster\.declared_dead/);
    assert.equal(await session.text('greet', { name: 'you' }), 'Hello, you!');

    // What n2 says is lost, so the store never hears of a call there, while n2 hears all.
    await launcher.ends(ok, 'partition', 'n2', 'store', '--one-way');
    assert.match((await launcher.ends(ok, 'status')).stdout, /cut: n2 --> store$/m);
    await waitFor('n2 to want no requests', async () => (await fetch(new URL('/readyz', nodes[1].mcp))).status === 503, 20_000);
    await launcher.ends(ok, 'heal', 'store');
    await launcher.becomes('n2', 'ready');
  });

  test('a node that is said to run again gets requests from the front', async (t) => {
    const launcher = new Launcher(t);
    await launcher.ends(ok, 'up', '--nodes', '2', '--port', '0', '--direct', '--config', await withFixture(t), '--detach');
    const states = () => serversOf(launcher);
    for (const name of ['n1', 'n2', 'n1', 'n2']) {
      await launcher.ends(ok, 'restart', name);
      assert.deepEqual(await states(), ['n1 127.0.0.1 2', 'n2 127.0.0.1 2'], name);
    }
    await launcher.ends(ok, 'add');
    assert.equal((await states()).at(-1), 'n3 127.0.0.1 2');
  });

  test('what a dying node resets is sent again when it is dead', async (t) => {
    const launcher = new Launcher(t);
    await launcher.ends(ok, 'up', '--nodes', '1', '--port', '0', '--direct', '--config', await withFixture(t), '--detach');
    const { front, nodes: [n1] } = await launcher.status();
    await launcher.ends(ok, 'kill', n1.name);
    await startDying(t, new URL(n1.mcp), 40);
    await waitFor('the front to use it', async () => (await serversOf(launcher))[0] === 'n1 127.0.0.1 2');
    const answer = await exchange(front, { headers: jsonHeaders, body: JSON.stringify(initializeRequest()) });
    assert.deepEqual([answer.status, await answer.json()], [200, { repeated: '1' }]);
  });

  test('a node that is started again takes sessions once it knows the tools of its upstreams', async (t) => {
    const launcher = new Launcher(t);
    const { command, args } = stdioFixture();
    const slow = { command: 'sh', args: ['-c', 'sleep 1.5; exec "$@"', '-', command, ...args] };
    const config = temporaryFile(t, 'nodes.yaml', { drain_timeout: '5s', catalogue: { first_list_wait: '30s' }, upstreams: { slow } });
    await launcher.ends(ok, 'up', '--nodes', '2', '--port', '0', '--direct', '--config', config, '--detach');
    const { front } = await launcher.status();
    const session = await Session.open(front);
    for (const name of ['n1', 'n2']) {
      await launcher.ends(ok, 'restart', name);
      assert.equal(await session.text('greet', { name }), `Hello, ${name}!`);
      const log = () => readFileSync(path.join(launcher.folder, `${name}.log`), 'utf8').split('node.stopped').at(-1);
      await waitFor('slots', () => log().includes('cluster.slots_taken'));
      assert.match(log(), /upstream\.ready[^]*cluster\.slots_taken/, name);
    }
  });

  test('without a network between the nodes nothing can be cut', async (t) => {
    const launcher = new Launcher(t);
    await launcher.ends(ok, 'up', '--nodes', '1', '--port', '0', '--direct', '--config', await withFixture(t), '--detach');
    assert.doesNotMatch((await launcher.ends(ok, 'status')).stdout, /network/);
    for (const command of [['partition', 'n1'], ['heal']])
      assert.match((await launcher.ends(usage, ...command)).stderr, /--direct/);
    assert.match((await launcher.ends(usage, 'kill', 'network')).stderr, /there are n1, front and store/);
  });
});
