// A cluster whose whole configuration is full of marked secrets, and everything that it says: none of them may be in it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Admin, seeAll } from './support/admin.mjs';
import { at, Cluster, clustered } from './support/cluster.mjs';
import { startRecording } from './support/lives.mjs';
import { startCollector } from './support/observers.mjs';
import { Process, program, run, waitFor } from './support/processes.mjs';
import { metricsOf } from './support/prometheus.mjs';
import { Session } from './support/wire.mjs';

const mark = 'MARKED-SECRET';
const marked = (what) => `${mark}-${what}`;
const storeKey = 'MARKED-SECRET-store-key-32-bytes';
const inBase64 = Buffer.from(storeKey).toString('base64');
const sampled = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

/// What is said, by whom: the first secret in it fails the test, with what stands around it.
function holdsNone(texts) {
  for (const [who, text] of Object.entries(texts)) {
    assert.ok(text.length > 0, `${who} said nothing: there was nothing to look at`);
    for (const secret of [mark, inBase64]) {
      const where = text.indexOf(secret);
      assert.equal(where, -1, `${who}: ${text.slice(Math.max(0, where - 300), where + 100)}`);
    }
  }
}

async function startRedis(t) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-redis-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const socket = path.join(folder, 's');
  const redis = new Process('redis-server', ['--port', '0', '--unixsocket', socket, '--requirepass', marked('store-password'), '--save', '', '--maxmemory-policy', 'noeviction', '--dir', folder]);
  t.after(() => redis.kill());
  await redis.says(/eady to accept connections/);
  return Object.assign(redis, { socket });
}

/// Every command of operators, as lines for the shell. What `help` lists and is not here has to be named below.
const linesFor = ({ session, execution, open, actor }) => [
  'nodes', 'node n1', 'slots --all', `where ${session}`, 'sessions', `session ${session}`, `history ${session}`, 'executions',
  `execution ${execution}`, `explain ${execution}`, 'actors', `actor ${actor}`, 'upstreams', 'upstream up', 'upstream off', 'catalogue', 'store', 'latency',
  'events', 'config', 'fence check', 'top --times 1', 'log level debug --yes', `cancel ${open} --yes`, `end ${session} --dry-run`,
  `passivate ${session} --dry-run`, 'reconnect up --yes', 'disable up --yes', 'enable up --yes', 'drain n1 --dry-run', 'undrain n1 --dry-run', 'rebalance --yes',
  `move ${session} --to n2 --yes`, 'breakers', 'breaker reset up --yes', 'kill node n1 --dry-run', 'restart node n1 --dry-run',
  'cache', 'cache clear --yes', 'registry', 'registry reload --yes', `execute quick '{"key":"e","value":"v"}' --session ${session}`, `step begin ${session} quick`, `step show ${session}`,
];
const elsewhere = ['status', 'shell', 'watch', 'trace', 'bundle', 'servers', 'tools', 'call', 'doctor', 'bench', 'cluster', 'demo'];

