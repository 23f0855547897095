// What is done to a cluster, and when: all of it follows from a seed.
import { random } from '../crash/random.mjs';

/// Each kind of fault: how often it comes in a mixed plan, how long it lasts in ms, and whose it is.
///
/// `on` is a node, a pair of nodes (nothing gets from the first to the second; `both` ways or one), or the store.
/// `cuts` says whether the others may take the node for dead because of it. `over` is the one kind of store it is for:
/// `redis` alone, or one that `sentinels` look after; most do not care. `by` is who brings it about: the relays through which
/// nodes reach each other and the store, or a router between the `namespaces` that they are in; everything else needs neither.
export const kinds = {
  kill: { weight: 4, ms: [200, 2500], on: 'node', cuts: () => true },
  freeze: { weight: 4, ms: [200, 4000], on: 'node', cuts: ({ ms }) => ms > 700 },
  drain: { weight: 3, ms: [100, 1500], on: 'node', cuts: () => false },
  grow: { weight: 2, ms: [1500, 4000], on: 'nobody', cuts: () => false },
  redis_restart: { weight: 1, ms: [0, 600], on: 'store', over: 'redis', cuts: () => false },
  redis_pause: { weight: 2, ms: [300, 3000], on: 'store', over: 'redis', cuts: () => false },
  redis_failover: { weight: 2, ms: [0, 1000], on: 'store', over: 'sentinels', cuts: () => false },
  store_cut: { weight: 2, ms: [300, 3000], on: 'node', over: 'redis', by: 'relays', cuts: () => false },
  store_slow: { weight: 1, ms: [500, 3000], on: 'node', over: 'redis', by: 'relays', cuts: () => false },
  store_deaf: { weight: 1, ms: [30, 500], on: 'node', over: 'redis', by: 'relays', cuts: () => false },
  store_blackhole: { weight: 2, ms: [300, 4000], on: 'node', over: 'redis', by: 'namespaces', cuts: () => false },
  isolate: { weight: 2, ms: [300, 3000], on: 'node', by: 'relays', cuts: () => true },
  blackhole: { weight: 2, ms: [300, 4000], on: 'node', by: 'namespaces', cuts: () => true },
  link_cut: { weight: 2, ms: [300, 3000], on: 'pair', by: 'relays', cuts: () => false },
  link_blackhole: { weight: 2, ms: [300, 4000], on: 'pair', by: 'namespaces', cuts: () => false },
  link_held: { weight: 2, ms: [50, 800], on: 'node', by: 'relays', cuts: ({ ms }) => ms > 700 },
  link_slow: { weight: 1, ms: [500, 3000], on: 'node', by: 'relays', cuts: () => false },
  replies_lost: { weight: 1, ms: [30, 300], on: 'node', by: 'relays', cuts: () => true },
};

/// Those that can be done over a store, on such ground.
export const kindsOver = (store, ground = 'relays') => Object.keys(kinds).filter((kind) =>
  [undefined, store].includes(kinds[kind].over) && [undefined, ground].includes(kinds[kind].by));

/// [{at, kind, ms, node?, other?, both?}] for `seconds`, of these kinds only. `at` and `ms` are milliseconds.
export function planned({ seed, seconds, size, only = Object.keys(kinds), gap = [300, 2000] }) {
  const choose = random(seed);
  const weights = Object.fromEntries(only.map((kind) => [kind, kinds[kind].weight]));
  const faults = [];
  for (let at = choose.between(...gap); at < seconds * 1000; at += choose.between(...gap)) {
    const kind = choose.pick(weights);
    const fault = { at, kind, ms: choose.between(...kinds[kind].ms) };
    const node = choose.between(1, size);
    const step = choose.between(1, size - 1);
    const both = choose.chance(0.6);
    if (['node', 'pair'].includes(kinds[kind].on)) fault.node = `n${node}`;
    if (kinds[kind].on === 'pair') Object.assign(fault, { other: `n${((node - 1 + step) % size) + 1}`, both });
    faults.push(fault);
  }
  return faults;
}

export const shown = ({ at, kind, ms, node, other, both }) =>
  `${(at / 1000).toFixed(1)} s ${kind}${node ? ` ${node}` : ''}${other ? ` ${both ? '<->' : '->'} ${other}` : ''} ${ms} ms`;
