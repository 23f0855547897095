// The suite itself: without any trouble nothing is wrong, whatever the store.
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { begin } from './load.mjs';
import { seed, Stage } from './stage.mjs';

test('nothing is wrong with a run in which nothing is killed', async (t) => {
  t.diagnostic(`seed ${seed}`);
  const stage = await Stage.set(t, { store: process.env.HOLDFAST_TEST_STORE ?? 'memory', says: true });
  const stop = begin(stage.clients, { seed });
  await sleep(4000);
  await stop();
  await stage.ownStreamsLive();
  await stage.approve(t);
});
