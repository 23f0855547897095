// Several nodes over one Redis.
import { setTimeout as sleep } from 'node:timers/promises';
import { Node, startRecording, Store } from './lives.mjs';
import { direct, freePort, waitFor } from './processes.mjs';
import { storeKind } from './stores.mjs';

/// The options of tests that need them.
export const clustered = storeKind === 'redis' && !direct ? {} : { skip: 'needs HOLDFAST_TEST_STORE=redis' };
export const secret = 'a-secret-of-the-cluster';

/// Nodes n1, n2, … of one cluster, with one upstream.
export class Cluster {
  nodes = [];

  /// `config`: what all nodes have in theirs, or a function of the cluster that says it.
  static async start(t, size, config = {}) {
    const cluster = new this();
    cluster.t = t;
    cluster.store = new Store(t);
    cluster.config = typeof config === 'function' ? config(cluster) : config;
    cluster.upstream = await startRecording(t);
    for (let i = 0; i < size; ++i) await cluster.add();
    await cluster.settled();
    return cluster;
  }

  async add() {
    const name = `n${this.nodes.length + 1}`;
    const peers = await freePort();
    const { cluster, ...rest } = this.config;
    const node = await Node.start(this.t, {
      store: this.store.config(),
      upstreams: { up: { url: this.upstream.url } },
      cluster: { listen: `127.0.0.1:${peers}`, name, secret, ...cluster },
      ...rest,
    });
    Object.assign(node, { name, peers });
    this.nodes.push(node);
    return node;
  }

  get alive() { return this.nodes.filter((n) => !n.killed && !n.frozen && !n.process.exit); }

  /// Every slot has its owner and stays with it, and all agree on who is there.
  async settled(nodes = this.alive) {
    let before = '';
    await waitFor('a cluster at rest', async () => {
      const all = await Promise.all(nodes.map(async (n) => (await n.health()).cluster));
      const complete = all.every((c) => c.members.length === nodes.length && c.slots > 0) && all.reduce((sum, c) => sum + c.slots, 0) === 1024;
      const now = JSON.stringify(all);
      const still = complete && now === before;
      before = now;
      if (!still) await sleep(150);
      return still;
    }, 30_000);
  }
}

/// The session as another node is asked for it.
export const at = (session, node) => Object.create(session, {
  url: { value: node.mcp },
  next: { get: () => session.next, set: (id) => { session.next = id; } },
});
