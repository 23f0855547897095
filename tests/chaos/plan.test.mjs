// What the faults of a run follow from.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kinds, kindsOver, planned, shown } from './plan.mjs';

const hour = { seed: 7, seconds: 3600, size: 3 };

test('a seed repeats a plan, another one makes another', () => {
  assert.deepEqual(planned(hour), planned(hour));
  assert.notDeepEqual(planned(hour), planned({ ...hour, seed: 8 }));
});

test('a long plan has faults of every kind, the likelier ones more often', () => {
  const times = (kind) => planned(hour).filter((fault) => fault.kind === kind).length;
  for (const kind of Object.keys(kinds)) assert.ok(times(kind) > 0, kind);
  assert.ok(times('kill') > times('redis_restart'));
});

test('a plan has only the kinds that it may have', () => {
  const plan = planned({ ...hour, only: ['freeze', 'drain'] });
  assert.deepEqual([...new Set(plan.map((fault) => fault.kind))].sort(), ['drain', 'freeze']);
});

test('faults come one after the other, within the time, as far apart as they may', () => {
  const at = planned({ ...hour, gap: [100, 400] }).map((fault) => fault.at);
  assert.ok(at.every((time) => time < 3_600_000));
  const gaps = at.map((time, i) => time - (at[i - 1] ?? 0));
  assert.ok(gaps.every((gap) => gap >= 100 && gap <= 400));
});

test('each fault lasts as long as its kind may, and is of nodes that there are', () => {
  const nodes = ['n1', 'n2', 'n3'];
  for (const fault of planned(hour)) {
    const { ms: [least, most], on } = kinds[fault.kind];
    assert.ok(fault.ms >= least && fault.ms <= most, shown(fault));
    assert.equal(nodes.includes(fault.node), ['node', 'pair'].includes(on), shown(fault));
    assert.equal(nodes.includes(fault.other), on === 'pair', shown(fault));
    assert.notEqual(fault.other ?? 'none', fault.node, shown(fault));
  }
});

test('what can be done depends on the store and on what lies between the nodes', () => {
  const differ = (some, others) => some.filter((kind) => !others.includes(kind)).sort();
  const onRelays = kindsOver('redis');
  const inNamespaces = kindsOver('redis', 'namespaces');
  assert.deepEqual(differ(inNamespaces, onRelays), ['blackhole', 'link_blackhole', 'store_blackhole']);
  assert.ok(differ(onRelays, inNamespaces).includes('isolate'));
  assert.deepEqual(differ(kindsOver('sentinels'), onRelays), ['redis_failover']);
});

test('a node that stands still for a moment only counts as alive', () => {
  assert.equal(kinds.freeze.cuts({ ms: 300 }), false);
  assert.equal(kinds.freeze.cuts({ ms: 2000 }), true);
});

test('a fault is shown in one line', () => {
  assert.equal(shown({ at: 1500, kind: 'kill', ms: 300, node: 'n1' }), '1.5 s kill n1 300 ms');
  assert.equal(shown({ at: 1500, kind: 'link_cut', ms: 300, node: 'n1', other: 'n2', both: false }), '1.5 s link_cut n1 -> n2 300 ms');
});
