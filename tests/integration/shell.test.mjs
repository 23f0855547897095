// The operators' commands, one by one and in the shell, which a person uses at a terminal: tmux is that terminal here.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { at, Cluster, clustered } from './support/cluster.mjs';
import { gatewayOnly, program, quietAdmin, run, slowness, soon, waitFor } from './support/processes.mjs';
import { Session } from './support/wire.mjs';

const ok = 0, failed = 1, usage = 2, noConnection = 4;

/// Of clusters in which nobody is to be thought dead because the machine is busy.
const calm = { cluster: { silence: '30s' } };

/// A terminal of 150 columns and 40 rows with the shell in it.
class Terminal {
  static async open(t, admin, variables = {}) {
    const terminal = new Terminal();
    terminal.folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-shell-'));
    terminal.socket = path.join(terminal.folder, 'tmux');
    t.after(async () => {
      await terminal.tmux('kill-server').catch(() => {});
      rmSync(terminal.folder, { recursive: true, force: true });
    });
    const environment = { XDG_STATE_HOME: terminal.folder, PAGER: '', ...variables };
    const set = Object.entries(environment).map(([name, value]) => `${name}='${value}'`).join(' ');
    await terminal.tmux('-f', '/dev/null', 'new-session', '-d', '-x', '150', '-y', '40', `env ${set} ${program('holdfast')} shell --admin ${admin}`);
    await terminal.shows(/^(n\d|\(no answer\)).*> *$/m);
    return terminal;
  }

  async tmux(...words) {
    const done = await run('tmux', ['-S', this.socket, ...words]);
    assert.equal(done.code, 0, `tmux ${words.join(' ')}: ${done.stderr}`);
    return done.stdout;
  }

  screen() { return this.tmux('capture-pane', '-p'); }

  async shows(what, ms = 20_000) {
    for (const end = Date.now() + ms * slowness; ; await sleep(50)) {
      const screen = await this.screen();
      if (what.test(screen)) return screen;
      if (Date.now() > end) assert.fail(`there is no ${what} on the screen:\n${screen}`);
    }
  }

  type(...keys) { return this.tmux('send-keys', ...keys); }

  /// Presses Tab until that shows what it should: a node may be slow to say what there is.
  async completes(what) {
    for (const end = Date.now() + 20_000 * slowness; Date.now() < end; await sleep(500)) {
      await this.type('Tab');
      await sleep(200);
      if (what.test(await this.screen())) return;
    }
    await this.shows(what, 0);
  }

  /// Types a command on a clean screen, and waits until it has shown something.
  async does(command, what, ms) {
    await this.tmux('send-keys', 'C-l');
    await this.tmux('send-keys', '-l', command);
    await this.type('Enter');
    return this.shows(what, ms);
  }
}

const holdfast = (node, ...words) => run(program('holdfast'), [...words, '--admin', node.admin]);

async function ends(code, node, ...words) {
  const done = await holdfast(node, ...words);
  assert.equal(done.code, code, `${words.join(' ')}\n${done.stdout}\n${done.stderr}`);
  return done;
}

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

  test('name a node that does not answer, and show the rest', async (t) => {
    const cluster = await Cluster.start(t, 3, { ...calm, admin: { ...quietAdmin, answer_within: `${300 * slowness}ms` }, drain_timeout: '1s' });
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
    await terminal.does('slots --all', /^:|\(END\)|lines 1-/m);
    await terminal.type('q');
    await terminal.does('sesions', /did you mean sessions\?/);
    await terminal.type('Up', 'Up');
    await terminal.shows(/> slots --all *$/m);
    await terminal.type('C-u');
    await terminal.type('-l', 'exit');
    await terminal.type('Enter');
    const remembered = path.join(terminal.folder, 'holdfast', 'shell_history');
    await waitFor('the history', () => existsSync(remembered) && /slots/.test(readFileSync(remembered, 'utf8')));
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
