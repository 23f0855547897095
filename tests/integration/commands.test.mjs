// Every command of the shell, as a person gives it at a terminal.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { Cluster, clustered } from './support/cluster.mjs';
import { program, run, waitFor } from './support/processes.mjs';
import { ends, Terminal } from './support/terminal.mjs';
import { Session } from './support/wire.mjs';

const ok = 0;

test('the shell runs every command', clustered, async (t) => {
  const cluster = await Cluster.start(t, 3, { cluster: { silence: '30s' } });
  const [n1, n2] = cluster.nodes;
  const session = await Session.open(n1.mcp);
  await session.text('quick', { key: 'k', value: 'v' });
  const { executions: [{ id }] } = JSON.parse((await ends(ok, n2, 'session', session.id, '--json')).stdout);
  const [actor] = JSON.parse((await ends(ok, n2, 'actors', '--kind', 'session', '--json')).stdout).actors;
  const open = session.request('tools/call', { name: 'slow', arguments: { key: 's', ms: 600_000, steps: 1 } });
  const under = await waitFor('the call', async () => JSON.parse((await ends(ok, n2, 'executions', '--json')).stdout).executions.find((e) => e.state === 'executing'));
  const terminal = await Terminal.open(t, `${n2.admin} --url ${n2.mcp}`, { PAGER: 'cat' });
  const bundle = path.join(cluster.store.folder, 'bundle.json');
  const changed = /in \d+ ms, 0 requests failed/;
  const done = [
    ['status', /^cluster +3 nodes/m], ['nodes', /^n3 +up/m], ['node n3', /^node n3$/m], ['slots', /0 without owner/], [`where ${session.id}`, /^is at +n1$/m],
    ['sessions', /^\S+ +n1 +operating/m], [`session ${session.id.slice(0, 6)}`, /^epoch of its slot +\d+$/m], [`history ${session.id} --at -0s`, /^session +- +operating/m],
    ['executions --inflight', /1 of 1 under way/], [`execution ${id}`, /^tool +quick$/m], [`explain ${id}`, /It succeeded\./], [`cancel ${under.id} --yes`, /cancelled 1 calls/],
    ['actors --kind roster', /roster/], [`actor ${actor.id}`, /^kind +session$/m], ['upstreams', /^up +yes/m], ['upstream up', /^upstream up$/m], ['tools', /quick/], ['catalogue', /^quick +up/m],
    ['breakers', /^up is closed:$/m], ['breaker reset up --yes', changed], ['cache', /^NODE +RESULTS/m], ['cache clear --yes', changed], ['registry', /^up +configuration +yes/m], ['registry reload --yes', changed], ['registry disable up --yes', changed], ['registry enable up --yes', changed],
    ['store', /^n2 +ok/m], ['latency', /tool_call: \d/],
    ['events --event cluster.joined', /cluster\.joined/], ['config', /^ +max_concurrent: 0$/m], ['fence check', /all are theirs/], ['top --times 1', /^SESSION +NODE|> *$/m], ['watch --times 1 store', /> *$/m],
    [`trace ${session.id} --max 1`, /^-- at n1$/m, () => session.result('ping'), /-- ended: max/],
    ['log level debug --yes', /set \d/], ['reconnect up --yes', changed], ['disable up --yes', changed], ['enable up --yes', changed],
    [`execute quick '{"key":"e","value":"v"}' --session ${session.id}`, /e: v/], [`step begin ${session.id} quick`, /s1|step/], [`step show ${session.id}`, /s1/],
    [`tool-state show ${session.id}`, /> *$/m],
    [`passivate ${session.id} --yes`, /passivated 1/], [`move ${session.id} --to n2 --yes`, changed], ['move slot 5 --to n1 --yes', changed], ['rebalance --yes', changed, undefined, undefined, 40_000],
    [`end ${session.id} --yes`, /ended 1/], [`bundle ${bundle}`, /^wrote /m],
    ['servers', /up/], [`call quick '{"key":"c","value":"v"}'`, /c: v/], ['doctor --help', /doctor|config/i], ['bench --help', /bench|calls/i], ['cluster --help', /partition/], ['demo --help', /demo|failover/i], ['shell --help', /shell|command/i],
    ['drain n3 --yes', changed, undefined, undefined, 40_000], ['undrain n3 --yes', changed, undefined, undefined, 40_000],
    ['restart node n3 --yes', /n3 came back/, undefined, undefined, 60_000], ['kill node n3 --yes', /n3 has ended/, undefined, undefined, 60_000],
  ];
  const { stdout: help } = await run(program('holdfast'), ['--help']);
  const commands = help.slice(help.indexOf('\nSubcommands')).split('\n').map((l) => /^ +([a-z-]+) {2,}/.exec(l)?.[1]).filter(Boolean);
  assert.ok(commands.length > 30, help);
  assert.deepEqual(commands.filter((c) => !done.some(([l]) => l.split(' ')[0] === c)), [], 'commands that this test does not run');
  cluster.nodes[2].killed = true;
  for (const [line, what, meanwhile, then, ms] of done) {
    await terminal.does(line, what, ms);
    if (!meanwhile) continue;
    await meanwhile();
    await terminal.shows(then);
  }
  await open;
});