test('no secret of a configuration is in the log, traces, metrics, commands or a bundle', clustered, async (t) => {
  const upstream = await startRecording(t);
  const collector = await startCollector(t);
  const redis = await startRedis(t);
  process.env.HOLDFAST_TEST_KEYS = inBase64;
  t.after(() => { delete process.env.HOLDFAST_TEST_KEYS; });
  const cluster = await Cluster.start(t, 2, {
    log: { level: 'debug', format: 'json' },
    store: { url: `unix:${redis.socket}?password=${marked('store-password')}`, keys: 'env:HOLDFAST_TEST_KEYS', deadline: '500ms', hold_timeout: '500ms' },
    admin: { listen: '127.0.0.1:0', token: marked('token-of-admin') },
    cluster: { secret: marked('cluster') },
    access: { users: [{ name: 'ann', token: marked('token-of-ann') }, { name: 'bob', token: marked('token-of-bob') }] },
    traces: { endpoint: `${collector.url}?key=${marked('endpoint')}`, sample: 1, interval: '20ms', headers: { Authorization: marked('traces') } },
    upstreams: {
      up: { url: `${upstream.url}?key=${marked('query')}`, headers: { Authorization: `Bearer ${marked('header')}`, 'X-Key': marked('other-header') } },
      off: { command: 'false', args: ['--password', marked('argument')], env: { SECRET: marked('environment') } },
      gone: { url: `http://127.0.0.1:1/mcp?token=${marked('lost-query')}`, headers: { Authorization: `Bearer ${marked('lost-header')}` } },
      wrong: { url: `${collector.url}?token=${marked('wrong-query')}`, headers: { 'X-Key': marked('wrong-header') } },
    },
    drain_timeout: '1s',
  });
  const [n1, n2] = cluster.nodes;
  const operator = { ...process.env, HOLDFAST_ADMIN_TOKEN: marked('token-of-admin'), HOLDFAST_ADMIN: n2.admin, HOLDFAST_TOKEN: marked('token-of-ann'), PAGER: '' };
  const said = {};

  // Clients, with a trace, and while an operator looks at what they send.
  const session = await Session.open(n1.mcp, { token: marked('token-of-ann') });
  const listed = await session.result('tools/list');
  const traced = new Process(program('holdfast'), ['trace', session.id, '--bodies'], { env: operator });
  t.after(() => traced.kill());
  await traced.says(/^-- at n1$/m);
  const answer = await at(session, n2).call('quick', { key: 'k', value: 'v', password: marked('argument-of-a-call') }, { headers: { traceparent: sampled } });
  await traced.says(/session -> client +answer/);
  assert.match(traced.stdout, /"\*\*\*"/, 'the bodies are shown');
  const refused = await session.error('resources/read', { uri: 'no://such' });
  const foreign = at(session, n2);
  const unwelcome = await Promise.all(['bob', 'nobody'].map((name) => foreign.post(session.message('ping'), { authorization: `Bearer ${marked(`token-of-${name}`)}` })));
  assert.deepEqual(unwelcome.map((reply) => reply.status), [404, 401]);
  said['what clients are told'] = JSON.stringify([listed, answer, refused, ...await Promise.all(unwelcome.map((reply) => reply.json())), unwelcome.map((reply) => reply.headers)]);

  // Operators, by the interface and by the commands.
  const asks = cluster.nodes.map((n) => new Admin(n.admin, { authorization: `Bearer ${marked('token-of-admin')}` }));
  const [execution] = (await asks[1].get(`/v1/sessions/${session.id}`)).executions;
  const bundles = await Promise.all(asks.map((ask) => seeAll(ask, { session: session.id, execution: execution.id, node: 'n2', upstream: 'up' })));
  said['the interface for operators'] = Admin.seen.join('\n');
  assert.match(said['the interface for operators'], /"secret":"\*\*\*"/, 'the configuration is shown');
  const [actor] = (await asks[1].get('/v1/actors', { kind: 'session' })).actors;
  const slow = session.request('tools/call', { name: 'slow', arguments: { key: 's', ms: 600_000, steps: 1 } });
  const open = await waitFor('the call', async () => (await asks[1].get('/v1/executions')).executions.find((e) => e.state === 'executing'));
  const lines = linesFor({ session: session.id, execution: execution.id, open: open.id, actor: actor.id });
  const { stdout: help } = await run(program('holdfast'), ['--help']);
  const commands = help.slice(help.indexOf('\nSubcommands')).split('\n').map((l) => /^ +([a-z]+) {2,}/.exec(l)?.[1]).filter(Boolean);
  assert.ok(commands.length > 30, help);
  assert.deepEqual(commands.filter((c) => !elsewhere.includes(c) && !lines.some((l) => l.split(' ')[0] === c)), [], 'commands that this test does not know');
  const shell = new Process(program('holdfast'), ['shell'], { env: operator, stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => shell.kill());
  const safe = lines.filter((l) => !/--(yes|dry-run)/.test(l));
  shell.child.stdin.end([...safe.map((l) => `${l} --json`), ...lines].join('\n'));
  const how = await shell.ends(60_000);
  assert.deepEqual(how, { code: 0, signal: null }, shell.stdout.slice(-2000) + shell.stderr);
  said['the shell'] = shell.stdout + shell.stderr;
  said['a call that an operator cancelled'] = JSON.stringify((await slow).answer);
  for (const words of [['status'], ['status', '--json'], ['servers'], ['tools'], ['tools', '--upstream', 'gone'], ['call', 'quick', '{"key":"c","value":"v"}'], ['doctor', '--config', n1.file]]) {
    const where = words[0] === 'call' || words.join(' ') === 'tools' ? ['--url', n2.mcp] : [];
    const done = await run(program('holdfast'), [...words, ...where], { env: operator });
    said[`holdfast ${words.slice(0, 2).join(' ')}`] = done.stdout + done.stderr;
  }
  const file = path.join(cluster.store.folder, 'bundle.json');
  await run(program('holdfast'), ['bundle', file], { env: operator });
  said['a bundle'] = readFileSync(file, 'utf8') + JSON.stringify(bundles);
  said['holdfastd --check'] = (({ stdout, stderr }) => stdout + stderr)(await run(program('holdfastd'), ['--check', '--config', n1.file]));

  // Trouble: with the collector, with the store, and with another node.
  collector.status = 500;
  await session.call('quick', { key: 'k2', value: 'v' });
  redis.signal('SIGSTOP');
  const held = session.request('tools/call', { name: 'quick', arguments: { key: 'k3', value: 'v' } }).catch((e) => e);
  await waitFor('the log to tell of it', () => n1.logged('store.unavailable').length > 0, 15_000);
  redis.signal('SIGCONT');
  await held;
  await waitFor('the store', async () => (await asks[1].get('/v1/status')).store === 'ok', 15_000);
  for (const event of ['traces.not_sent', 'upstream.failed', 'call.answered'])
    await waitFor(event, () => cluster.nodes.some((n) => n.logged(event).length > 0), 15_000);
  for (const node of cluster.nodes) said[`the metrics of ${node.name}`] = await metricsOf(node);
  await n1.kill();
  await waitFor('its death', () => n2.logged('cluster.dead').length > 0, 15_000);
  assert.equal(await at(session, n2).text('quick', { key: 'k4', value: 'v' }), 'k4: v');
  await n2.stop();
  said['the log'] = n1.output + n2.output;
  said['holdfast trace --bodies'] = traced.stdout + traced.stderr;
  said['spans'] = collector.bodies.join('\n');

  // A store that does not let it in.
  const bad = path.join(cluster.store.folder, 'bad.yaml');
  writeFileSync(bad, JSON.stringify({ listen: '127.0.0.1:0', store: { url: `unix:${redis.socket}?password=${marked('bad-password')}`, deadline: '500ms' }, upstreams: {} }));
  const failed = spawnSync(program('holdfastd'), ['--config', bad], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(failed.status, 1, failed.stderr);
  assert.match(failed.stderr, /^holdfastd: store: .*password/m);
  said['a node that may not use its store'] = failed.stderr;

  holdsNone(said);
  // All of it was in use, and what is looked for is what would be there.
  assert.ok(collector.headers.some((h) => h.authorization === marked('traces')));
  assert.ok(readFileSync(n1.file, 'utf8').includes(marked('environment')));
  assert.throws(() => holdsNone({ anybody: `a line with ${marked('header')} in it` }), /anybody/);
});
