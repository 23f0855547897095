// A cluster of which a node is killed every five seconds, and comes back: sessions may be slowed, and go on.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { failuresOf, revision, scenarios, suite } from './support/conformance.mjs';
import { killInTurn, nodesOfGateway, startCluster } from './support/launcher.mjs';
import { fileContext, startFixture, waitFor } from './support/processes.mjs';
import { sdks } from './support/sdk.mjs';

const seconds = 40;
const skip = nodesOfGateway > 1 ? false : 'needs HOLDFAST_TEST_NODES=3';

/// What a client may be told of a request whose node was killed: that it may have been carried out, or nothing at all.
const honest = /mayHaveRun|may have run|may have been carried out|fetch failed|terminated|other side closed|ECONNRESET|socket hang up/;

/// What a client of everyday does. Each either does it all, or throws.
const deeds = {
  'lists tools': async ({ client }) => {
    assert.ok((await client.listTools()).tools.some((tool) => tool.name === 'fixture_echo'));
  },
  'calls a tool': async ({ call }) => {
    assert.deepEqual((await call('fixture_echo', { value: 'hello' })).structuredContent.args, { value: 'hello' });
  },
  'hears progress, complete and in order': async ({ call }) => {
    const steps = [];
    await call('test_tool_with_progress', {}, { onprogress: (p) => steps.push(p.progress) });
    assert.deepEqual(steps, [0, 50, 100]);
  },
  'is asked during a call': async ({ call }) => {
    const { content } = await call('test_sampling', { prompt: 'what?' });
    assert.equal(content[0].text, 'LLM response: forty-two');
  },
  'reads a resource': async ({ client }) => {
    assert.match((await client.readResource({ uri: 'test://template/42/data' })).contents[0].text, /Data for ID: 42/);
  },
  'hears that a resource has changed': async ({ client, call, updates }) => {
    const uri = 'test://watched-resource';
    await client.subscribeResource({ uri });
    const before = updates.length;
    await call('test_touch_resource', { uri });
    await waitFor('the update', () => updates.length > before);
    await client.unsubscribeResource({ uri });
  },
  'completes an argument': async ({ client }) => {
    const { completion } = await client.complete({
      ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1', value: 'par' },
    });
    assert.deepEqual(completion.values, ['paris', 'park', 'party']);
  },
  'sets a log level': async ({ client }) => { await client.setLoggingLevel('error'); },
};

describe('while nodes are killed and come back', { skip, concurrency: 3 }, () => {
  const file = fileContext();
  const clients = {};
  let mcp;

  before(async () => {
    const fixture = await startFixture(file);
    const cluster = await startCluster(file, nodesOfGateway, { upstreams: { fixture: { url: fixture.url } } });
    ({ mcp } = cluster);
    for (const sdk of Object.keys(sdks)) {
      const updates = [];
      clients[sdk] = await sdks[sdk](file, mcp, {
        capabilities: { sampling: {} },
        handle: { 'sampling/createMessage': () => ({ role: 'assistant', model: 'test', content: { type: 'text', text: 'forty-two' } }) },
        on: { 'notifications/resources/updated': (params) => updates.push(params.uri) },
      });
      Object.assign(clients[sdk], { updates, id: clients[sdk].transport.sessionId });
    }
    const stop = killInTurn(cluster.launcher, cluster.nodes, 5000);
    file.after(async () => assert.ok((await stop()) > 5, 'hardly a node was killed'));
  });

  /// Does all of it again and again, until each has held and the time is over. `does` returns [[what, why it failed]].
  async function repeat(t, all, does) {
    const held = new Set();
    const end = Date.now() + seconds * 1000;
    let rounds = 0;
    for (; held.size < all || Date.now() < end; ++rounds) {
      assert.ok(Date.now() < end + seconds * 1000, `after ${rounds} rounds only these have held: ${[...held].join(', ')}`);
      for (const [what, why] of await does()) {
        if (why) {
          t.diagnostic(`round ${rounds}: ${what}: ${why}`);
          assert.match(why, honest, what);
        } else {
          held.add(what);
        }
      }
    }
    t.diagnostic(`${rounds} rounds`);
  }

  test(`all of ${revision} holds`, (t) => repeat(t, scenarios, async () => {
    const { checks, output } = await suite(t, mcp);
    assert.equal(Object.keys(checks).length, scenarios, output.slice(-3000));
    const failures = failuresOf(checks).map(({ scenario, why }) => [scenario, why]);
    const those = new Set(failures.map(([scenario]) => scenario));
    return [...failures, ...Object.keys(checks).filter((scenario) => !those.has(scenario)).map((scenario) => [scenario, ''])];
  }));

  for (const sdk of Object.keys(sdks)) {
    test(`a session of SDK ${sdk} goes on`, async (t) => {
      await repeat(t, Object.keys(deeds).length, async () => {
        const told = [];
        for (const [what, does] of Object.entries(deeds)) {
          told.push([what, await does(clients[sdk]).then(() => '', (error) => `${error.message} ${JSON.stringify(error.data ?? {})}`)]);
        }
        return told;
      });
      assert.equal(clients[sdk].transport.sessionId, clients[sdk].id);
    });
  }
});
