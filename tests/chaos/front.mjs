// Stands before the nodes as a balancer would: each connection goes to the next node that accepts it.
import net from 'node:net';

const unavailable = 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

export class Front {
  /// Where connections went: [{at, node, key}], the key of a call that was seen at its beginning.
  passed = [];
  sockets = new Set();
  turn = 0;

  /// `nodes()` are those that there are at the moment: {name, host, port}.
  static async open(t, nodes) {
    const front = new Front();
    front.nodes = nodes;
    front.server = net.createServer((near) => front.join(near));
    await new Promise((done) => front.server.listen(0, '127.0.0.1', done));
    t.after(() => front.close());
    return front;
  }

  get port() { return this.server.address().port; }

  keep(socket) {
    this.sockets.add(socket);
    socket.on('error', () => {});  // `close` follows
    socket.on('close', () => this.sockets.delete(socket));
  }

  async join(near) {
    this.keep(near);
    const all = this.nodes();
    const first = this.turn++;
    for (let i = 0; i < all.length; ++i) {
      const node = all[(first + i) % all.length];
      const far = await connected(node);
      if (!far) continue;
      if (near.destroyed) return far.destroy();
      return this.bind(near, far, node);
    }
    // Nobody can have read anything.
    return near.end(unavailable);
  }

  bind(near, far, node) {
    this.keep(far);
    const at = Date.now();
    near.once('data', (bytes) => this.passed.push({ at, node: node.name, key: /"key":"([^"]+)"/.exec(bytes)?.[1] }));
    near.pipe(far);
    far.pipe(near);
    near.on('close', () => far.destroy());
    // A node that ends in the middle of an answer must not look as if it had finished it.
    far.on('error', () => near.resetAndDestroy());
    far.on('close', () => near.end());
  }

  close() {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/// The connection, or nothing if nobody listens.
function connected({ host, port }) {
  return new Promise((done) => {
    const socket = net.connect(port, host);
    socket.once('connect', () => done(socket));
    socket.once('error', () => done(undefined));
  });
}
