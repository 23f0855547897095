// Upstreams that are added, changed and removed while nodes run.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin } from './support/admin.mjs';
import { at, Cluster, clustered } from './support/cluster.mjs';
import { hasHooks } from './support/lives.mjs';
import { gatewayOnly, processesWith, program, run, slowness, startNode, stdioFixture, temporaryFile, waitFor } from './support/processes.mjs';
import { Upstream } from './support/upstream.mjs';
import { Session } from './support/wire.mjs';
import { random } from '../crash/random.mjs';

const tool = (name) => ({ name, inputSchema: { type: 'object' } });
const listChanged = 'notifications/tools/list_changed';

/// An upstream that offers these tools, and answers calls with its name.
const offering = (t, name, ...tools) => Upstream.start(t, { tools: tools.map(tool), text: () => name });

const said = async (session, name) => {
  const { answer } = await session.request('tools/call', { name, arguments: {} });
  return answer.result?.content[0].text ?? answer.error.message;
};
/// Does it for all of them, so many at once.
async function inTurn(all, width, does) {
  const left = [...all];
  await Promise.all(Array.from({ length: width }, async () => { while (left.length) await does(left.shift()); }));
}
const names = async (session) => (await session.toolNames()).sort();

/// The registry as the command line changes it.
async function registry(node, ...words) {
  const how = await run(program('holdfast'), ['registry', ...words, '--yes', '--admin', node.admin]);
  return { ...how, said: how.stdout + how.stderr };
}

async function one(t, config = {}) {
  const first = await offering(t, 'first', 'alpha');
  const node = await startNode(t, { ...config, upstreams: { first: { url: first.url } } });
  const admin = new Admin(node.admin);
  const set = (name, definition, status = 200) => admin.post(`/v1/registry/upstreams/${name}`, {}, status, definition);
  return { first, node, admin, set, session: await Session.open(node.mcp) };
}

