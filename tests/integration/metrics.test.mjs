// What a node tells of itself to Prometheus, and what the dashboard makes of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin } from './support/admin.mjs';
import { at, Cluster, clustered } from './support/cluster.mjs';
import { gatewayOnly, slowness, startFixture, startNode, waitFor } from './support/processes.mjs';
import { dashboard, hasPrometheus, metricsOf, Prometheus, queriesOf, samplesOf, troubleWith, valueOf } from './support/prometheus.mjs';
import { newest, Session } from './support/wire.mjs';

test('a node counts what its clients have done', gatewayOnly, async (t) => {
  const upstream = await startFixture(t);
  const node = await startNode(t, { upstreams: { fixture: { url: upstream.url } } });
  const session = await Session.open(node.mcp);
  const tool = (name, args = {}) => session.result('tools/call', { name, arguments: args });
  for (let i = 0; i < 3; ++i) await tool('fixture_echo', { value: 'm' });
  await session.result('ping');
  await session.post(session.message('no/such/thing', {}));
  await session.post(session.message('tools/call', { name: 'no such tool' }));
  const text = await metricsOf(node);
  const requests = (labels) => valueOf(text, 'holdfast_requests_total', { revision: newest, ...labels });
  assert.equal(requests({ method: 'tools/call', outcome: 'ok' }), 3);
  assert.equal(requests({ method: 'tools/call', outcome: 'error' }), 1);
  assert.equal(requests({ method: 'ping', outcome: 'ok' }), 1);
  assert.equal(requests({ method: 'initialize', outcome: 'ok' }), 1);
  assert.equal(requests({ method: 'other', outcome: 'error' }), 1, 'a method of a client\'s invention is no label');
  assert.ok(!text.includes('no/such'), text);
  assert.equal(valueOf(text, 'holdfast_request_duration_seconds_count', { method: 'tools/call' }), 4);
  assert.equal(valueOf(text, 'holdfast_tool_call_duration_seconds_count'), 3);
  assert.equal(valueOf(text, 'holdfast_executions_total', { outcome: 'succeeded' }), 3);
  assert.equal(valueOf(text, 'holdfast_upstream_calls_total', { upstream: 'fixture', outcome: 'answered' }), 3);
  assert.equal(valueOf(text, 'holdfast_upstream_state', { upstream: 'fixture', state: 'ready' }), 1);
  assert.equal(valueOf(text, 'holdfast_sessions'), 1);
  assert.equal(valueOf(text, 'holdfast_actors', { kind: 'session' }), 1);
  assert.equal(valueOf(text, 'holdfast_executions'), 0, 'nothing is under way');
  for (const part of ['holdfast_http_received_bytes_total', 'holdfast_http_sent_bytes_total', 'process_open_fds', 'process_resident_memory_bytes'])
    assert.ok(valueOf(text, part) > 0, part);
  const started = valueOf(text, 'process_start_time_seconds');
  assert.ok(Math.abs(started - Date.now() / 1000) < 120, `started at ${started}`);
  // One bucket each.
  const buckets = samplesOf(text).filter((s) => s.name === 'holdfast_tool_call_duration_seconds_bucket').map((s) => s.value);
  assert.deepEqual(buckets, [...buckets].sort((a, b) => a - b), 'buckets are cumulative');
  assert.equal(buckets.at(-1), 3);
  await t.test('promtool finds nothing wrong with that', (t) => {
    if (!hasPrometheus(t)) return;
    assert.equal(troubleWith(text), '');
    assert.match(troubleWith(text.replaceAll('holdfast_requests_total', 'holdfast_requests')), /_total/, 'it would find something');
  });
  const reconnects = async () => valueOf(await metricsOf(node), 'holdfast_upstream_reconnects_total', { upstream: 'fixture' });
  assert.equal(await reconnects(), 0);
  await new Admin(node.admin).post('/v1/upstreams/fixture/reconnect', { wait: 20_000 });
  await waitFor('the reconnection to be counted', async () => await reconnects() === 1);
  await session.delete();
  const after = await metricsOf(node);
  assert.equal(valueOf(after, 'holdfast_sessions_ended_total'), 1);
  await waitFor('the actor to go', async () => valueOf(await metricsOf(node), 'holdfast_actors', { kind: 'session' }) === 0);
});

test('a session that is in the store only is counted as cold', clustered, async (t) => {
  const cluster = await Cluster.start(t, 1);
  const [node] = cluster.nodes;
  const [cold] = await Promise.all([Session.open(node.mcp), Session.open(node.mcp)]);
  await new Admin(node.admin).post(`/v1/sessions/${cold.id}/passivate`);
  // The count is begun by a look, and shown by a later one.
  const text = await waitFor('the count', async () => { const now = await metricsOf(node); return samplesOf(now).some((s) => s.name === 'holdfast_sessions_cold') && now; });
  assert.deepEqual([valueOf(text, 'holdfast_sessions'), valueOf(text, 'holdfast_sessions_cold')], [1, 1]);
});

