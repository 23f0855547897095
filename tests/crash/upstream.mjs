#!/usr/bin/env node
// A Streamable HTTP MCP server that records what it executes. No dependencies, Node >= 18.
//
//   node upstream.mjs RECORD_FILE [HOST]       says `recording upstream on URL`
//
// A session lives as long as the process, and a call goes on whatever becomes of its connection: whoever knows the
// session and an event id gets the rest of the stream. SIGUSR2 adds a tool; POST /grow?tell=N does, too, and tells only
// the N oldest sessions.
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { recorder } from './record.mjs';
import { execute, grow, initializeResult, listTools, samplingRequest, tools } from './tools.mjs';

const record = recorder(process.argv[2]);
const host = process.argv[3] ?? '127.0.0.1';
const retryMs = 100;
const sessions = new Map();

/// The messages of one stream, and the connection that takes them at the moment, if any.
class Stream {
  messages = [];
  done = false;

  constructor(session, number, ids) {
    Object.assign(this, { session, number, ids });
  }

  attach(response, after) {
    this.response?.end();
    this.response = response;
    this.begun = true;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.flushHeaders();
    response.on('close', () => { if (this.response === response) this.response = undefined; });
    if (this.ids && after === this.messages.length) response.write(`id: ${this.idAfter(after)}\nretry: ${retryMs}\ndata:\n\n`);
    for (let i = after; i < this.messages.length; ++i) this.write(i);
    if (this.done) response.end();
  }

  idAfter(seen) { return `${this.number}-${seen}-upstream`; }

  write(i) {
    const id = this.ids ? `id: ${this.idAfter(i + 1)}\n` : '';
    this.response?.write(`${id}data: ${JSON.stringify(this.messages[i])}\n\n`);
  }

  send(message) {
    this.messages.push(message);
    this.write(this.messages.length - 1);
  }

  end() {
    this.done = true;
    this.response?.end();
  }
}

class Session {
  id = randomUUID();
  streams = [];
  asked = new Map();

  constructor() {
    this.own = this.open(true);
  }

  open(ids) {
    const stream = new Stream(this, this.streams.length, ids);
    this.streams.push(stream);
    return stream;
  }

  /// Where an event id points: [stream, number of messages seen].
  find(eventId) {
    const [number, seen] = eventId.split('-').map(Number);
    return [this.streams[number], seen];
  }

  ask(stream, text) {
    const id = `ask-${text}`;
    return new Promise((done) => {
      this.asked.set(id, (told) => {
        record({ what: 'told', key: text, text: told });
        done(told);
      });
      record({ what: 'asked', key: text });
      stream.send(samplingRequest(id, text));
    });
  }

  answered(message) {
    const told = this.asked.get(message.id);
    this.asked.delete(message.id);
    told?.(message.result?.content?.text ?? `error ${message.error?.code}`);
  }
}

const json = (response, status, body, headers = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body && JSON.stringify(body));

async function callTool(session, message, response) {
  const { name, arguments: args = {}, _meta } = message.params;
  const how = tools[name].travels(args);
  const stream = how === 'json' ? undefined : session.open(how === 'resumable');
  const call = {
    progress: (progress, total) => {
      if (_meta?.progressToken === undefined) return;
      stream.send({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: _meta.progressToken, progress, total } });
    },
    say: (data) => session.own.send({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data } }),
    ask: (text) => session.ask(stream, text),
    askAside: (text) => session.ask(session.own, text),
  };
  stream?.attach(response, 0);
  const answer = { jsonrpc: '2.0', id: message.id, result: await execute(name, args, call, record) };
  if (!stream) return json(response, 200, answer);
  stream.send(answer);
  return stream.end();
}

function onMessage(session, message, response) {
  if (message.method === undefined) session.answered(message);
  if (message.method === 'notifications/cancelled') record({ what: 'cancelled', key: String(message.params.requestId) });
  if (message.method === 'logging/setLevel') record({ what: 'level', key: message.params.level });
  if (message.method === undefined || message.id === undefined) return json(response, 202);
  const answer = (body) => json(response, 200, { jsonrpc: '2.0', id: message.id, ...body });
  switch (message.method) {
    case 'ping':
    case 'logging/setLevel': return answer({ result: {} });
    case 'tools/list': return answer({ result: { tools: listTools() } });
    case 'tools/call': if (tools[message.params?.name]) return callTool(session, message, response);
  }
  return answer({ error: { code: -32601, message: 'no such thing' } });
}

function onPost(request, response, body) {
  const message = JSON.parse(body);
  if (message.method === 'initialize') {
    const session = new Session();
    sessions.set(session.id, session);
    return json(response, 200, { jsonrpc: '2.0', id: message.id, result: initializeResult }, { 'mcp-session-id': session.id });
  }
  const session = sessions.get(request.headers['mcp-session-id']);
  return session ? onMessage(session, message, response) : json(response, 404);
}

function onGet(request, response) {
  const session = sessions.get(request.headers['mcp-session-id']);
  if (!session) return json(response, 404);
  const last = request.headers['last-event-id'];
  const { own } = session;
  const [stream, seen] = last === undefined ? [own, own.begun ? own.messages.length : 0] : session.find(last);
  if (!stream) return json(response, 400);
  if (stream !== session.own) record({ what: 'resumed', stream: stream.number, after: seen });
  return stream.attach(response, seen);
}

const server = http.createServer((request, response) => {
  response.on('error', () => {});
  if (request.method === 'GET') return onGet(request, response);
  // A gateway that ends leaves its sessions: another process of it may come back for them.
  if (request.method !== 'POST') return json(response, 405, undefined, { allow: 'GET, POST' });
  const control = new URL(request.url, 'http://x');
  if (control.pathname === '/grow') {
    growAndTell(Number(control.searchParams.get('tell')));
    return json(response, 200, {});
  }
  const parts = [];
  request.on('data', (part) => parts.push(part));
  return request.on('end', () => onPost(request, response, Buffer.concat(parts)));
});
server.keepAliveTimeout = 60_000;

function growAndTell(count) {
  grow();
  for (const session of [...sessions.values()].slice(0, count)) session.own.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
}
process.on('SIGUSR2', () => growAndTell(sessions.size));
server.listen(0, host, () => console.log(`recording upstream on http://${host}:${server.address().port}/mcp`));
