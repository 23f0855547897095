// The rules that keep state true, one by one: with a rule taken out of the node the checker finds what goes wrong, and
// with it in place the very same trouble does no harm.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { check, summary } from './checker.mjs';
import { begin } from './load.mjs';
import { hasHooks, Node } from './node.mjs';
import { listed, seed, Stage } from './stage.mjs';

const hooked = hasHooks() ? {} : { skip: 'holdfastd was built without HOLDFAST_TEST_HOOKS' };
const rounds = 5;

const scenarios = {
  // What was sent and is not known of is sent again when its client comes back for it.
  intent: {
    shows: ['nothing is executed twice'],
    mix: { count: 1, count_slow: 2 },
    trouble: (stage) => stage.crashAt([['after_dispatch', 3], ['after_dispatch', 8]]),
  },

  // Redis stands still, so that nothing becomes durable; what leaves the node now is gone with it.
  gate: {
    shows: ['nothing is executed twice', 'no resumption is refused', 'no event comes twice'],
    mix: { count: 40, count_slow: 2 },
    trouble: async (stage) => {
      await sleep(500);
      stage.redis.freeze();
      await sleep(400);
      await stage.node.crash('while Redis stood still');
      await stage.redis.crash();
      await stage.redis.start();
      await stage.node.start();
    },
  },

  // A node stands still, another one takes over, and the first one wakes up with requests that it has not read yet.
  fence: {
    shows: ['nothing is executed twice'],
    mix: { count: 1 },
    fronted: true,
    trouble: async (stage, t) => {
      const first = stage.node;
      t.after(() => first.abandon());
      first.process.signal('SIGSTOP');
      await sleep(200);
      const second = await Node.create(stage.folder, stage.config, first.hooks, 'second');
      second.crashes = first.crashes;
      second.crashes.push({ at: Date.now(), why: 'stopped' });
      await second.start();
      stage.front.to = second.port;
      stage.front.leave();
      stage.node = second;
      await sleep(500);
      first.process.signal('SIGCONT');
      await sleep(1000);
      await first.abandon();
      await stage.crash('after the first has woken up');
    },
  },

  // The replies of Redis are lost, so that commits which stand are made again.
  idempotent_commit: {
    shows: ['interrupted is only what a crash may have cut off', 'nothing is executed twice', 'every call has one outcome'],
    mix: { quick: 2, slow: 2, count: 2 },
    lossy: true,
    trouble: async (stage) => {
      for (let i = 0; i < 10; ++i) {
        await sleep(150);
        stage.lossy.losesReplies = true;
        await sleep(30);
        stage.lossy.cut();
        stage.lossy.losesReplies = false;
      }
    },
  },
};

/// One run of a scenario: what the checker says of it.
async function play(t, { mix, trouble, fronted, lossy }, without) {
  const stage = await Stage.set(t, {
    store: 'redis', sessions: 6, fronted, lossy, hooks: without ? { HOLDFAST_TEST_WITHOUT: without } : {},
    clientOptions: { callMs: without ? 5000 : 30_000, headMs: without ? 3000 : 20_000 },
  });
  const stop = begin(stage.clients, { seed, mix });
  await sleep(300);
  await trouble(stage, t);
  await sleep(500);
  await stop();
  const run = await stage.finish();
  t.diagnostic(summary(run));
  return check(run);
}

describe('the rule is needed:', hooked, () => {
  for (const [rule, scenario] of Object.entries(scenarios)) {
    test(`${rule}, with which all is well`, async (t) => {
      const violations = await play(t, scenario);
      assert.deepEqual(violations, [], listed(violations));
    });

    test(`${rule}, without which the checker finds what goes wrong`, async (t) => {
      for (let i = 0; i < rounds; ++i) {
        const violations = await play(t, scenario, rule);
        const shown = violations.filter((violation) => scenario.shows.includes(violation.rule));
        if (shown.length) return t.diagnostic(`round ${i + 1}: ${shown.length} times, as in: ${shown[0].what.slice(0, 200)}`);
      }
      return assert.fail(`nothing goes wrong without it in ${rounds} rounds`);
    });
  }
});
