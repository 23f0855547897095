#!/usr/bin/env node
// An MCP server (2025-11-25) that misbehaves on request. No dependencies, Node >= 18.
//
//   node trouble-fixture.mjs --stdio
//   node trouble-fixture.mjs --http PORT        POST /mcp only; every tools/call is answered with an event stream
// options:
//   --name NAME        serverInfo.name
//   --mute             never answer `initialize`
//   --exit-at-start    exit with code 3 before reading anything
//   --stubborn         ignore the end of stdin, SIGTERM and SIGINT
//   --marker TEXT      no meaning; makes the process findable
import { spawn } from 'node:child_process';
import http from 'node:http';
import readline from 'node:readline';

const argv = process.argv.slice(2);
const flag = (name) => argv.includes('--' + name);
const option = (name, otherwise) => (flag(name) ? argv[argv.indexOf('--' + name) + 1] : otherwise);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const text = (value) => ({ content: [{ type: 'text', text: value }] });
const seen = { cancelled: [], calls: {}, answers: [] };
const grown = [];

if (flag('exit-at-start')) process.exit(3);
if (flag('stubborn')) for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {});

/// Each tool gets its arguments and the way out: `notify` writes a notification on the stream of the call, `raw` writes
/// bytes as they are (stdio only), `answer` sends a response with any id. Returning undefined means no answer.
const tools = {
  ok: async () => text('ok'),
  pid: async () => text(String(process.pid)),
  seen: async () => text(JSON.stringify(seen)),
  environment: async () => text(JSON.stringify(Object.keys(process.env).sort())),
  slow: async ({ ms = 1000 }) => (await sleep(ms), text(`slept ${ms}`)),
  hang: async () => undefined,
  die: async ({ ms = 0 }) => (await sleep(ms), process.exit(7)),
  garbage: async (_, out) => {
    out.raw('this is no JSON\n');
    out.raw('{"jsonrpc":"2.0","id":\n');
    out.raw('\n');
    out.raw(Buffer.from([0xff, 0xfe, 0x80, 0x0a]));
    out.raw('[1,2,3]\n"text"\nnull\n');
    return text('after garbage');
  },
  wrong_id: async (_, out) => out.answer('nobody-asked', text('for nobody')),
  ask: async (_, out) => {
    out.send({ jsonrpc: '2.0', id: 'asked', method: 'roots/list' });
    return text('asked');
  },
  twice: async (_, out) => {
    out.answer(out.id, text('first'));
    out.answer(out.id, text('second'));
  },
  huge: async ({ mib = 64, ms = 0 }) => (await sleep(ms), text('x'.repeat(mib << 20))),
  flood: async ({ count = 10_000, bytes = 1000 }, out) => {
    const data = 'y'.repeat(bytes);
    for (let i = 1; i <= count; ++i) {
      out.notify('notifications/message', { level: 'error', data: `${i} ${data}` });
      if (i % 100 === 0) await out.drained();
    }
    return text('flooded');
  },
  count: async ({ count = 1000 }, out) => {
    for (let i = 1; i <= count; ++i) {
      if (out.token !== undefined) out.notify('notifications/progress', { progressToken: out.token, progress: i });
      if (i % 100 === 0) await sleep(1);
    }
    return text(`counted ${count}`);
  },
  grow: async (_, out) => {
    grown.push(`grown_${grown.length + 1}`);
    out.announce('notifications/tools/list_changed');
    return text(grown.at(-1));
  },
  breed: async ({ marker, detached = false }) => {
    const code = 'process.on("SIGTERM",()=>{});process.on("SIGHUP",()=>{});setInterval(()=>{},1e6)';
    const child = spawn(process.execPath, ['-e', code, '--', marker], { stdio: 'ignore', detached });
    child.unref();
    return text(String(child.pid));
  },
};

async function respond(message, out) {
  const { method, params = {} } = message;
  if (method === 'initialize') {
    if (flag('mute')) return undefined;
    return {
      protocolVersion: '2025-11-25', serverInfo: { name: option('name', 'trouble'), version: '1' },
      capabilities: { tools: { listChanged: true }, logging: {} },
    };
  }
  if (method === 'ping' || method === 'logging/setLevel') return {};
  if (method === 'tools/list') {
    return {
      tools: [...Object.keys(tools), ...grown].map((name) => ({
        name, description: `Does what ${name} says`, inputSchema: { type: 'object' },
      })),
    };
  }
  if (method === 'tools/call' && tools[params.name]) {
    seen.calls[params.name] = (seen.calls[params.name] ?? 0) + 1;
    return tools[params.name](params.arguments ?? {}, out);
  }
  if (method === 'tools/call' && grown.includes(params.name)) return text('grown');
  return null;
}

async function handle(message, out) {
  if (message.method === 'notifications/cancelled') seen.cancelled.push(message.params?.requestId);
  if (message.method === undefined) seen.answers.push(message.result ?? message.error);
  if (message.method === undefined || message.id === undefined) return;
  out.id = message.id;
  out.token = message.params?._meta?.progressToken;
  const result = await respond(message, out);
  if (result === null) out.send({ jsonrpc: '2.0', id: message.id, error: { code: -32601, message: 'no such thing' } });
  else if (result !== undefined) out.answer(message.id, result);
}

function outlet(write, stream, announce) {
  const out = {
    raw: write,
    send: (message) => write(JSON.stringify(message) + '\n'),
    answer: (id, result) => void out.send({ jsonrpc: '2.0', id, result }),
    notify: (method, params) => out.send({ jsonrpc: '2.0', method, ...(params ? { params } : {}) }),
    announce: (method) => announce(method),
    drained: () => (stream.writableNeedDrain ? new Promise((done) => { stream.once('drain', done); stream.once('close', done); }) : sleep(0)),
  };
  return out;
}

function serveStdio() {
  const write = (bytes) => process.stdout.write(bytes);
  const announce = (method) => write(JSON.stringify({ jsonrpc: '2.0', method }) + '\n');
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => handle(JSON.parse(line), outlet(write, process.stdout, announce)));
  lines.on('close', () => { if (!flag('stubborn')) process.exit(0); });
  process.stdout.on('error', () => { if (!flag('stubborn')) process.exit(0); });
  if (flag('stubborn')) setInterval(() => {}, 1e6);
}

function serveHttp(port) {
  const standalone = new Set();
  const announce = (method) => {
    for (const stream of standalone) stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method })}\n\n`);
  };
  const server = http.createServer((request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      standalone.add(response);
      return response.on('close', () => standalone.delete(response));
    }
    if (request.method !== 'POST') return response.writeHead(405, { allow: 'GET, POST' }).end();
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const message = JSON.parse(Buffer.concat(parts));
      if (message.id === undefined || message.method === undefined) {
        handle(message, {});
        return response.writeHead(202).end();
      }
      if (message.method !== 'tools/call') {
        const json = (body) => response.writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 'one' }).end(body);
        return handle(message, outlet(json, response, announce));
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      const out = outlet((line) => response.write(`data: ${line}\n`), response, announce);
      handle(message, out).then(() => { if (message.params?.name !== 'hang') response.end(); });
    });
  });
  server.listen(port, '127.0.0.1', () => console.error(`trouble on http://127.0.0.1:${server.address().port}/mcp`));
}

if (flag('stdio')) serveStdio();
if (flag('http')) serveHttp(Number(option('http')));
