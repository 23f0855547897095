// Watches in the store who owns what.
import { setTimeout as sleep } from 'node:timers/promises';

const slotCount = 1024;
const prefix = 'hf';
const keys = [...Array.from({ length: slotCount }, (_, slot) => `${prefix}:{s${slot}}:owner`), `${prefix}:view`];

export class Owners {
  /// What was new whenever it was looked at: [{at, slot, epoch, incarnation, robs}]. It `robs` who is no member, and has not
  /// been one, and takes the slot of somebody who is, and stays: what a member that leaves gives away may be taken by a claim
  /// that was under way when its sender was declared dead. Where a view came and went between two looks, nobody can tell.
  seen = [];
  views = [];
  latest = new Map();
  version = 0;
  members = new Set();
  looking = Promise.resolve();

  constructor(redis) {
    this.redis = redis;
    this.watching = this.watch();
  }

  async watch() {
    for (; !this.over; await sleep(200)) await this.look().catch(() => {});  // while the store is away
  }

  /// The slots that nobody has who is a member, and the number of members. One look after another: of two at once, the
  /// earlier one could be noted later.
  look() {
    return this.looking = this.looking.catch(() => {}).then(() => this.lookNow());
  }

  async lookNow() {
    const values = await this.redis.values(keys);
    const at = Date.now();
    const text = values.pop() ?? '0:{"members":[]}';
    if (this.views.at(-1)?.text !== text) this.views.push({ at, text });
    const members = JSON.parse(text.slice(text.indexOf(':') + 1)).members;
    const alive = new Set(members.map((m) => m.incarnation));
    const staying = new Set(members.filter((m) => !m.leaving).map((m) => m.incarnation));
    const before = this.members;
    this.members = alive;
    const version = Number(text.split(':', 1)[0]);
    const missedNone = version - this.version <= 1;
    this.version = version;
    const ownerIn = (value) => (value ?? '0:').split(':');
    let free = 0;
    values.forEach((value, slot) => {
      const [epoch, incarnation = ''] = ownerIn(value);
      if (this.latest.get(slot) !== value) {
        const [, former = ''] = ownerIn(this.latest.get(slot));
        const is = (member) => before.has(member) && staying.has(member);
        const robs = missedNone && incarnation !== '' && is(former) && !before.has(incarnation) && !alive.has(incarnation);
        this.seen.push({ at, slot, epoch: Number(epoch), incarnation, robs });
      }
      this.latest.set(slot, value);
      if (!alive.has(incarnation)) ++free;
    });
    return { free, members };
  }

  async stop() {
    this.over = true;
    await this.watching;
  }
}