/// Sessions on every node that call all the time, each through the node after its own, until `over`.
function load(cluster, sessions, state) {
  return Promise.all(sessions.map(async (session, i) => {
    for (let n = 0; !state.over; ++n) {
      const nodes = cluster.alive;
      await at(session, nodes[(i + n) % nodes.length]).post(session.message('tools/call', { name: 'quick', arguments: { key: `${i}-${n}`, value: 'v' } })).catch(() => {});
      await sleep(20);
    }
  }));
}

test('the dashboard shows a failover', clustered, async (t) => {
  if (!hasPrometheus(t)) return;
  const cluster = await Cluster.start(t, 3);
  const interval = slowness > 1 ? 1 : 0.5;
  const prometheus = await Prometheus.start(t, cluster.nodes, interval);
  const sessions = await Promise.all(cluster.nodes.flatMap((n) => [Session.open(n.mcp), Session.open(n.mcp)]));
  const state = { over: false };
  const calls = load(cluster, sessions, state);
  const quiet = () => prometheus.value('min(holdfast_cluster_members == 3) and sum(holdfast_cluster_slots) == 1024');
  await waitFor('a cluster at work', async () => await quiet() === 3 && await prometheus.value('sum(rate(holdfast_executions_total{outcome="succeeded"}[10s]) > bool 0)') >= 3, 30_000);

  const cut = cluster.nodes[0];
  // A call that the dead node leaves behind, and nobody may make again.
  const slow = sessions[0].message('tools/call', { name: 'slow', arguments: { key: 'left', ms: 2000 * slowness, steps: 1 } });
  const left = at(sessions[0], cluster.nodes[1]).post(slow).catch(() => {});
  await waitFor('the call to be under way', async () => valueOf(await metricsOf(cut), 'holdfast_executions', { state: 'executing' }) >= 1);
  await cut.kill();
  await cluster.settled();
  await waitFor('the takeover to be seen', async () => await prometheus.value('sum(increase(holdfast_cluster_takeovers_total[1m]))') > 0
    && await prometheus.value('sum(holdfast_cluster_slots{instance!="n1"})') === 1024, 30_000);
  await sleep(2 * interval * 1000 + 500); // for the rates of what came with it
  state.over = true;
  await calls;
  await left;

  for (const node of cluster.alive) assert.equal(troubleWith(await metricsOf(node)), '');
  const survivors = await Promise.all(cluster.alive.map(metricsOf));
  const total = (name, labels) => survivors.reduce((sum, text) => sum + valueOf(text, name, labels), 0);
  assert.equal(total('holdfast_cluster_deaths_total') >= 1, true);
  assert.equal(total('holdfast_cluster_slots'), 1024);
  assert.ok(total('holdfast_sessions_recovered_total') >= 2, 'the sessions of the dead node came back');
  const took = total('holdfast_cluster_takeover_duration_seconds_sum') / total('holdfast_cluster_takeover_duration_seconds_count');
  t.diagnostic(`slots were taken over ${(took * 1000).toFixed(0)} ms after the last sign of life`);
  assert.ok(took > 0 && took < 5 * slowness, `took ${took} s`);

  const elapsed = Math.ceil(Date.now() / 1000 - prometheus.began);
  for (const { title, query, legend } of queriesOf(dashboard(), { rate: '10s', range: `${elapsed}s` })) {
    const series = await prometheus.range(query);
    const points = series.flatMap((s) => s.values).filter(([, value]) => Number.isFinite(Number(value)));
    assert.ok(points.length > 0, `panel "${title}" shows nothing: ${query}`);
    for (const [, label] of legend.matchAll(/\{\{(\w+)\}\}/g))
      assert.ok(series.every((s) => label in s.metric), `panel "${title}": no label ${label} in ${query}`);
  }
  const seen = async (query) => (await prometheus.range(query)).flatMap((s) => s.values.map(([, value]) => Number(value)));
  assert.ok((await seen('sum(increase(holdfast_cluster_takeovers_total[10s]))')).some((v) => v > 0), 'the takeover can be seen');
  assert.ok((await seen('count(holdfast_build_info)')).includes(3), 'all nodes were there');
  // A scrape may be late where much else runs.
  await waitFor('one to be gone', async () => await prometheus.value('count(holdfast_build_info)') === 2, 15_000);
});
