// What the nodes under test keep their sessions in: HOLDFAST_TEST_STORE, see run.sh.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const storeKind = process.env.HOLDFAST_TEST_STORE || 'memory';

let nodes = 0;
const stores = {
  memory: () => 'memory:',
  sqlite: (folder) => `sqlite:${path.join(folder, 'holdfast.db')}`,
  redis: () => {
    assert.ok(process.env.HOLDFAST_TEST_REDIS, 'run.sh starts the Redis for these tests');
    return { url: process.env.HOLDFAST_TEST_REDIS, prefix: `test-${process.pid}-${++nodes}` };
  },
};
assert.ok(stores[storeKind], `HOLDFAST_TEST_STORE=${storeKind} is none of ${Object.keys(stores).join(', ')}`);

/// What one node keeps: `store` for its configuration, `env` for its process, where the store of a node that is told none
/// lands in the same folder. `remove` it once the node has ended.
export function keepsOfNode() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-state-'));
  return {
    store: stores[storeKind](folder),
    env: { ...process.env, XDG_STATE_HOME: folder },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
