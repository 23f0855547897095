// Nodes in network namespaces of their own. The namespace of this process lies between them like a router, and has the store and
// the upstream. What it is told to lose is lost without a word: connections stay, new ones get no answer, and what was sent
// comes late, when TCP tries again.
import { readlinkSync, writeFileSync } from 'node:fs';
import { Process, run, waitFor } from '../integration/support/processes.mjs';

/// Whether this process has a namespace of its own, as run.sh gives it one where the system lets it.
export const hasNamespace = process.env.HOLDFAST_TEST_NAMESPACE === '1';

/// The rules of a router come in the order of these: what is lost goes before what is for this machine.
const order = { losses: '10', local: '100' };

/// `where` is what a command line begins with that is for another namespace.
async function ip(args, where = []) {
  const [command, ...rest] = [...where, 'ip', ...args];
  const done = await run(command, rest);
  if (done.code !== 0) throw new Error(`ip ${args.join(' ')}: ${done.stderr}`);
}

const namespaceOf = (pid) => readlinkSync(`/proc/${pid}/ns/net`);

/// The two ends of the link to a node. A namespace goes a while after its last process, so no number comes again.
const ends = (number) => [1, 2].map((end) => `10.78.${number >> 6}.${(number & 63) * 4 + end}`);
let last = 0;

export class Namespaces {
  /// Where these are for all nodes.
  store = '10.77.0.1';
  upstream = '10.77.0.2';

  nodes = new Map();  // by name: {link, own, holder}; those that have left, too
  losses = new Map();  // by rule: how many faults want it

  static async open(t) {
    const namespaces = new Namespaces();
    t.after(() => namespaces.close());
    for (const address of [namespaces.store, namespaces.upstream]) await ip(['address', 'add', `${address}/32`, 'dev', 'lo']);
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
    await ip(['rule', 'add', 'pref', order.local, 'lookup', 'local']);
    await ip(['rule', 'delete', 'pref', '0']);
    return namespaces;
  }

  /// A place for a node: its address, and what its command line begins with.
  async join(name) {
    const link = `node${++last}`;
    const [router, own] = ends(last);
    const holder = new Process('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--net', 'sleep', 'infinity']);
    this.nodes.set(name, { link, own, holder });
    await waitFor('a namespace', () => namespaceOf(holder.pid) !== namespaceOf('self'));
    const enter = ['nsenter', `--net=/proc/${holder.pid}/ns/net`];
    await ip(['link', 'add', link, 'type', 'veth', 'peer', 'name', 'router', 'netns', String(holder.pid)]);
    await ip(['address', 'add', `${router}/30`, 'dev', link]);
    await ip(['link', 'set', link, 'up']);
    await ip(['address', 'add', `${own}/30`, 'dev', 'router'], enter);
    for (const device of ['lo', 'router']) await ip(['link', 'set', device, 'up'], enter);
    await ip(['route', 'add', 'default', 'via', router], enter);
    return { host: own, enter };
  }

  /// Loses what `from` sends to `to`, one of which may be `store`, until the function that it gives back is called.
  async lose(from, to) {
    const rule = this.rule(from, to);
    const key = rule.join(' ');
    const count = (by) => {
      this.losses.set(key, (this.losses.get(key) ?? 0) + by);
      return this.losses.get(key);
    };
    if (count(1) === 1) await ip(['rule', 'add', ...rule]);
    return async () => { if (count(-1) === 0) await ip(['rule', 'delete', ...rule]); };
  }

  rule(from, to) {
    const source = from === 'store' ? ['iif', 'lo', 'from', this.store] : ['iif', this.nodes.get(from).link];
    const destination = to === 'store' ? this.store : this.nodes.get(to).own;
    return ['pref', order.losses, ...source, 'to', destination, 'blackhole'];
  }

  /// Its link goes with its namespace. What is known of it stays for faults that are not over.
  leave(name) { return this.nodes.get(name).holder.kill(); }

  async close() {
    for (const name of this.nodes.keys()) await this.leave(name);
    await ip(['rule', 'add', 'pref', '0', 'lookup', 'local']);
    await ip(['rule', 'delete', 'pref', order.local]);
    for (const address of [this.store, this.upstream]) await ip(['address', 'delete', `${address}/32`, 'dev', 'lo']);
  }
}