describe('an upstream', gatewayOnly, () => {
  test('is added, changed, disabled and removed, and clients are told', async (t) => {
    const { node, admin, set, session } = await one(t);
    assert.deepEqual(await names(session), ['alpha']);
    const { stream } = await session.get();
    const told = async (count) => waitFor(`${count} changes`, () => stream.messages.filter((m) => m.method === listChanged).length >= count);

    const second = await offering(t, 'second', 'beta');
    const done = await set('second', { url: second.url });
    assert.equal(done.done, true);
    assert.deepEqual(done.plan, ['add second on all nodes']);
    await told(1);
    assert.deepEqual(await names(session), ['alpha', 'beta']);
    assert.equal(await said(session, 'beta'), 'second');

    const third = await offering(t, 'third', 'beta', 'gamma');
    await set('second', { url: third.url });
    await told(2);
    assert.deepEqual(await names(session), ['alpha', 'beta', 'gamma']);
    assert.equal(await said(session, 'beta'), 'third');
    assert.equal(second.calls, 1);

    await admin.post('/v1/registry/upstreams/second/disable');
    await told(3);
    assert.deepEqual(await names(session), ['alpha']);
    assert.match(await said(session, 'beta'), /Unknown tool/);
    await admin.post('/v1/registry/upstreams/second/enable');
    assert.deepEqual(await names(session), ['alpha', 'beta', 'gamma']);

    const seen = await admin.get('/v1/registry');
    assert.deepEqual(seen.upstreams.map((u) => [u.name, u.from, u.enabled]), [['first', 'configuration', true], ['second', 'registry', true]]);
    const shown = await run(program('holdfast'), ['registry', '--admin', node.admin]);
    assert.match(shown.stdout, /^second +registry +yes +-$/m, shown.stdout + shown.stderr);

    await admin.post('/v1/registry/upstreams/second/remove');
    assert.deepEqual(await names(session), ['alpha']);
    assert.equal(await said(session, 'alpha'), 'first');
    await admin.post('/v1/registry/upstreams/second/remove', {}, 404);
    stream.close();
  });

  test('that is configured can be changed, disabled, and had back', async (t) => {
    const { first, admin, set, session } = await one(t);
    assert.equal(await said(session, 'alpha'), 'first');
    const other = await offering(t, 'other', 'alpha');
    await set('first', { url: other.url });
    assert.equal(await said(session, 'alpha'), 'other');
    await admin.post('/v1/registry/upstreams/first/remove');
    assert.equal(await said(session, 'alpha'), 'first');
    await admin.post('/v1/registry/upstreams/first/disable');
    assert.deepEqual(await names(session), []);
    await admin.post('/v1/registry/upstreams/first/enable');
    assert.equal(await said(session, 'alpha'), 'first');
    assert.equal(first.calls, 3);
  });

  test('answers what it was asked before it was replaced', async (t) => {
    const { set, session } = await one(t);
    const old = await offering(t, 'old', 'beta');
    await set('up', { url: old.url });
    old.mode = 'hold';
    const held = session.request('tools/call', { name: 'beta', arguments: {} });
    await waitFor('the call to be there', () => old.calls === 1);
    const next = await offering(t, 'next', 'beta');
    await set('up', { url: next.url });
    assert.equal(await said(session, 'beta'), 'next');
    // Long after a connection with nothing to do would have been closed.
    await sleep(1500);
    old.release();
    assert.equal((await held).answer.result.content[0].text, 'old');
  });

  test('that is not touched keeps its connection, and its process', async (t) => {
    const marker = `untouched-${process.pid}`;
    const stdio = stdioFixture('--name', marker);
    const node = await startNode(t, { registry: { commands: true }, upstreams: { stays: stdio } });
    const session = await Session.open(node.mcp);
    await session.toolNames();
    const before = processesWith(marker);
    assert.ok(before.length > 0);
    const other = await offering(t, 'other', 'beta');
    const admin = new Admin(node.admin);
    await admin.post('/v1/registry/upstreams/other', {}, 200, { url: other.url });
    await admin.post('/v1/registry/upstreams/other/remove');
    assert.deepEqual(processesWith(marker), before);
    // A definition that says the same is the same.
    await admin.post('/v1/registry/upstreams/stays', {}, 200, stdio);
    assert.deepEqual(processesWith(marker), before);
    await admin.post('/v1/registry/upstreams/stays/disable');
    await waitFor('its process to end', () => processesWith(marker).length === 0, 10_000 * slowness);
  });

  test('that each session has for itself is replaced for each', async (t) => {
    const { node, set, session } = await one(t);
    const other = await Session.open(node.mcp);
    const old = await offering(t, 'old', 'beta');
    await set('up', { url: old.url, scope: 'session' });
    for (const s of [session, other]) assert.equal(await said(s, 'beta'), 'old');
    old.mode = 'hold';
    const held = session.request('tools/call', { name: 'beta', arguments: {} });
    await waitFor('the call to be there', () => old.calls === 3);
    const next = await offering(t, 'next', 'beta');
    await set('up', { url: next.url, scope: 'session' });
    for (const s of [session, other]) assert.equal(await said(s, 'beta'), 'next');
    old.release();
    assert.equal((await held).answer.result.content[0].text, 'old');
    assert.equal(old.calls, 3);
  });

  test('that does not answer comes into force, too, and keeps nobody', async (t) => {
    const { set, session } = await one(t, { registry: { switch_within: '500ms' } });
    await names(session);
    const mute = await Upstream.start(t, { tools: [] });
    mute.server.removeAllListeners('request');
    mute.server.on('request', () => {});
    const began = Date.now();
    const done = await set('mute', { url: mute.url });
    assert.ok(done.done, JSON.stringify(done));
    assert.ok(Date.now() - began < 5000 * slowness);
    assert.equal(await said(session, 'alpha'), 'first');
  });

  test('that cannot be is refused, with what is wrong', async (t) => {
    const { node, admin, set, session } = await one(t);
    const refused = async (definition, words, status = 400) => {
      const problem = await set('bad', definition, status);
      assert.match(`${problem.title}: ${problem.detail}`, words);
    };
    await refused({ url: 'ftp://x' }, /url/);
    await refused({ url: 'http://127.0.0.1:1/mcp', colour: 'red' }, /colour/);
    await refused({}, /url/);
    await refused({ command: 'true' }, /registry.commands/, 403);
    await refused({ url: 'http://127.0.0.1:1/mcp', headers: { Authorization: '${HOLDFAST_TEST_UNSET}' } }, /HOLDFAST_TEST_UNSET/);
    const raw = await admin.ask('POST', '/v1/registry/upstreams/bad', { body: '[1', headers: { 'content-type': 'application/json' } });
    assert.equal(raw.status, 400);
    const alias = await admin.post('/v1/registry/upstreams/no%20name', {}, 400, { url: 'http://127.0.0.1:1/mcp' });
    assert.match(alias.detail, /usable name/);
    const said_ = await registry(node, 'set', 'bad', '{url: ');
    assert.notEqual(said_.code, 0);
    assert.deepEqual(await names(session), ['alpha']);
    assert.deepEqual((await admin.get('/v1/registry')).nodes.map((n) => [n.inForce, n.problems]), [[0, []]]);
  });

  test('has its secrets shown to nobody', async (t) => {
    const { node, set } = await one(t);
    const other = await offering(t, 'other', 'beta');
    await set('secretive', { url: other.url, headers: { Authorization: 'Bearer marked-secret-1' } });
    const shown = await new Admin(node.admin).ask('GET', '/v1/registry');
    assert.ok(!shown.text.includes('marked-secret'), shown.text);
    assert.ok(!node.stderr.includes('marked-secret'));
  });
});

