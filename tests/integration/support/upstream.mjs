// An MCP server over HTTP that does as it is told, and counts.
import http from 'node:http';
import { freePort } from './processes.mjs';

const tools = [
  { name: 'change', inputSchema: { type: 'object' } },
  { name: 'look', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
];

/// An MCP server that does with its calls what `mode` says: answer, fail (cut the connection), hang, hold (until `release`),
/// tool_error, rpc_error; an array of them, for one call after the other; or a function of the arguments. `text` is what it
/// answers, of the arguments and the HTTP request. `calls` counts those that reached it, `most` how many it had at once,
/// `subscribes` what came about its `resources`.
export class Upstream {
  calls = 0;
  subscribes = 0;
  most = 0;
  mode = 'answer';
  held = [];
  tools = tools;
  resources = [];
  text = () => 'done';

  static async start(t, settings = {}) {
    const up = Object.assign(new Upstream(), settings);
    up.port = await freePort();
    up.url = `http://127.0.0.1:${up.port}/mcp`;
    await up.open();
    t.after(() => up.close());
    return up;
  }

  open() {
    this.server = http.createServer((request, response) => this.#serve(request, response));
    return new Promise((done, failed) => this.server.once('error', failed).listen(this.port, '127.0.0.1', done));
  }

  close() {
    this.release();
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }

  release() { for (const answer of this.held.splice(0)) answer(); }

  async #serve(request, response) {
    if (request.method !== 'POST') return response.writeHead(405).end();
    let body = '';
    for await (const part of request) body += part;
    const { id, method, params } = JSON.parse(body);
    const reply = (what) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, ...what }));
    if (id === undefined) return response.writeHead(202).end();
    if (method === 'initialize') return reply({ result: { protocolVersion: params.protocolVersion, capabilities: { tools: {}, ...(this.resources.length && { resources: { subscribe: true } }) }, serverInfo: { name: 'up', version: '1' } } });
    if (method === 'tools/list') return reply({ result: { tools: this.tools } });
    if (method === 'resources/list') return reply({ result: { resources: this.resources } });
    if (method === 'resources/subscribe' || method === 'resources/unsubscribe') {
      ++this.subscribes;
      return this.mode === 'answer' ? reply({ result: {} }) : request.socket.destroy();
    }
    if (method !== 'tools/call') return reply({ error: { code: -32601, message: 'no such method' } });
    ++this.calls;
    const mode = Array.isArray(this.mode) ? this.mode.shift() : typeof this.mode === 'function' ? this.mode(params.arguments) : this.mode;
    const text = this.text(params.arguments, request);
    const answer = () => reply({ result: { content: [{ type: 'text', text }] } });
    switch (mode) {
      case 'fail': return request.socket.destroy();
      case 'hang': return undefined;
      case 'hold': this.most = Math.max(this.most, this.held.push(answer)); return undefined;
      case 'tool_error': return reply({ result: { content: [{ type: 'text', text: 'no' }], isError: true } });
      case 'rpc_error': return reply({ error: { code: -32000, message: 'no' } });
      default: return answer();
    }
  }
}
