// The operators' commands, one by one and in the shell, which a person uses at a terminal: tmux is that terminal here.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { at, Cluster, clustered } from './support/cluster.mjs';
import { gatewayOnly, Process, program, quietAdmin, run, slowness, soon, waitFor } from './support/processes.mjs';
import { ends, holdfast, Terminal } from './support/terminal.mjs';
import { Session } from './support/wire.mjs';

const ok = 0, failed = 1, usage = 2, noConnection = 4;

/// Of clusters in which nobody is to be thought dead because the machine is busy.
const calm = { cluster: { silence: '30s' } };

test('no command needs a node to say what it does', gatewayOnly, async () => {
  const { stdout } = await run(program('holdfast'), ['--help']);
  for (const name of ['status', 'sessions', 'trace', 'top', 'drain', 'shell']) assert.match(stdout, new RegExp(`^ +${name} `, 'm'));
  const nowhere = await run(program('holdfast'), ['status', '--admin', 'unix:/nowhere.sock']);
  assert.equal(nowhere.code, noConnection, nowhere.stderr);
  assert.match(nowhere.stderr, /no node answers operators at unix:\/nowhere\.sock/);
});

describe('the commands of operators', clustered, () => {
  test('show everything there is, for people and for programs, and change it', async (t) => {
    const cluster = await Cluster.start(t, 3, calm);
    const [n1, n2] = cluster.nodes;
    const session = await Session.open(n1.mcp);
    await session.text('quick', { key: 'k', value: 'v' });
    const own = JSON.parse((await ends(ok, n2, 'session', session.id.slice(0, 8), '--json')).stdout);
    assert.equal(own.session.id, session.id);
    const [execution] = own.executions;
    const [actor] = JSON.parse((await ends(ok, n2, 'actors', '--kind', 'session', '--json')).stdout).actors;
    const views = {
      status: /^cluster +3 nodes/m, nodes: /^n3 +up/m, 'node n3': /^node n3$/m, slots: /0 without owner, 0 held by more than one/,
      [`where ${session.id}`]: /^is at +n1$/m, sessions: new RegExp(`^${session.id} +n1 +operating`, 'm'), [`session ${session.id}`]: /^epoch of its slot +\d+$/m,
      [`history ${session.id}`]: /succeeded/, executions: /0 of 0 under way/, [`execution ${execution.id}`]: /^tool +quick$/m,
      [`explain ${execution.id}`]: /It succeeded\./, actors: /roster/, [`actor ${actor.id}`]: /^kind +session$/m, upstreams: /^up /m, breakers: /^up is closed:$/m,
      'upstream up': /^upstream up$/m, catalogue: /^quick +up/m, store: /^n2 +ok/m, latency: /tool_call: 1, p50/, events: /cluster\.joined/,
      config: /^# n3$/m, 'fence check': /1024 slots that nodes hold were compared with the store: all are theirs/, 'top --times 1': /sessions 1 /,
    };
    for (const [command, what] of Object.entries(views)) {
      const words = command.split(' ');
      assert.match((await ends(ok, n2, ...words)).stdout, what, command);
      assert.equal(typeof JSON.parse((await ends(ok, n2, ...words, '--json')).stdout), 'object', command);
    }
    const history = async (...more) => (await ends(ok, n2, 'history', session.id, ...more)).stdout;
    assert.match(await history('--at', '-0s'), /^session +- +operating/m);
    assert.match(await history('--at', '-1h'), /nothing is remembered/);
    assert.match(await history('--diff', '-1h', '-0s'), new RegExp(`^${execution.id.replace('.', '\\.')} +quick +- +succeeded`, 'm'));
    await ends(usage, n2, 'history', session.id, '--at', 'soon');

    assert.match((await ends(failed, n2, 'session', 'nobody')).stderr, /No such session/);
    assert.match((await ends(usage, n2, 'end', session.id)).stderr, /--yes/);
    assert.match((await ends(ok, n2, 'move', session.id, '--to', 'n2', '--dry-run')).stdout, /^- /m);
    assert.equal(JSON.parse((await ends(ok, n2, 'where', session.id, '--json')).stdout).owner, 'n1', 'nothing was changed');
    assert.match((await ends(ok, n2, 'move', session.id, '--to', 'n2', '--yes')).stdout, /moved 1 slot/);
    assert.equal(JSON.parse((await ends(ok, n2, 'where', session.id, '--json')).stdout).owner, 'n2');
    await ends(ok, n2, 'rebalance', '--yes');
    await ends(ok, n2, 'reconnect', 'up', '--yes');
    await ends(ok, n2, 'log', 'level', 'debug', '--yes');
    assert.equal(await session.text('quick', { key: 'k1', value: 'hot' }), 'k1: hot', 'a session that has moved is in the store until it is asked for');
    await ends(ok, n2, 'passivate', session.id, '--yes');
    assert.equal(await session.text('quick', { key: 'k2', value: 'back' }), 'k2: back');
    const bundle = path.join(cluster.store.folder, 'bundle.json');
    await ends(ok, n2, 'bundle', bundle);
    assert.equal(JSON.parse(readFileSync(bundle, 'utf8')).status.nodes.length, 3);
    await ends(failed, n2, 'bundle', bundle);
    await ends(ok, n2, 'end', session.id, '--yes');
    assert.equal((await session.post({ jsonrpc: '2.0', id: 9, method: 'ping' })).status, 404);
  });

  test('print JSON that programs can rely on', async (t) => {
    const cluster = await Cluster.start(t, 2, { ...calm, admin: { ...quietAdmin, answer_within: `${500 * slowness}ms` }, drain_timeout: '1s' });
    const [n1, n2] = cluster.nodes;
    const session = await Session.open(n1.mcp);
    await session.text('quick', { key: 'k', value: 'v' });
    const json = async (...words) => JSON.parse((await ends(ok, n2, ...words, '--json')).stdout);
    const then = await json('history', session.id, '--at', '-0s');
    assert.deepEqual(Object.keys(then), ['id', 'at', 'states', 'unreachable']);
    const byTool = (all, tool) => all.find((one) => one.tool === tool);
    assert.equal(then.states.length, 2);
    assert.deepEqual([byTool(then.states, 'quick').state, byTool(then.states, null).state, byTool(then.states, null).node], ['succeeded', 'operating', 'n1']);
    const changed = await json('history', session.id, '--diff', '-1h', '-0s');
    assert.deepEqual([changed.changes.length, byTool(changed.changes, 'quick').was, byTool(changed.changes, 'quick').is.state], [2, null, 'succeeded']);

    const bundle = path.join(cluster.store.folder, 'bundle.json');
    const written = await json('bundle', bundle);
    assert.deepEqual(written, { file: bundle, bytes: readFileSync(bundle).length, unreachable: [] });
    const [top] = await Promise.all([json('top', '--every', `${2 * slowness}s`), ...Array.from({ length: 5 }, (_, i) => sleep(200 * i * slowness).then(() => session.result('ping')))]);
    assert.equal(typeof top.sessions[0].rate, 'number');
    assert.ok(top.sessions[0].rate > 0, JSON.stringify(top.sessions));

    const events = new Process(program('holdfast'), ['events', '--follow', '--json', '--admin', n1.admin]);
    t.after(() => events.kill());
    const lines = () => events.stdout.split('\n').slice(0, -1).map((l) => JSON.parse(l));
    await waitFor('the events of before', () => lines().length > 0);
    await n2.process.freeze();
    await waitFor('a line of the frozen node', () => lines().find((e) => e.unreachable?.includes('n2')), 20_000);
    n2.process.signal('SIGCONT');
    await waitFor('a line of its return', () => lines().find((e) => e.unreachable?.length === 0), 20_000);
    assert.ok(lines().every((e) => (e.unreachable ? Object.keys(e).length === 1 : e.event && e.at && e.node)), events.stdout);
  });

  test('find sessions that are in the store only', async (t) => {
    const cluster = await Cluster.start(t, 2, calm);
    const [n1, n2] = cluster.nodes;
    const session = await Session.open(n1.mcp);
    await session.text('quick', { key: 'k', value: 'v' });
    const [{ id }] = JSON.parse((await ends(ok, n2, 'session', session.id, '--json')).stdout).executions;
    await ends(ok, n2, 'passivate', session.id, '--yes');
    const brief = session.id.slice(0, 6), call = `${brief}.${id.split('.')[1]}`;
    for (const node of cluster.nodes) {
      const json = async (...words) => JSON.parse((await ends(ok, node, ...words, '--json')).stdout);
      for (const name of [brief, session.id]) {
        const { session: seen, executions } = await json('session', name);
        assert.deepEqual([seen.id, seen.state, executions.map((e) => e.id)], [session.id, 'stored', [id]]);
        assert.ok((await json('history', name)).transitions.some((x) => x.state === 'succeeded'));
        assert.deepEqual(Object.entries(await json('where', name)).filter(([k]) => ['id', 'owner', 'agreed'].includes(k)).map(([, v]) => v), [session.id, 'n1', true]);
      }
      for (const name of [call, id]) {
        assert.deepEqual((await json('explain', name)).words.at(-1), 'It succeeded.');
        assert.equal((await json('execution', name)).execution.tool, 'quick');
      }
      assert.match((await ends(failed, node, 'explain', `${brief}.99`)).stderr, /No such execution/);
      assert.match((await ends(ok, node, 'end', brief, '--dry-run')).stdout, /end session .* on node n1/);
    }
    assert.match((await ends(failed, n2, 'session', 'zzzz')).stderr, /No such session/);
    await ends(ok, n2, 'end', brief, '--yes');
    assert.match((await ends(failed, n2, 'session', brief)).stderr, /No such session/);
  });

  test('tell how a change goes on that takes its time', async (t) => {
    const cluster = await Cluster.start(t, 2, calm);
    const [n1, n2] = cluster.nodes;
    const session = await Session.open(n1.mcp);
    const call = session.call('slow', { key: 's', ms: 1500 * slowness, steps: 1 });
    await waitFor('the call', async () => JSON.parse((await ends(ok, n2, 'executions', '--json')).stdout).total === 1);
    const { slot } = JSON.parse((await ends(ok, n2, 'where', session.id, '--json')).stdout);
    const moved = await ends(ok, n2, 'move', 'slot', `${slot}`, '--to', 'n2', '--yes', '--wait', '60s');
    assert.match(moved.stdout, new RegExp(`^slot ${slot}: at n1, (held|closing), 1 calls under way$`, 'm'));
    assert.match(moved.stdout, /^moved 1 slots in \d+ ms/m);
    await call;
    assert.match((await ends(ok, n2, 'rebalance', '--yes')).stdout, /^slots: \d+ to move, 0 without owner$/m);
    assert.match((await ends(ok, n2, 'move', session.id, '--to', 'n2', '--yes')).stdout, new RegExp(`^slot ${slot}: at n[12], to be at n[12]$`, 'm'));
    assert.match((await ends(ok, n2, 'reconnect', 'up', '--yes')).stdout, /^up: n1 \w+, n2 \w+$/m);
    assert.match((await ends(usage, n2, 'move', session.id, '--yes')).stderr, /move SESSION --to NODE/);
  });

  test('name a node that does not answer, and show the rest', async (t) => {
    const admin = { ...quietAdmin, answer_within: `${300 * slowness}ms` };
    const cluster = await Cluster.start(t, 3, { cluster: { silence: '300s' }, admin, drain_timeout: '1s' });
    const [n1, n2, n3] = cluster.nodes;
    const session = await Session.open(n1.mcp);
    await session.text('quick', { key: 'k', value: 'v' });
    const commands = ['status', 'nodes', 'slots', `where ${session.id}`, 'sessions', `session ${session.id}`, `history ${session.id}`, 'executions',
      `explain ${session.id}.1`, 'actors', 'upstreams', 'upstream up', 'store', 'latency', 'events', 'config', 'fence check'];
    await n3.process.freeze();
    try {
      for (const command of commands) await soon(async () => {
        const { code, stdout, stderr } = await holdfast(n2, ...command.split(' '), '--json');
        assert.equal(code, ['status', 'fence check'].includes(command) ? failed : ok, `${command}\n${stderr}`);
        assert.deepEqual(JSON.parse(stdout).unreachable, ['n3'], command);
      });
      await soon(async () => assert.match((await ends(ok, n2, 'sessions')).stderr, /no answer from n3; what is shown lacks it/));
      assert.match((await ends(failed, n2, 'kill', 'node', 'n3', '--yes')).stderr, /n3 gave no answer in time/);
    } finally {
      n3.process.signal('SIGCONT');
    }
  });

  test('kill nodes and start them anew', async (t) => {
    const cluster = await Cluster.start(t, 3, (c) => ({ ...calm, admin: { ...quietAdmin, socket: `${c.store.folder}/` } }));
    const [n1, n2, n3] = cluster.nodes;
    assert.match((await ends(usage, n1, 'restart', 'node', 'n2')).stderr, /--yes/);
    assert.match((await ends(ok, n1, 'restart', 'node', 'n2', '--dry-run')).stdout, /starts anew/);
    assert.match((await ends(ok, n1, 'restart', 'node', 'n2', '--yes')).stdout, /^n2 came back as incarnation \S+; moved \d+ slots in \d+ ms, 0 requests failed$/m);
    await n2.startedAnew();
    // The one that is asked, whose socket stays where it was.
    const n1s = { admin: `unix:${cluster.store.folder}/${n1.port}.sock` };
    const itself = JSON.parse((await ends(ok, n1s, 'restart', 'node', 'n1', '--yes', '--json')).stdout);
    assert.match(itself.summary, /^n1 came back as incarnation \S+ in \d+ ms$/);
    await n1.startedAnew();

    n2.killed = true;
    assert.match((await ends(ok, n1, 'kill', 'node', 'n2', '--yes')).stdout, /^n2 has ended; moved \d+ slots in \d+ ms/m);
    assert.equal((await n2.process.ends()).signal, 'SIGKILL');
    n3.killed = true;
    assert.match((await ends(ok, n3, 'kill', 'node', 'n3', '--yes')).stdout, /^n3 has ended/m);
    assert.equal((await n3.process.ends()).signal, 'SIGKILL');
  });
});