describe('a user', gatewayOnly, () => {
  const tokenOf = (name) => `token-of-${name}-0123456789`;
  const users = (...all) => ({ access: { users: all.map((name) => ({ name, token: tokenOf(name) })) } });

  /// An upstream that answers with the credentials it was shown.
  async function vault(t, ...tools) {
    const shown = (request) => request.headers['x-credentials'];
    const up = await Upstream.start(t, { tools: tools.map(tool), text: (_, request) => shown(request) });
    up.seen = new Set();
    up.server.on('request', (request) => up.seen.add(shown(request)));
    return up;
  }

  test('has upstreams that nobody else sees, calls, or lends credentials to', async (t) => {
    const all = ['ann', 'bob', 'carol'];
    const common = await offering(t, 'common', 'alpha');
    const node = await startNode(t, { ...users(...all), upstreams: { common: { url: common.url } } });
    const admin = new Admin(node.admin);
    const own = await vault(t, 'secret_tool');
    const define = (user, status = 200, definition = { url: own.url, headers: { 'X-Credentials': `of-${user}` } }, name = 'own') =>
      admin.post(`/v1/registry/upstreams/${name}`, { user }, status, definition);
    const sessions = Object.fromEntries(await Promise.all(all.map(async (name) => [name, await Session.open(node.mcp, { token: tokenOf(name) })])));
    for (const s of Object.values(sessions)) assert.deepEqual(await names(s), ['alpha']);
    const { stream } = await sessions.ann.get();
    await define('ann');
    await define('bob');
    await waitFor('ann to be told', () => stream.messages.some((m) => m.method === listChanged));
    assert.deepEqual(await names(sessions.ann), ['alpha', 'secret_tool']);
    assert.deepEqual(await names(sessions.bob), ['alpha', 'secret_tool']);
    assert.deepEqual(await names(sessions.carol), ['alpha']);
    for (const [name, s] of Object.entries(sessions)) {
      const text = await said(s, 'secret_tool');
      if (name === 'carol') assert.match(text, /Unknown tool/);
      else assert.equal(text, `of-${name}`);
      assert.equal(await said(s, 'alpha'), 'common');
      assert.match(await said(s, 'own__secret_tool'), /Unknown tool/);
    }
    // A session that comes later, and a change of one alone.
    const late = await Session.open(node.mcp, { token: tokenOf('bob') });
    assert.equal(await said(late, 'secret_tool'), 'of-bob');
    const other = await vault(t, 'secret_tool', 'more');
    await define('ann', 200, { url: other.url, headers: { 'X-Credentials': 'of-ann' } });
    assert.deepEqual(await names(sessions.ann), ['alpha', 'more', 'secret_tool']);
    assert.deepEqual(await names(sessions.bob), ['alpha', 'secret_tool']);
    assert.equal(await said(sessions.bob, 'secret_tool'), 'of-bob');
    assert.deepEqual([...other.seen], ['of-ann']);

    const listed = async (user) => (await admin.get('/v1/registry', user ? { user } : {})).upstreams.map((u) => u.name);
    assert.deepEqual(await listed('ann'), ['common', 'ann/own']);
    assert.deepEqual(await listed('carol'), ['common']);
    assert.deepEqual(await listed(''), ['common', 'ann/own', 'bob/own']);
    await define('dave', 400);
    await define('ann', 409, { url: own.url }, 'common');

    await admin.post('/v1/registry/upstreams/own/remove', { user: 'ann' });
    assert.deepEqual(await names(sessions.ann), ['alpha']);
    assert.deepEqual(await names(sessions.bob), ['alpha', 'secret_tool']);
    stream.close();
  });

  test('has them by the command line, too', async (t) => {
    const node = await startNode(t, users('ann', 'bob'));
    const own = await vault(t, 'mine');
    const how = await registry(node, 'set', 'own', JSON.stringify({ url: own.url, headers: { 'X-Credentials': 'of-ann' } }), '--user', 'ann');
    assert.equal(how.code, 0, how.said);
    const [ann, bob] = await Promise.all(['ann', 'bob'].map((name) => Session.open(node.mcp, { token: tokenOf(name) })));
    assert.equal(await said(ann, 'mine'), 'of-ann');
    assert.match(await said(bob, 'mine'), /Unknown tool/);
  });

  test('has what is theirs among a thousand, beside fifty upstreams of all', { timeout: 300_000 }, async (t) => {
    const all = Array.from({ length: 1000 }, (_, i) => `user${i}`);
    const common = await Promise.all(Array.from({ length: 50 }, (_, i) => offering(t, `common${i}`, `tool${i}`)));
    const upstreams = Object.fromEntries(common.map(({ url }, i) => [`common${i}`, { url }]));
    const node = await startNode(t, { ...users(...all), upstreams });
    const admin = new Admin(node.admin);
    const own = await vault(t, 'mine');
    await inTurn(all, 8, (user) =>
      admin.post('/v1/registry/upstreams/own', { user }, 200, { url: own.url, headers: { 'X-Credentials': `of-${user}` } }));
    await inTurn(all, 50, async (user) => {
      const session = await Session.open(node.mcp, { token: tokenOf(user) });
      assert.equal(await said(session, 'mine'), `of-${user}`);
      const offered = await session.toolNames();
      assert.deepEqual([offered.length, offered.filter((name) => name === 'mine').length], [51, 1]);
    });
    assert.equal(own.calls, 1000);
    assert.deepEqual([...own.seen].sort(), all.map((name) => `of-${name}`).sort());
    for (const user of ['user0', 'user512', 'user999']) {
      const { upstreams: listed } = await admin.get('/v1/registry', { user });
      assert.deepEqual([listed.length, listed.map(({ name }) => name).filter((name) => name.includes('/'))], [51, [`${user}/own`]]);
    }
  });
});

