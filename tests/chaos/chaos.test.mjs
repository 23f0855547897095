// A cluster in which nodes are killed, frozen, stopped, cut off and added, over a store in trouble: nothing that was
// acknowledged is lost, nothing runs twice, and all sessions go on.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { slowness } from '../integration/support/processes.mjs';
import { begin } from '../crash/load.mjs';
import { seed } from '../crash/stage.mjs';
import { hasNamespace } from './namespaces.mjs';
import { kinds, kindsOver, planned, shown } from './plan.mjs';
import { ClusterStage } from './stage.mjs';

const seconds = Number(process.env.CHAOS_SECONDS ?? 60);
const alone = Number(process.env.CHAOS_ALONE ?? 8);
const chosen = process.env.CHAOS_KINDS?.split(',') ?? Object.keys(kinds);
const sessions = Number(process.env.CHAOS_SESSIONS ?? (slowness > 1 ? 60 : 200));
const size = 3;
/// The longest pause of so many sessions between two calls: all that they send and get passes through this process, which has to
/// keep up, so that what is slow is the cluster. A slow build makes them pause by itself.
const pauseOf = (count) => (slowness > 1 ? 20 : 20 * count);
/// The mixed runs that there are for the chosen kinds, and how much of the time each takes, to the others.
const mixed = [
  { over: 'redis', on: 'relays', part: 2 },
  { over: 'sentinels', on: 'relays', part: 1 },
  { over: 'redis', on: 'namespaces', part: 1 },
].map((run) => ({ ...run, only: kindsOver(run.over, run.on).filter((kind) => chosen.includes(kind)) })).filter(({ only }) => only.length > 0);
const parts = mixed.reduce((sum, { part }) => sum + part, 0);
const skip = (ground) => ground === 'namespaces' && !hasNamespace && 'no network namespaces here';

/// Carries out a plan for so many seconds under the load of `count` sessions, and lets the checker judge.
async function under(t, { over, on, plan, lasts, count }) {
  t.diagnostic(`seed ${seed}: ${plan.map(shown).join('; ')}`);
  const stage = await ClusterStage.set(t, { size, over, on, sessions: count });
  const stop = begin(stage.clients, { seed, lanes: 1, pauseMs: pauseOf(count) });
  const close = stage.receive(seed);
  try {
    await sleep(500);
    await stage.step('what was planned', lasts + 60 * slowness, () => stage.suffer(plan, lasts * 1000));
    t.diagnostic(`${await stage.step('coming to rest', 15 * slowness, () => stage.rest())}`);
    await sleep(500);
    await stage.step('ending the load', 60, () => Promise.all([stop(), close()]));
  } finally {
    // Also where a step has failed: a load that goes on would keep this process for ever.
    Promise.allSettled([stop(), close()]);
  }
  t.diagnostic(`${stage.faults.length} faults`);
  if (stage.stalls.length) t.diagnostic(`this process stood still ${stage.stalls.length} times, for up to ${Math.max(...stage.stalls.map(({ at, until }) => until - at))} ms`);
  await stage.step('hearing of a change', 10 * slowness, () => stage.announce());
  await stage.approve(t);
}

for (const kind of chosen) assert.ok(kinds[kind], `no such kind of fault: ${kind}; there are ${Object.keys(kinds).join(' ')}`);

describe('one kind of fault alone:', { skip: !alone }, () => {
  for (const kind of chosen) {
    const plan = planned({ seed, seconds: alone, size, only: [kind], gap: [500, 2500] });
    const { over = 'redis', by: on = 'relays' } = kinds[kind];
    test(kind, { skip: skip(on) }, (t) => under(t, { over, on, plan, lasts: alone, count: 30 }));
  }
});

describe('all of them,', { skip: !seconds }, () => {
  for (const { over, on, part, only } of mixed) {
    const lasts = (seconds * part) / parts;
    const plan = planned({ seed, seconds: lasts, size, only });
    test(`over ${over}, ${on}`, { skip: skip(on) }, (t) => under(t, { over, on, plan, lasts, count: sessions }));
  }
});
