// The trace that a request belongs to: passed on to upstreams and other nodes, shown in the log, told to a collector.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admin } from './support/admin.mjs';
import { at, Cluster, clustered } from './support/cluster.mjs';
import { startCollector, startProxy } from './support/observers.mjs';
import { gatewayOnly, startFixture, startNode, waitFor } from './support/processes.mjs';
import { metricsOf, valueOf } from './support/prometheus.mjs';
import { Session } from './support/wire.mjs';

const id = '4bf92f3577b34da6a3ce929d0e0e4736';
const caller = '00f067aa0ba902b7';
const sampled = `00-${id}-${caller}-01`;
const unsampled = `00-${id}-${caller}-00`;
const echo = (value, meta) => ({ name: 'fixture_echo', arguments: { value }, ...(meta ? { _meta: meta } : {}) });
const callsOf = (proxy) => proxy.posts.filter((p) => p.body.method === 'tools/call');

test('a trace is passed on as it came, and shown in the log', gatewayOnly, async (t) => {
  const proxy = await startProxy(t, (await startFixture(t)).url);
  const node = await startNode(t, { log: { level: 'debug', format: 'json' }, upstreams: { fixture: { url: proxy.url } } });
  const session = await Session.open(node.mcp);
  await session.result('tools/call', echo('none'));
  await session.result('tools/call', echo('header'), { headers: { traceparent: sampled } });
  await session.result('tools/call', echo('meta', { traceparent: unsampled }));
  await session.result('tools/call', echo('bad', { traceparent: 'bad' }), { headers: { traceparent: `00-${'0'.repeat(32)}-${caller}-01` } });
  const [none, header, meta, bad] = callsOf(proxy);
  assert.equal(none.headers.traceparent, undefined);
  assert.equal(none.body.params._meta, undefined);
  assert.equal(header.headers.traceparent, sampled);
  assert.equal(header.body.params._meta, undefined, 'only where the client has put it there');
  assert.equal(meta.headers.traceparent, unsampled);
  assert.equal(meta.body.params._meta.traceparent, unsampled);
  assert.equal(bad.headers.traceparent, undefined, 'what is malformed is not passed on as header');
  const answered = () => node.stderr.split('\n').filter((line) => line.includes('"call.answered"')).map((line) => JSON.parse(line).trace);
  await waitFor('the lines of the calls', () => answered().length === 4);
  assert.deepEqual(answered(), [undefined, id, id, undefined]);
});

test('the lines of a request can be found on all its nodes, without a trace, too', clustered, async (t) => {
  const cluster = await Cluster.start(t, 2, { log: { level: 'debug', format: 'json' } });
  const [n1, n2] = cluster.nodes;
  const lines = (node, event) => node.logged(event).map((l) => JSON.parse(l));
  const session = await Session.open(n1.mcp);
  const call = session.message('tools/call', { name: 'quick', arguments: { key: 'k', value: 'v' } }, 'client-1');
  await at(session, n2).post(call);
  const [entry] = await waitFor('the line of the entry', () => { const all = lines(n2, 'request.relayed').filter((l) => l.method === 'tools/call'); return all.length && all; });
  const [answered] = await waitFor('the line of the answer', () => { const all = lines(n1, 'call.answered'); return all.length && all; });
  assert.deepEqual([entry.session, entry.request, entry.to, entry.again], [session.id.slice(0, 8), '"client-1"', 'n1', 'no']);
  assert.deepEqual([answered.session, answered.request], [entry.session, entry.request]);
  const { words } = await new Admin(n2.admin).get(`/v1/executions/${answered.execution}/explain`);
  assert.equal(words.at(-1), 'It succeeded.');
  assert.equal(n1.logged('request.relayed').length, 0);
  await at(session, n2).request('tools/call', { name: 'quick', arguments: { key: 'k2', value: 'v' } }, { headers: { traceparent: sampled } });
  await waitFor('a line with its trace', () => lines(n2, 'request.relayed').some((l) => l.trace === id));
});

