// A cluster in which nodes are killed, frozen, stopped, cut off and added, over a store in trouble: nothing that was
// acknowledged is lost, nothing runs twice, and all sessions go on.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { slowness } from '../integration/support/processes.mjs';
import { begin } from '../crash/load.mjs';
import { seed } from '../crash/stage.mjs';
import { kinds, kindsOver, planned, shown } from './plan.mjs';
import { ClusterStage } from './stage.mjs';

const seconds = Number(process.env.CHAOS_SECONDS ?? 60);
const alone = Number(process.env.CHAOS_ALONE ?? 8);
const chosen = process.env.CHAOS_KINDS?.split(',') ?? Object.keys(kinds);
const sessions = Number(process.env.CHAOS_SESSIONS ?? (slowness > 1 ? 60 : 200));
const size = 3;
/// How much of the time a mixed run takes, over each kind of store.
const mixed = { redis: 2 / 3, sentinels: 1 / 3 };

/// Carries out a plan under load and lets the checker judge.
async function under(t, over, plan, count) {
  t.diagnostic(`seed ${seed}: ${plan.map(shown).join('; ')}`);
  const stage = await ClusterStage.set(t, { size, over, sessions: count });
  const stop = begin(stage.clients, { seed, lanes: 1 });
  const close = stage.receive(seed);
  try {
    await sleep(500);
    const lasts = (plan.at(-1)?.at ?? 0) / 1000;
    await stage.step('what was planned', 2 * lasts + 30 * slowness, () => stage.suffer(plan));
    t.diagnostic(`${await stage.step('coming to rest', 15 * slowness, () => stage.rest())}`);
    await sleep(500);
    await stage.step('ending the load', 60, () => Promise.all([stop(), close()]));
  } finally {
    // Also where a step has failed: a load that goes on would keep this process for ever.
    Promise.allSettled([stop(), close()]);
  }
  if (stage.stalls.length) t.diagnostic(`this process stood still ${stage.stalls.length} times, for up to ${Math.max(...stage.stalls.map(({ at, until }) => until - at))} ms`);
  await stage.step('hearing of a change', 10 * slowness, () => stage.announce());
  await stage.approve(t);
}

for (const kind of chosen) assert.ok(kinds[kind], `no such kind of fault: ${kind}; there are ${Object.keys(kinds).join(' ')}`);

describe('one kind of fault alone:', { skip: !alone }, () => {
  for (const kind of chosen) {
    const plan = planned({ seed, seconds: alone, size, only: [kind], gap: [500, 2500] });
    test(kind, (t) => under(t, kinds[kind].over ?? 'redis', plan, 30));
  }
});

describe('all of them,', { skip: !seconds }, () => {
  for (const [over, part] of Object.entries(mixed)) {
    const only = kindsOver(over).filter((kind) => chosen.includes(kind));
    if (only.length === 0) continue;
    test(`over ${over}`, (t) => under(t, over, planned({ seed, seconds: seconds * part, size, only }), sessions));
  }
});