describe('a configuration', gatewayOnly, () => {
  const written = (file, change) => {
    const config = JSON.parse(readFileSync(file));
    change(config);
    writeFileSync(file, JSON.stringify(config));
  };

  test('is read again at SIGHUP; a bad one changes nothing', async (t) => {
    const { node, session } = await one(t);
    await names(session);
    const second = await offering(t, 'second', 'beta');
    written(node.config, (c) => { c.upstreams.second = { url: second.url }; });
    node.signal('SIGHUP');
    await waitFor('its tools', async () => (await names(session)).includes('beta'));
    written(node.config, (c) => { c.upstreams.second.colour = 'red'; });
    node.signal('SIGHUP');
    await node.says(/registry.reload_failed.*colour/);
    assert.deepEqual(await names(session), ['alpha', 'beta']);
    written(node.config, (c) => { delete c.upstreams.second; });
    const done = await registry(node, 'reload');
    assert.equal(done.code, 0, done.said);
    assert.deepEqual(await names(session), ['alpha']);
  });

  test('with an upstream that does not answer is waited for longer than for a node that does not', async (t) => {
    const { node, session } = await one(t, { registry: { switch_within: '1s' }, admin: { listen: '127.0.0.1:0', answer_within: '300ms' } });
    await names(session);
    const mute = await Upstream.start(t, { tools: [] });
    mute.server.removeAllListeners('request');
    mute.server.on('request', () => {});
    written(node.config, (c) => { c.upstreams.mute = { url: mute.url }; });
    const done = await registry(node, 'reload');
    assert.equal(done.code, 0, done.said);
    assert.match(done.said, /read again at 1 nodes in [1-9]\d{2,} ms/);
    written(node.config, (c) => { c.upstreams.mute.colour = 'red'; });
    const wrong = await registry(node, 'reload');
    assert.match(wrong.said, /not done: .*colour/);
    assert.notEqual(wrong.code, 0);
  });

  test('is watched, where that is wanted', async (t) => {
    const { node, session } = await one(t, { registry: { watch: true } });
    await names(session);
    const second = await offering(t, 'second', 'beta');
    written(node.config, (c) => { c.upstreams.second = { url: second.url }; });
    await waitFor('its tools', async () => (await names(session)).includes('beta'), 10_000);
  });

  test('is compared with what is in force, and applied', async (t) => {
    const { first, node, session } = await one(t);
    await names(session);
    const [second, third] = [await offering(t, 'second', 'beta'), await offering(t, 'third', 'gamma')];
    const file = temporaryFile(t, 'new.yaml', { upstreams: { second: { url: second.url }, third: { url: third.url } } });
    const config = (...words) => run(program('holdfast'), ['config', ...words, '--admin', node.admin]);
    const diff = await config('diff', file);
    assert.match(diff.stdout, /add second[^]*add third[^]*disable first/, diff.stdout + diff.stderr);
    assert.deepEqual(await names(session), ['alpha']);
    const applied = await config('apply', file, '--yes');
    assert.equal(applied.code, 0, applied.stdout + applied.stderr);
    assert.deepEqual(await names(session), ['beta', 'gamma']);
    assert.match((await config('diff', file)).stdout, /nothing: these are in force/);
    writeFileSync(file, JSON.stringify({ upstreams: { first: { url: first.url }, third: { url: third.url, call_timeout: '9s' } } }));
    assert.match((await config('diff', file)).stdout, /change first[^]*change third[^]*remove second/);
    await config('apply', file, '--yes');
    assert.deepEqual(await names(session), ['alpha', 'gamma']);
    writeFileSync(file, 'upstreams: [1]');
    assert.notEqual((await config('apply', file, '--yes')).code, 0);
  });
});

