// A node that is killed in the middle of its work, again and again, and a store in trouble: nothing that was
// acknowledged is lost, nothing runs twice, nobody has to begin anew.
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { begin } from './load.mjs';
import { hasHooks } from './node.mjs';
import { random } from './random.mjs';
import { seed, Stage, storeName } from './stage.mjs';

const crashes = Number(process.env.CRASHES ?? 30);
const hooked = hasHooks() ? {} : { skip: 'holdfastd was built without HOLDFAST_TEST_HOOKS' };
const redisOnly = storeName === 'redis' ? {} : { skip: 'is about Redis' };

/// In the order in which a call passes them.
const points = ['before_intent', 'after_intent', 'after_dispatch', 'before_result', 'after_result', 'after_reply'];

/// Runs `trouble` under load and lets the checker judge.
async function under(t, trouble, options) {
  t.diagnostic(`seed ${seed}`);
  const stage = await Stage.set(t, options);
  const stop = begin(stage.clients, { seed });
  await sleep(500);
  await trouble(stage, random(seed));
  await stop();
  await stage.announce();
  await stage.approve(t);
}

/// The same with the node killed in between.
async function withCrashes(stage, choose, times, [low, high] = [200, 800]) {
  for (let i = 0; i < times; ++i) {
    await sleep(choose.between(low, high));
    await stage.crash();
  }
}

describe(`kill -9 of the node, ${storeName}`, () => {
  test('at random moments', (t) => under(t, (stage, choose) => withCrashes(stage, choose, crashes)));

  test('again before it has come to rest', (t) => under(t, (stage, choose) => withCrashes(stage, choose, 8, [0, 60])));

  for (const point of points) {
    test(`at ${point}`, hooked, (t) => under(t, (stage, choose) => stage.crashAt([[point, 1], [point, choose.between(2, 60)]])));
  }
});

test('connections that break do no harm while the node lives', (t) => under(t, async (stage) => {
  for (let i = 0; i < 30; ++i) {
    await sleep(100);
    stage.front.cut();
  }
}, { fronted: true }));

describe('trouble with Redis', redisOnly, () => {
  for (const killing of [false, true]) {
    const also = killing ? ', and the node is killed' : '';
    const perhapsCrash = (stage) => (killing ? stage.node.crash() : undefined);
    const perhapsStart = (stage) => (killing ? stage.node.start() : undefined);

    test(`it is killed and restarted${also}`, (t) => under(t, async (stage, choose) => {
      for (let i = 0; i < 4; ++i) {
        await stage.redis.crash();
        await perhapsCrash(stage);
        await sleep(choose.between(0, 500));
        await stage.redis.start();
        await perhapsStart(stage);
        await sleep(choose.between(200, 800));
      }
    }));

    test(`it pauses for 3 s${also}`, (t) => under(t, async (stage) => {
      await stage.redis.command('CLIENT', 'PAUSE', '3000');
      await sleep(300);
      await perhapsCrash(stage);
      await perhapsStart(stage);
      await sleep(3500);
    }));

    test(`its scripts and functions are flushed all the time${also}`, (t) => under(t, async (stage, choose) => {
      const stops = [stage.redis.repeat(100, 'SCRIPT', 'FLUSH'), stage.redis.repeat(100, 'FUNCTION', 'FLUSH')];
      await (killing ? withCrashes(stage, choose, 5) : sleep(3000));
      for (const stop of stops) await stop();
    }));
  }
});
