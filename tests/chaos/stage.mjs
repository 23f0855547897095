// A cluster of nodes behind a balancer, with what can be done to it.
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, slowness } from '../integration/support/processes.mjs';
import { Node } from '../crash/node.mjs';
import { random } from '../crash/random.mjs';
import { Relay } from '../crash/relay.mjs';
import { Scene } from '../crash/stage.mjs';
import { Front } from './front.mjs';
import { Namespaces } from './namespaces.mjs';
import { Owners } from './owners.mjs';
import { comesFrom, membersOf } from './peers.mjs';
import { kinds } from './plan.mjs';
import { Sentinels } from './sentinels.mjs';

const secret = 'a-secret-of-the-cluster';
/// Within which all must be well once nothing more happens.
const limits = slowness > 1 ? { slots: 8000, sessions: 20_000 } : { slots: 2000, sessions: 5000 };
/// How long after a fault has ended it may still make a node count as dead.
const afterwards = 1500 * slowness;
/// What a node without sessions may hold, in bytes, whatever it has gone through. A sanitizer keeps what is freed.
const memoryMax = 96e6;
/// One way, for a node whose connections are slow.
const slowStoreMs = 20;
const slowLinkMs = 40;
/// How far its own word that it stood still may be from its death.
const standstillMs = 2000;
/// All that passes between nodes and the store passes through this process: when it stands still for longer, so do they.
const stallMs = 150;
/// How long after that a node may count as dead because of it: beats that were held up come at once.
const stallEchoMs = 500 * slowness;
/// Slots that change hands no more for so long have come to where they belong.
const stillMs = 500;

export class ClusterStage extends Scene {
  nodes = [];
  faults = [];
  ends = [];
  hung = [];
  absences = [];
  stalls = [];
  memory = [];

  /// `over` is `redis`, or `sentinels`: a Redis that can fail over. `on` is what lies between the nodes and the store: `relays`,
  /// or a router between `namespaces`, for a Redis alone. With `exact` no death goes unexplained, however slow the build is.
  /// Without `ends` the sessions are left as they are.
  static async set(t, { size = 3, sessions = 12, over = 'redis', on = 'relays', exact = false, ends = true, hooks = {}, clientOptions = {} } = {}) {
    const stage = new ClusterStage();
    Object.assign(stage, { t, size, exact, farewells: ends, hooks });
    if (on === 'namespaces') stage.router = await Namespaces.open(t);
    await stage.lay(t, 'chaos', stage.router?.upstream);
    stage.noteStalls();
    if (over === 'sentinels') {
      stage.redis = new Sentinels(stage.folder);
      await stage.redis.start();
    } else {
      await (stage.router ? stage.startRedis(await freePort(), stage.router.store) : stage.startRedis());
    }
    stage.owners = new Owners(stage.redis);
    for (let i = 1; i <= size; ++i) await stage.add(`n${i}`);
    await stage.settled(30_000 * slowness);
    stage.front = await Front.open(t, () => stage.nodes.filter((node) => node.serves));
    stage.clientOptions = { headMs: 5000, callMs: 40_000, ...clientOptions };
    await stage.enter(sessions, stage.front.port, stage.clientOptions);
    return stage;
  }

  noteStalls() {
    let last = Date.now();
    const timer = setInterval(() => {
      const now = Date.now();
      if (now - last > stallMs) this.stalls.push({ at: last, until: now });
      last = now;
    }, 20);
    this.t.after(() => clearInterval(timer));
  }

  /// One more node.
  async add(name) {
    const node = await (this.router ? this.inNamespace(name) : this.behindRelays(name));
    node.faults = 0;
    this.nodes.push(node);
    await this.start(node);
    return node;
  }

  async inNamespace(name) {
    const place = await this.router.join(name);
    const listen = `${place.host}:${await freePort()}`;
    this.configure(`redis://${this.router.store}:${this.redis.port}`);
    return Node.create(this.folder, { ...this.config, cluster: { listen, name, secret } }, this.hooks, name, place);
  }

