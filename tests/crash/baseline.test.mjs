// The suite itself: without trouble nothing is wrong with a node, and clients without a node get by with an upstream.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { check, summary } from './checker.mjs';
import { Client } from './client.mjs';
import { begin } from './load.mjs';
import { commitsFile, hasHooks } from './node.mjs';
import { readRecord } from './record.mjs';
import { Relay } from './relay.mjs';
import { listed, seed, Stage, startUpstream } from './stage.mjs';

test('nothing is wrong with a run in which nothing is killed', async (t) => {
  t.diagnostic(`seed ${seed}`);
  const stage = await Stage.set(t, { says: true });
  const stop = begin(stage.clients, { seed });
  await sleep(4000);
  await stop();
  await stage.announce();
  await stage.approve(t);
  // Without them there would be nothing for the rules about owners to look at.
  if (hasHooks()) assert.ok(readRecord(commitsFile(stage.folder)).length > 0, 'no commit was noted');
});

test('a client whose connections break resumes what it has begun', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-crash-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const upstream = await startUpstream(path.join(folder, 'record'));
  t.after(() => upstream.kill());
  const relay = await Relay.open(t, 0, Number(new URL(upstream.url).port));
  const clients = [];
  for (let i = 0; i < 4; ++i) {
    clients.push(await new Client(`s${i}`, `http://127.0.0.1:${relay.port}/mcp`, { sampling: true, retryMs: 20 }).open());
  }
  t.after(() => Promise.all(clients.map((client) => client.close())));
  const stop = begin(clients, { seed, mix: { slow: 3, ask: 1 } });
  for (let i = 0; i < 20; ++i) {
    await sleep(100);
    relay.cut();
  }
  await stop();
  for (const client of clients) client.record.alive = await client.ping();
  const run = { clients: clients.map((client) => client.record), executions: readRecord(path.join(folder, 'record')), crashes: [], config: {} };
  t.diagnostic(summary(run));
  // Only a gateway knows a request that is sent again.
  const violations = check(run).filter(({ rule }) => !['nothing is executed twice', 'a call keeps to one stream'].includes(rule));
  assert.deepEqual(violations, [], listed(violations));
  assert.ok(run.clients.every((client) => client.calls.some((call) => call.attempts.some((a) => a.how === 'resume'))));
});
