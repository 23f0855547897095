// The rules that keep a cluster true, one by one: with a rule taken out of its nodes the checker finds what goes wrong,
// and with it in place the very same trouble does no harm.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { slowness, waitFor } from '../integration/support/processes.mjs';
import { check, summary } from '../crash/checker.mjs';
import { begin } from '../crash/load.mjs';
import { hasHooks } from '../crash/node.mjs';
import { listed, seed } from '../crash/stage.mjs';
import { ClusterStage } from './stage.mjs';

const hooked = hasHooks() ? {} : { skip: 'holdfastd was built without HOLDFAST_TEST_HOOKS' };
/// Whether it goes wrong is a matter of chance: `vouched` shows in one round of three or four.
const rounds = 30;

/// Until nobody but so many nodes has a slot.
const shared = (stage, nodes) => waitFor(`${nodes} nodes to have all slots`, async () => {
  const { free, members } = await stage.owners.look().catch(() => ({ free: 1, members: [] }));
  return free === 0 && members.length === nodes;
}, 20_000);

const scenarios = {
  // A node dies with calls at their upstream, and whoever goes on with their sessions is asked for them.
  intent: {
    shows: ['nothing is executed twice'],
    mix: { count: 1, count_slow: 2 },
    trouble: async (stage) => {
      const node = stage.find('n1');
      await stage.during('kill', node, async () => {
        await node.crash();
        await stage.start(node, { HOLDFAST_TEST_CRASH_AT: 'after_dispatch:3' });
        assert.ok(await node.crashesItself('after_dispatch', 10_000 * slowness), 'the node never dispatched three calls');
      });
      await stage.start(node);
    },
  },

  // Redis stands still, so that nothing becomes durable; what leaves a node now is gone with both.
  gate: {
    shows: ['nothing is executed twice', 'no resumption is refused', 'no event comes twice'],
    mix: { count: 40, count_slow: 2 },
    trouble: async (stage) => {
      const node = stage.find('n1');
      stage.redis.freeze();
      await sleep(400);
      await stage.during('kill', node, async () => {
        await node.crash();
        await stage.redis.crash();
        await stage.redis.start();
        await sleep(300);
      });
      await stage.start(node);
    },
  },

  // A node stands still with calls that are not yet written down, which comes to pass when its sessions are elsewhere.
  fence: {
    shows: ['nothing is executed twice', 'a sequence of an entity has one owner', 'owners of an entity follow one another'],
    mix: { count: 1 },
    trouble: async (stage) => {
      const node = stage.find('n1');
      node.way.hold(true);
      await sleep(200);
      await stage.during('freeze', node, async () => {
        await node.process.freeze();
        await shared(stage, 2);
        await sleep(500);
        node.way.hold(false);
        await sleep(200);
        node.process.signal('SIGCONT');
        await shared(stage, 3);
      });
    },
  },

  // A node comes, and stands still when it has decided what to take; that is somebody else's when it goes on.
  view: {
    shows: ['nobody who is dead takes a slot from the living'],
    mix: { count: 1 },
    trouble: async (stage) => {
      const node = stage.find('n3');
      await stage.during('kill', node, async () => {
        await node.crash();
        await shared(stage, 2);
        await stage.start(node, { HOLDFAST_TEST_STOP_AT: 'before_claim:1' });
        await node.stopsItself(10_000);
        await shared(stage, 2);
        await sleep(500);
        node.process.signal('SIGCONT');
        // What it takes is soon taken back.
        for (const end = Date.now() + 1000; Date.now() < end; await sleep(10)) await stage.owners.look();
      });
    },
  },

  // A node is cut off from the others, not from its clients, nor from the store. Sessions that it had end elsewhere.
  vouched: {
    shows: ['a session that was ended stays so'],
    mix: { count: 1 },
    trouble: async (stage) => {
      const node = stage.find('n1');
      const visitors = await stage.invite(30);
      await stage.during('isolate', node, async () => {
        const isolated = stage.isolate({ ms: 1800 }, node);
        await shared(stage, 2);
        await Promise.all(visitors.map((visitor) => visitor.leave()));
        await isolated;
      });
      await shared(stage, 3);
    },
  },

  // The machine stands still: whoever goes on has heard nothing of the others, who are as well as it is.
  grace: {
    shows: ['nobody is dead who was well'],
    mix: { count: 1 },
    size: 2,
    trouble: async (stage) => {
      await Promise.all(stage.nodes.map((node) => node.process.freeze()));
      await sleep(2000);
      for (const node of stage.nodes) node.process.signal('SIGCONT');
      await sleep(1000);
    },
  },
};

/// One run of a scenario: what the checker says of it.
async function play(t, { mix, trouble, size }, without) {
  const stage = await ClusterStage.set(t, {
    size, sessions: 9, exact: true, ends: !without, hooks: without ? { HOLDFAST_TEST_WITHOUT: without } : {},
    clientOptions: { callMs: without ? 5000 : 30_000, headMs: without ? 3000 : 20_000 },
  });
  const stop = begin(stage.clients, { seed, mix });
  await sleep(300);
  await trouble(stage);
  await sleep(300);
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
