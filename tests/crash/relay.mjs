// Passes bytes between two ends, and loses them when told to.
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export class Relay {
  connections = new Set();
  /// While true, what the far end says is thrown away.
  losesReplies = false;
  /// New connections for which this is true, or becomes true, are broken before anything has passed.
  refuses = () => false;
  /// While true, nothing passes; it does later. See `hold`.
  holds = false;
  /// What passes takes so much longer.
  delayMs = 0;

  /// `at` and `to`: a port of the loopback interface, or the path of a unix socket.
  static async open(t, at, to) {
    const relay = new Relay();
    relay.to = to;
    relay.server = net.createServer((near) => relay.join(near));
    await new Promise((done) => relay.server.listen(...address(at), done));
    t.after(() => relay.close());
    return relay;
  }

  get port() { return this.server.address().port; }

  async join(near) {
    near.on('error', () => {});  // `close` follows
    const refused = this.refuses(near);
    if (refused && await refused) return near.destroy();
    if (near.destroyed) return undefined;
    const far = net.connect(...address(this.to));
    const connection = { near, far };
    this.connections.add(connection);
    const there = new Way(this, far);
    const back = new Way(this, near);
    near.on('data', (bytes) => there.pass(() => far.write(bytes)));
    far.on('data', (bytes) => { if (!this.losesReplies) back.pass(() => near.write(bytes)); });
    far.on('error', () => {});
    if (this.holds) { near.pause(); far.pause(); }
    for (const [socket, way] of [[near, there], [far, back]]) {
      socket.on('close', () => {
        this.connections.delete(connection);
        way.pass(() => way.to.end());
      });
    }
    return undefined;
  }

  /// Breaks the connections for which `which(near)` is true.
  cut(which = () => true) {
    for (const { near, far } of [...this.connections].filter((c) => which(c.near))) { near.destroy(); far.destroy(); }
  }

  /// Lets nothing pass until told otherwise.
  hold(holds) {
    this.holds = holds;
    for (const socket of [...this.connections].flatMap(({ near, far }) => [near, far])) {
      if (holds) socket.pause();
      else socket.resume();
    }
  }

  /// Breaks every connection on the near side; the far end does not hear of it.
  leave() {
    for (const { near } of this.connections) {
      near.removeAllListeners('close');
      near.destroy();
    }
  }

  close() {
    this.cut();
    this.server.close();
  }
}

/// One direction of a connection: what is delayed keeps its order.
class Way {
  waiting = 0;
  last = Promise.resolve();

  constructor(relay, to) { Object.assign(this, { relay, to }); }

  pass(does) {
    const { delayMs } = this.relay;
    if (delayMs === 0 && this.waiting === 0) return does();
    const due = Date.now() + delayMs;
    ++this.waiting;
    this.last = this.last.then(() => sleep(Math.max(0, due - Date.now()))).then(() => {
      --this.waiting;
      does();
    });
    return undefined;
  }
}

const address = (where) => (typeof where === 'string' ? [where] : [where, '127.0.0.1']);