test('spans of a call tell where it went, across two nodes', clustered, async (t) => {
  const collector = await startCollector(t);
  const traces = { endpoint: collector.url, sample: 0, interval: '50ms', headers: { 'X-Token': 'let-me-in' } };
  const cluster = await Cluster.start(t, 2, { traces });
  const session = await Session.open(cluster.nodes[0].mcp);
  const answer = await at(session, cluster.nodes[1]).call('quick', { key: 'k', value: 'v' }, { headers: { traceparent: sampled }, meta: { traceparent: sampled } });
  assert.equal(answer.content[0].text, 'k: v');
  const named = (name, node) => collector.spans.find((s) => s.name === name && s.node === node && s.traceId === id);
  const all = await waitFor('all spans', () => {
    const found = {
      ingress: named('POST /mcp', 'n2'), relay: named('relay', 'n2'), peer: named('POST /peer/mcp', 'n1'),
      execution: named('execute tools/call', 'n1'), upstream: named('tools/call up', 'n1'), commit: named('commit', 'n1'),
    };
    return Object.values(found).every(Boolean) && found;
  }, 10_000);
  assert.equal(all.ingress.parentSpanId, caller);
  assert.equal(all.relay.parentSpanId, all.ingress.spanId);
  assert.equal(all.peer.parentSpanId, all.relay.spanId);
  assert.equal(all.execution.parentSpanId, all.peer.spanId);
  assert.equal(all.upstream.parentSpanId, all.execution.spanId);
  for (const s of collector.spans.filter((s) => s.name === 'commit')) assert.equal(s.parentSpanId, all.execution.spanId);
  assert.deepEqual([all.ingress.kind, all.relay.kind, all.peer.kind, all.execution.kind, all.upstream.kind], [2, 3, 2, 1, 3]);
  assert.equal(all.execution.is['holdfast.outcome'], 'succeeded');
  assert.equal(all.ingress.is['http.response.status_code'], '200');
  for (const s of collector.spans) assert.ok(BigInt(s.endTimeUnixNano) >= BigInt(s.startTimeUnixNano), s.name);
  assert.equal(collector.headers[0]['x-token'], 'let-me-in');
  // Nobody said that the first two are to be traced.
  await session.call('quick', { key: 'k2', value: 'v' });
  await session.call('quick', { key: 'k3', value: 'v' }, { headers: { traceparent: unsampled.replace(id, 'b'.repeat(32)) } });
  await session.call('quick', { key: 'k4', value: 'v' }, { headers: { traceparent: sampled.replace(id, 'a'.repeat(32)) } });
  await waitFor('the last one', () => collector.spans.some((s) => s.traceId === 'a'.repeat(32) && s.name === 'POST /mcp'), 10_000);
  assert.deepEqual([...new Set(collector.spans.map((s) => s.traceId))].sort(), [id, 'a'.repeat(32)]);
});

test('an upstream sees the span of its call as its parent', gatewayOnly, async (t) => {
  const collector = await startCollector(t);
  const proxy = await startProxy(t, (await startFixture(t)).url);
  const node = await startNode(t, { traces: { endpoint: collector.url, sample: 1, interval: '50ms' }, upstreams: { fixture: { url: proxy.url } } });
  const session = await Session.open(node.mcp);
  await session.result('tools/call', echo('a', { traceparent: sampled }));
  await session.result('tools/call', echo('b'));
  const spans = await waitFor('the spans of both', () => {
    const found = collector.spans.filter((s) => s.name === 'tools/call fixture');
    return found.length === 2 && found;
  }, 10_000);
  for (const [i, call] of callsOf(proxy).entries()) {
    const [, trace, parent, flags] = call.headers.traceparent.split('-');
    const span = spans.find((s) => s.spanId === parent);
    assert.equal(span?.traceId, trace);
    assert.equal(flags, '01');
    if (i === 0) assert.equal(call.body.params._meta.traceparent, call.headers.traceparent, 'brought up to date in the message, too');
    else assert.notEqual(trace, id, 'a trace of its own, by chance of 1');
  }
});

test('a collector that does not answer costs its spans, and nothing else', gatewayOnly, async (t) => {
  const collector = await startCollector(t);
  collector.status = 503;
  const node = await startNode(t, {
    traces: { endpoint: collector.url, sample: 1, interval: '1s', queue_max: 4 }, log: { format: 'json' },
    upstreams: { fixture: { url: (await startFixture(t)).url } },
  });
  const session = await Session.open(node.mcp);
  await Promise.all(Array.from({ length: 20 }, (_, i) => session.result('tools/call', echo(`${i}`))));
  const text = await waitFor('spans to be dropped', async () => {
    const now = await metricsOf(node);
    return valueOf(now, 'holdfast_spans_total', { outcome: 'failed' }) > 0 && valueOf(now, 'holdfast_spans_total', { outcome: 'dropped' }) > 0 && now;
  }, 10_000);
  assert.equal(valueOf(text, 'holdfast_spans_total', { outcome: 'sent' }), 0);
  assert.equal(valueOf(text, 'holdfast_requests_total', { method: 'tools/call', outcome: 'ok' }), 20);
  await waitFor('a line that tells', () => node.stderr.includes('"traces.not_sent"'));
});

test('the level of the log changes with SIGUSR1', gatewayOnly, async (t) => {
  const node = await startNode(t, { log: { format: 'json' }, upstreams: { fixture: { url: (await startFixture(t)).url } } });
  const session = await Session.open(node.mcp);
  await session.result('tools/call', echo('quiet'));
  node.signal('SIGUSR1');
  await node.says(/"event":"log\.level","now":"debug"/);
  await session.result('tools/call', echo('loud'));
  await node.says(/"call\.answered"/);
  assert.equal(node.stderr.split('"call.answered"').length, 2, 'only what came after it');
  node.signal('SIGUSR1');
  await waitFor('the level of before', () => (node.stderr.match(/"log\.level"/g) ?? []).length === 2);
  await session.result('tools/call', echo('quiet again'));
  await session.result('ping');
  assert.equal(node.stderr.split('"call.answered"').length, 2);
});