  /// Others reach it through the relay `link`, it reaches a Redis that is alone through `way`.
  async behindRelays(name) {
    const port = await freePort();
    const link = await Relay.open(this.t, 0, port);
    const relays = [link];
    if (this.redis.url) {
      this.configure({ url: this.redis.url, wait_replicas: 1 });
    } else {
      const socket = `${this.redis.socket}.${name}`;
      relays.push(await Relay.open(this.t, socket, this.redis.socket));
      this.configure(`unix:${socket}`);
    }
    const way = relays[1];
    const cluster = { listen: `127.0.0.1:${port}`, advertise: `127.0.0.1:${link.port}`, name, secret };
    const node = await Node.create(this.folder, { ...this.config, cluster }, this.hooks, name);
    for (const relay of relays) {
      relay.rules = [];
      relay.refuses = (near) => refusedBy(relay.rules, near);
    }
    return Object.assign(node, { way, link });
  }

  /// A session besides those that last.
  async welcome(number, options = {}) {
    const visitor = this.client(`v${number}`, this.front.port, { ...this.clientOptions, listens: false, visits: true, ...options });
    this.visitors.push(visitor);
    await visitor.open();
    return visitor;
  }

  invite(count) { return Promise.all(Array.from({ length: count }, (_, number) => this.welcome(number))); }

  /// A session that comes, calls something once and goes.
  async visit(number, choose) {
    const visitor = await this.welcome(number, { sampling: choose.chance(0.3), numericIds: choose.chance(0.5) });
    const [tool, args] = choose.chance(0.5) ? ['count', { counter: 'visits' }] : ['slow', { ms: 300, steps: 3 }];
    await visitor.call(tool, args);
    await visitor.leave();
  }

  /// One visit after the other until the returned function is called.
  receive(seed) {
    const choose = random(seed);
    let over = false;
    const running = (async () => {
      for (let number = 0; !over; ++number) {
        await this.visit(number, choose).catch((error) => this.hung.push(`v${number}: ${error.message}`));
        await sleep(choose.between(0, 100));
      }
    })();
    return () => { over = true; return running; };
  }

  async start(node, aim) {
    node.expected = aim !== undefined;
    await node.start(aim);
    node.serves = true;
    const away = this.absences.findLast((absence) => absence.node === node.name);
    if (away) away.until = Date.now();
    const { process } = node;
    process.exited.then((how) => {
      if (!node.expected && node.process === process) this.ends.push({ node: node.name, how: `${JSON.stringify(how)} ${process.stderr.slice(-2000)}` });
    });
  }

  /// Asks a node to go, which must end cleanly.
  async stop(node) {
    node.expected = true;
    // Who stops says so where it can; otherwise the others find out by themselves.
    this.absences.push({ node: node.name, at: Date.now(), until: Infinity });
    await node.stop();
    node.serves = false;
    const { code } = node.process.exit;
    if (code !== 0) this.ends.push({ node: node.name, how: `${JSON.stringify(node.process.exit)} ${node.process.stderr.slice(-2000)}` });
  }

  /// Until every slot has an owner who is a member, or for so long. How long it took.
  async settled(ms) {
    const began = Date.now();
    while (Date.now() < began + ms) {
      const { free, members } = await this.owners.look().catch(() => ({ free: 1, members: [] }));
      if (free === 0 && members.length === this.nodes.filter((node) => node.serves).length) return Date.now() - began;
      await sleep(50);
    }
    return Infinity;
  }