describe('the shell', clustered, () => {
  test('completes words, remembers lines, and shows long answers page by page', async (t) => {
    const cluster = await Cluster.start(t, 3, calm);
    const session = await Session.open(cluster.nodes[0].mcp);
    const terminal = await Terminal.open(t, cluster.nodes[1].admin, { PAGER: 'less -FSX' });
    await terminal.type('stat', 'Tab', 'Enter');
    await terminal.shows(/^cluster +3 nodes/m);
    await terminal.type('-l', 'node ');
    await terminal.completes(/^n1 +n2 +n3 *$/m);
    await terminal.type('-l', '3');
    await terminal.type('C-u');
    await terminal.type('-l', `session ${session.id.slice(0, 5)}`);
    await terminal.completes(new RegExp(`> session ${session.id} *$`, 'm'));
    await terminal.type('Enter');
    await terminal.shows(new RegExp(`^session ${session.id}$`, 'm'));
    await terminal.type('C-u');
    await terminal.type('q');
    await terminal.type('C-u');
    await terminal.type('-l', 'move slot 102');
    await terminal.completes(/^102 +1020 +1021 +1022 +1023 *$/m);
    await terminal.type('C-u');
    await terminal.does('slots --all', /^:|\(END\)|lines 1-/m);
    await terminal.type('q');
    await terminal.does('sesions', /did you mean sessions\?/);
    await terminal.type('Up', 'Up');
    await terminal.shows(/> slots --all *$/m);
    await terminal.type('C-u');
    await ends(ok, cluster.nodes[1], 'passivate', session.id, '--yes');
    await terminal.type('-l', `where ${session.id.slice(0, 6)}`);
    await terminal.completes(new RegExp(`> where ${session.id} *$`, 'm'));
    await terminal.type('C-u');
    await terminal.type('-l', 'exit');
    await terminal.type('Enter');
    const remembered = path.join(terminal.folder, 'holdfast', 'shell_history');
    await waitFor('the history', () => existsSync(remembered) && /slots/.test(readFileSync(remembered, 'utf8')));
  });

  test('is delayed by a node that hangs once only', async (t) => {
    const within = 500 * slowness;
    const cluster = await Cluster.start(t, 3, { ...calm, admin: { ...quietAdmin, answer_within: `${within}ms` }, drain_timeout: '1s' });
    const terminal = await Terminal.open(t, cluster.nodes[1].admin, { PAGER: 'cat' });
    await cluster.nodes[2].process.freeze();
    try {
      await terminal.does('nodes', /unreachable[^]*^n2 \(2 of 3\)> *$/m);
      await soon(async () => {
        const began = Date.now();
        await terminal.does('sessions', /^0 of 0$[^]*^n2 \(2 of 3\)> *$/m);
        const took = Date.now() - began;
        assert.ok(took > within * 0.5 && took < within * 1.7, `the next prompt came after ${took} ms, and not after ${within} ms`);
      });
    } finally {
      cluster.nodes[2].process.signal('SIGCONT');
    }
  });

  test('shows a session\'s messages on whatever node, and what happens to nodes', async (t) => {
    const cluster = await Cluster.start(t, 3, calm);
    const [n1, n2, n3] = cluster.nodes;
    const session = await Session.open(n1.mcp);
    const terminal = await Terminal.open(t, n2.admin);
    await terminal.does(`trace ${session.id}`, /^-- at n1$/m);
    assert.equal(await at(session, n3).text('quick', { key: 'k', value: 'v' }), 'k: v');
    await terminal.shows(/n1 +client -> session +request +tools\/call/);
    await terminal.shows(/n1 +session -> client +answer/);
    await terminal.type('C-c');
    await terminal.does('top', /^SESSION +NODE +STATE +RATE/m);
    await terminal.type('c');
    await terminal.shows(/by calls/);
    await terminal.type('q');
    await terminal.does('watch --every 200ms nodes', /every 200 ms: nodes/);
    await terminal.type('q');
    await terminal.does('drain n3', /Go on\? \[y\/N\]/);
    await terminal.type('y', 'Enter');
    const drained = await terminal.shows(/in \d+ ms, 0 requests failed/, 40_000);
    assert.match(drained, /n3: \d+ slots/);
    await terminal.does('undrain n3 --yes', /undrain[^]*in \d+ ms/, 40_000);

    // Its silence alone would show after half a minute.
    await n1.kill();
    const killed = Date.now();
    await terminal.does('status', /^n1 +unreachable|^cluster +2 nodes/m);
    const took = Date.now() - killed;
    t.diagnostic(`a killed node is shown as such after ${took} ms`);
    assert.ok(took < (slowness > 1 ? 10_000 : 1_000), `a killed node is shown as such only after ${took} ms`);
    await terminal.does('watch --every 200ms events --event cluster.dead', /cluster\.dead +node=n1/);
    await terminal.type('q');
  });
});