describe('a cluster', clustered, () => {
  const set = (node, name, definition) => new Admin(node.admin).post(`/v1/registry/upstreams/${name}`, {}, 200, definition);

  test('has the same upstreams at every node, also at one that was away', async (t) => {
    const cluster = await Cluster.start(t, 3);
    const [first, second, third] = cluster.nodes;
    const sessions = await Promise.all(cluster.nodes.map((n) => Session.open(n.mcp)));
    const up = await offering(t, 'up', 'beta');
    await third.kill();
    await cluster.settled();
    const done = await set(first, 'late', { url: up.url });
    assert.equal(done.changed, 2, JSON.stringify(done));
    assert.ok((await sessions[1].toolNames()).includes('beta'));
    await third.start();
    await cluster.settled();
    assert.equal(await said(at(sessions[2], third), 'beta'), 'up');
    await new Admin(second.admin).post('/v1/registry/upstreams/late/remove');
    for (const [i, s] of sessions.entries()) assert.ok(!(await s.toolNames()).includes('beta'), `session ${i}`);
  });

  test('finds out by itself what a node that died told nobody', hasHooks() ? {} : { skip: 'needs HOLDFAST_TEST_HOOKS' }, async (t) => {
    const cluster = await Cluster.start(t, 2);
    const [first, second] = cluster.nodes;
    await first.kill();
    await first.start({ env: { HOLDFAST_TEST_CRASH_AT: 'after_registration:1' } });
    await cluster.settled();
    const session = await Session.open(second.mcp);
    await session.toolNames();
    const up = await offering(t, 'up', 'beta');
    await assert.rejects(set(first, 'late', { url: up.url }));
    await waitFor('the first to be gone', () => first.process.exit);
    first.killed = true;
    await waitFor('its tools at the second', async () => (await session.toolNames()).includes('beta'), 5000 + 5000 * slowness);
  });

  test('does not keep an operator longer than they wait when a node hangs', async (t) => {
    const cluster = await Cluster.start(t, 2, { cluster: { silence: '30s' }, admin: { listen: '127.0.0.1:0', answer_within: '300ms' } });
    const [first, second] = cluster.nodes;
    const up = await offering(t, 'up', 'beta');
    await second.process.freeze();
    const began = Date.now();
    const done = await new Admin(first.admin).post('/v1/registry/upstreams/late', { wait: 1000 }, 200, { url: up.url });
    const took = Date.now() - began;
    assert.ok(took < 3000 + 1000 * slowness, `${took} ms`);
    t.diagnostic(`${took} ms`);
    assert.deepEqual([done.done, done.changed], [false, 1]);
    assert.match(done.summary, /n2 is not that far yet/);
    second.process.signal('SIGCONT');
    await waitFor('the other', async () => (await new Admin(second.admin).get('/v1/registry', { scope: 'node' })).nodes[0].inForce === 1, 5000 * slowness);
  });

  test('runs no commands at a node that does not allow them, whatever is registered', async (t) => {
    const cluster = await Cluster.start(t, 1, { registry: { commands: true } });
    cluster.config = {};
    await cluster.add();
    await cluster.settled();
    const [first, second] = cluster.nodes;
    const session = await Session.open(second.mcp);
    const before = await session.toolNames();
    await set(first, 'program', stdioFixture('--name', `refused-${process.pid}`));
    const { nodes } = await new Admin(first.admin).get('/v1/registry');
    assert.deepEqual(nodes.map((n) => [n.node, n.problems.length]).sort(), [['n1', 0], ['n2', 1]]);
    assert.match(nodes.find((n) => n.node === 'n2').problems[0], /program: it is a command, and registry.commands is not set here/);
    assert.deepEqual(await session.toolNames(), before);
  });

  test('changes a hundred times under load, and no call fails that should not', { timeout: 300_000 }, async (t) => {
    const steady = await offering(t, 'steady', 'steady');
    const people = ['ann', 'bob', 'carol'];
    const tokenOf = (name) => `token-of-${name}-0123456789`;
    const cluster = await Cluster.start(t, 3, {
      registry: { commands: true }, upstreams: { steady: { url: steady.url } }, access: { users: people.map((name) => ({ name, token: tokenOf(name) })) },
    });
    const marker = `edited-${process.pid}`;
    const seed = Number(process.env.SEED ?? Date.now() % 100_000);
    t.diagnostic(`seed ${seed}`);
    const choose = random(seed);
    const servers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => offering(t, name, 'shared_tool', `of_${name}`)));
    const owned = await offering(t, 'owned', 'of_ann_alone');
    const ownerOf = (i) => people[Math.floor(i / 3)];
    const sessions = await Promise.all(Array.from({ length: 9 }, (_, i) => Session.open(cluster.nodes[i % 3].mcp, { token: tokenOf(ownerOf(i)) })));
    const wrong = [];
    let over = false, calls = 0;
    // What may not fail, through every node; and what comes and goes, which must end one way or the other.
    const load = sessions.map(async (session, i) => {
      for (let n = 0; !over; ++n) {
        const through = at(session, cluster.nodes[(i + n) % 3]);
        const { answer } = await through.request('tools/call', { name: 'steady', arguments: {} });
        ++calls;
        if (answer.result?.content[0].text !== 'steady') wrong.push(JSON.stringify(answer));
        const edited = await through.request('tools/call', { name: `of_${'abcd'[n % 4]}`, arguments: {} });
        const { error } = edited.answer;
        if (error && !/Unknown tool|not available|removed|replaced/.test(error.message)) wrong.push(JSON.stringify(edited.answer));
        const text = await said(through, 'of_ann_alone');
        if (!/Unknown tool|not available|removed|replaced/.test(text) && (text !== 'owned' || ownerOf(i) !== 'ann')) wrong.push(`${ownerOf(i)}: ${text}`);
      }
    });
    const admin = () => new Admin(cluster.nodes[choose.between(0, 2)].admin);
    const there = new Map();
    let isOwned = false;
    for (let i = 0; i < 100; ++i) {
      const name = `x${choose.between(0, 3)}`;
      const what = choose.pick({ set: 5, remove: 2, disable: 1, enable: 1, command: 1, own: 2 });
      if (what === 'own') {
        if (isOwned) await admin().post('/v1/registry/upstreams/owned/remove', { user: 'ann' });
        else await admin().post('/v1/registry/upstreams/owned', { user: 'ann' }, 200, { url: owned.url });
        isOwned = !isOwned;
      } else if (what === 'set' || what === 'command' || !there.has(name)) {
        const server = servers[choose.between(0, 3)];
        const definition = what === 'command' ? stdioFixture('--name', marker) : { url: server.url, call_timeout: `${choose.between(5, 50)}s` };
        const done = await admin().post(`/v1/registry/upstreams/${name}`, {}, 200, definition);
        assert.ok(done.done, JSON.stringify(done));
        const before = there.get(name);
        there.set(name, server);
        // Nobody who has this name now is the one who had it before.
        if (before && ![...there.values()].includes(before)) {
          const had = before.calls;
          await sleep(20);
          if (before.calls > had + sessions.length) wrong.push(`${name} was called after it was replaced`);
        }
      } else {
        await admin().post(`/v1/registry/upstreams/${name}/${what}`);
        if (what === 'remove') there.delete(name);
      }
    }
    over = true;
    await Promise.all(load);
    assert.deepEqual(wrong.slice(0, 5), []);
    assert.ok(calls > 50, `${calls} calls`);
    assert.ok(owned.calls > 0);
    for (const name of there.keys()) await admin().post(`/v1/registry/upstreams/${name}/remove`);
    await waitFor('no process to be left', () => processesWith(marker).length === 0, 10_000 * slowness);
    const versions = (await new Admin(cluster.nodes[0].admin).get('/v1/registry')).nodes.map((n) => n.inForce);
    assert.equal(new Set(versions).size, 1, versions.join());
  });
});