  /// Until no slot changes hands any more, or for so long: each is where it belongs then.
  async placed(ms) {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) {
      await this.owners.look().catch(() => {});
      if (Date.now() - this.owners.seen.at(-1).at >= stillMs) return;
    }
  }

  find(name) { return this.nodes.find((node) => node.name === name); }

  /// Carries out a plan, for so long. Where a fault has to wait for others to end, all that follow come later, too: there would
  /// be no pauses any more. What is left of the plan at the end is left out.
  async suffer(plan, ms) {
    const end = Date.now() + ms;
    const running = [];
    let last = 0;
    for (const fault of plan) {
      await sleep(fault.at - last);
      await this.bearable(fault);
      if (this.broken || Date.now() > end) break;
      last = fault.at;
      const inflicted = this.inflict(fault);
      // Others may wait for ever for what this one should have left.
      inflicted.catch(() => { this.broken = true; });
      running.push(inflicted);
    }
    await Promise.all(running);
  }

  /// Waits until nothing else is done to those concerned, and until one node at least stays well.
  async bearable(fault) {
    const those = [this.find(fault.node), this.find(fault.other)].filter(Boolean);
    const free = () => {
      if (kinds[fault.kind].on === 'store') return !this.storeIll;
      if (kinds[fault.kind].on === 'nobody') return !this.find('extra');
      const ill = this.nodes.filter((node) => node.name !== 'extra' && (node.faults > 0 || those.includes(node)));
      return those.every((node) => node.faults === 0) && (kinds[fault.kind].on === 'pair' || ill.length < this.size);
    };
    while (!this.broken && !free()) await sleep(50);
  }

  /// A fault that a test brings about by itself.
  async during(kind, node, does) {
    const entry = { kind, node: node.name, ms: 10_000, at: 0, began: Date.now() };
    this.faults.push(entry);
    node.expected = true;
    await does();
    entry.ended = Date.now();
    node.expected = node.process.exit !== undefined;
  }

  /// One fault, from its beginning to its end.
  async inflict(fault) {
    const those = [this.find(fault.node), this.find(fault.other)].filter(Boolean);
    const entry = { ...fault, began: Date.now() };
    this.faults.push(entry);
    for (const node of those) ++node.faults;
    if (kinds[fault.kind].on === 'store') this.storeIll = true;
    try {
      await this[fault.kind](fault, ...those);
    } finally {
      entry.ended = Date.now();
      for (const node of those) --node.faults;
      if (kinds[fault.kind].on === 'store') this.storeIll = false;
    }
  }

  async kill({ ms }, node) {
    node.expected = true;
    await node.crash();
    await sleep(ms);
    await this.start(node);
  }

  async freeze({ ms }, node) {
    await node.process.freeze();
    await sleep(ms);
    node.process.signal('SIGCONT');
    await sleep(200);
  }

  async drain({ ms }, node) {
    await this.stop(node);
    await sleep(ms);
    await this.start(node);
  }

  async grow({ ms }) {
    const node = await this.add('extra');
    await sleep(ms);
    await this.stop(node);
    this.nodes.splice(this.nodes.indexOf(node), 1);
    (this.former ??= []).push(node);
    node.way?.close();
    node.link?.close();
    await this.router?.leave(node.name);
  }

  async redis_restart({ ms }) {
    await this.redis.crash();
    await sleep(ms);
    await this.redis.start();
  }

  async redis_pause({ ms }) {
    await this.redis.command('CLIENT', 'PAUSE', String(ms));
    await sleep(ms);
  }

  async redis_failover({ ms }) { await this.redis.failOver(ms); }

  async store_slow({ ms }, node) { await this.slowed(node.way, slowStoreMs, ms); }
  async link_slow({ ms }, node) { await this.slowed(node.link, slowLinkMs, ms); }

  async slowed(relay, by, ms) {
    relay.delayMs = by;
    await sleep(ms);
    relay.delayMs = 0;
  }

  /// What the store answers is lost.
  async store_deaf({ ms }, node) { await this.deafened(node.way, ms); }

  async store_cut({ ms }, node) { await this.severed([{ relay: node.way }], ms); }

  async link_cut({ ms, both }, node, other) {
    const ways = [{ relay: other.link, from: node.process.pid }];
    if (both) ways.push({ relay: node.link, from: other.process.pid });
    await this.severed(ways, ms);
  }

  /// Nobody reaches it, and it reaches nobody; clients and the store do.
  async isolate({ ms }, node) {
    const others = this.nodes.filter((n) => n !== node);
    await this.severed([{ relay: node.link }, ...others.map((other) => ({ relay: other.link, from: node.process.pid }))], ms);
  }

  async blackhole({ ms }, node) {
    const others = [...this.nodes.filter((n) => n !== node).map((other) => other.name), 'store'];
    await this.swallowed(others.flatMap((other) => [[node.name, other], [other, node.name]]), ms);
  }

  async link_blackhole({ ms, both }, node, other) {
    await this.swallowed([[node.name, other.name], ...(both ? [[other.name, node.name]] : [])], ms);
  }

  async store_blackhole({ ms }, node) {
    await this.swallowed([[node.name, 'store'], ['store', node.name]], ms);
  }

  /// [[from, to]]: what these send to those is lost, and nobody is told.
  async swallowed(ways, ms) {
    const heals = [];
    for (const way of ways) heals.push(await this.router.lose(...way));
    await sleep(ms);
    for (const heal of heals) await heal();
  }

  async link_held({ ms }, node) {
    node.link.hold(true);
    await sleep(ms);
    node.link.hold(false);
  }

  async replies_lost({ ms }, node) { await this.deafened(node.link, ms); }

  async deafened(relay, ms) {
    relay.losesReplies = true;
    await sleep(ms);
    relay.cut();
    relay.losesReplies = false;
  }

  /// [{relay, from?}]: the connections that there are (of one process) are broken, new ones refused.
  async severed(ways, ms) {
    for (const way of ways) {
      way.relay.rules.push(way);
      way.relay.cut(way.from === undefined ? () => true : membersOf(way.from));
    }
    await sleep(ms);
    for (const way of ways) way.relay.rules.splice(way.relay.rules.indexOf(way), 1);
  }

  /// Once nothing more is done: how long until all is well again.
  async rest() {
    this.quiet = Date.now();
    const sessions = async (client) => {
      const end = this.quiet + 2 * limits.sessions;
      while (Date.now() < end) {
        if (await client.ping()) return Date.now() - this.quiet;
      }
      return Infinity;
    };
    const [slots, ...answered] = await Promise.all([this.settled(2 * limits.slots), ...this.clients.map(sessions)]);
    this.took = {
      slots: { took: slots, limit: limits.slots },
      sessions: { took: Math.max(...answered), limit: limits.sessions },
    };
    await this.placed(2 * limits.slots);
    return `slots after ${slots} ms, sessions after ${Math.max(...answered)} ms`;
  }

  /// Every session is ended; what there is of them then.
  async farewell() {
    await Promise.all(this.clients.map((client) => client.leave()));
    let left = [];
    for (const end = Date.now() + 2 * limits.sessions; ; await sleep(100)) {
      left = await this.leftovers().catch((error) => [error.message]);
      if (left.length === 0 || Date.now() > end) break;
    }
    this.left = left;
    this.memory = this.nodes.map(({ name, process }) => ({ node: name, bytes: process.memory('RssAnon'), limit: memoryMax }));
  }

  async leftovers() {
    // Sessions whose client never got to know of them are left to their time to live.
    const ended = new Set([...this.clients, ...this.visitors].filter(({ record }) => record.left?.at).map(({ id }) => id));
    const keys = (await this.redis.keys()).filter((key) => ended.has(key.split(':').at(-1)));
    const there = await Promise.all(this.nodes.map(async (node) => ({ of: node.name, ...(await node.health()) })));
    return [
      ...keys,
      ...there.filter(({ callsInFlight }) => callsInFlight > 0).map(({ of, callsInFlight }) => `${callsInFlight} calls in ${of}`),
    ];
  }

  async ended() {
    if (this.farewells && this.hung.length === 0) await this.farewell();
    await this.owners.stop();
    const stop = (node) => this.stop(node).catch((error) => this.ends.push({ node: node.name, how: error.message }));
    for (const node of this.nodes) await stop(node);
  }

  /// Does one step of a run, which must not take longer than so many seconds. What hangs is a violation; the run goes on
  /// without it, to its records.
  async step(what, seconds, does) {
    if (this.hung.length) return undefined;
    const late = Symbol(what);
    const timer = new AbortController();
    const limit = sleep(seconds * 1000, late, { signal: timer.signal }).catch(() => {});
    const came = await Promise.race([does(), limit]);
    timer.abort();
    if (came !== late) return came;
    const open = this.clients.flatMap(({ record }) => record.calls.filter((call) => call.ended === undefined).map((call) => call.key));
    this.hung.push(`${what} takes more than ${seconds} s; calls under way: ${open.join(' ')}`);
    return undefined;
  }

  records() {
    // Between those who are well, links that break cut nothing off; with others away, or only just back, they may.
    const beside = (a, b) => a !== b && a.began <= (b.ended ?? Infinity) && (a.ended ?? Infinity) + afterwards >= b.began;
    const helped = (fault) => this.faults.some((other) => other.node !== undefined && beside(other, fault));
    const cutting = this.faults.filter((fault) => kinds[fault.kind].cuts(fault) || (kinds[fault.kind].on === 'pair' && helped(fault)));
    const story = this.said('cluster.dead');
    // A slow build is starved where others are built, too: its nodes may die of nothing but that.
    const inexact = slowness > 1 && !this.exact;
    const crashes = [
      ...(inexact ? story.map(({ at, node }) => ({ at: at - afterwards, until: at + afterwards, why: `the death of ${node}` })) : []),
      ...cutting.map(({ kind, node, began, ended }) => ({ at: began, until: (ended ?? began) + afterwards, why: `${kind} ${node ?? ''}` })),
      ...this.stalls.map(({ at, until }) => ({ at, until: until + stallEchoMs, why: 'everything stood still' })),
    ];
    // Who does not reach the store does not hear who has gone and come again meanwhile.
    const blinds = ({ kind, node }, by) => kinds[kind].on === 'store' || (kind.startsWith('store_') && node === by);
    const blindSince = ({ at, by }) => Math.min(at, ...this.faults.filter((fault) =>
      blinds(fault, by) && fault.began <= at && (fault.ended ?? Infinity) + afterwards >= at).map((fault) => fault.began));
    const absent = (death) => this.absences.some((a) => a.node === death.node && a.at <= death.at && blindSince(death) <= a.until);
    const starved = this.said('cluster.was_starved');
    // On a busy machine a process may not run for as long as a frozen one.
    const stood = ({ at, node }) => starved.some((s) => s.by === node && Math.abs(s.at - at) < standstillMs);
    // What a node gives away may be claimed by who is declared dead meanwhile, where both were held up on their way to the store.
    const heldUp = ({ at }) => !this.exact && this.stalls.some((s) => s.at <= at && at <= s.until + stallEchoMs);
    const explained = (death) => absent(death) || stood(death) || crashes.some((crash) => crash.at <= death.at && death.at <= crash.until);
    return {
      left: this.left, memory: slowness > 1 ? [] : this.memory,
      crashes, faults: this.faults, views: this.owners.views, rest: this.took, ends: this.ends, hung: this.hung, story,
      owners: this.owners.seen.map((seen) => ({ ...seen, robs: seen.robs && !heldUp(seen) })),
      deaths: inexact ? [] : story.filter((death) => !explained(death)), passed: this.front.passed,
    };
  }

  /// What the nodes have logged of this event.
  said(event) {
    return [...this.nodes, ...(this.former ?? [])].flatMap((node) => node.output.split('\n').filter((line) => line.includes(`"${event}"`))
      .map((line) => JSON.parse(line)).map((line) => ({ at: Date.parse(line.time), node: line.node, by: node.name })));
  }

  async strike() {
    for (const node of this.nodes) if (node.process && !node.process.exit) node.process.signal('SIGCONT');
    for (const node of this.nodes) node.expected = true;
    this.owners.over = true;
    await super.strike();
  }
}

/// False, or what becomes true if one of the rules is for this connection.
function refusedBy(rules, near) {
  if (rules.length === 0) return false;
  if (rules.some(({ from }) => from === undefined)) return true;
  return Promise.all(rules.map(({ from }) => comesFrom(near, from))).then((all) => all.some(Boolean));
}
