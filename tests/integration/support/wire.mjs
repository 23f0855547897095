// Streamable HTTP by hand: requests exactly as a test wants them, answers exactly as they came.
import assert from 'node:assert/strict';
import http from 'node:http';
import { slowness } from './processes.mjs';

export const revisions = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];
export const newest = '2025-11-25';
const both = 'application/json, text/event-stream';

/// The events of a text/event-stream as they arrive: {id?, event?, data?, retry?}; comments apart.
export class EventStream {
  constructor(response) {
    this.events = [];
    this.messages = [];
    this.comments = [];
    this.ended = false;
    this.response = response;
    let rest = '';
    let block = {};
    response.setEncoding('utf8');
    response.on('data', (text) => {
      rest += text;
      const lines = rest.split(/\r\n|\n|\r/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === '') {
          if (Object.keys(block).length) this.events.push(block);
          if (block.data && (block.event ?? 'message') === 'message') this.messages.push(JSON.parse(block.data));
          block = {};
        } else if (line.startsWith(':')) {
          this.comments.push(line.slice(1).trim());
        } else {
          const colon = line.indexOf(':');
          const name = colon < 0 ? line : line.slice(0, colon);
          const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
          block[name] = name === 'data' && block.data !== undefined ? `${block.data}\n${value}` : value;
        }
      }
      this.wake?.();
    });
    const end = () => { this.ended = true; this.wake?.(); };
    response.on('end', end);
    response.on('close', end);
    response.on('error', end);
  }

  /// Waits until `condition(this)` yields something.
  async until(condition, what, ms = 8000) {
    const end = Date.now() + ms * slowness;
    for (;;) {
      const value = condition(this);
      if (value) return value;
      const left = end - Date.now();
      assert.ok(left > 0, `waited ${ms * slowness} ms for ${what}; got ${JSON.stringify(this.events.slice(-20))}`);
      assert.ok(!this.ended, `the stream ended before ${what}; got ${JSON.stringify(this.events.slice(-20))}`);
      await new Promise((done) => {
        const timer = setTimeout(done, Math.min(left, 1000));
        this.wake = () => { clearTimeout(timer); done(); };
      });
    }
  }

  message(fits, what = `a message that fits ${fits}`, ms) { return this.until((s) => s.messages.find(fits), what, ms); }

  /// Waits until the other side has closed the stream.
  async end(ms = 8000) {
    const until = Date.now() + ms * slowness;
    while (!this.ended) {
      assert.ok(Date.now() < until, `the stream was not closed within ${ms * slowness} ms`);
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  close() { this.response.destroy(); }
}

/// One HTTP request. Answers when the header has come: {status, headers, text(), json(), stream}.
export function exchange(url, { method = 'POST', headers = {}, body, ms = 20_000, agent = false } = {}) {
  return new Promise((done, fail) => {
    const request = http.request(url, { method, headers, agent, setHost: headers.host === undefined }, (response) => {
      clearTimeout(timer);
      const reply = { status: response.statusCode, headers: response.headers, request };
      if (/^text\/event-stream/.test(response.headers['content-type'] ?? '')) {
        reply.stream = new EventStream(response);
      } else {
        const parts = [];
        const whole = new Promise((ok, no) => {
          response.on('data', (part) => parts.push(part));
          response.on('end', () => ok(Buffer.concat(parts).toString('utf8')));
          response.on('error', no);
        });
        whole.catch(() => {});
        reply.text = () => whole;
        reply.json = async () => JSON.parse(await whole);
      }
      done(reply);
    });
    const timer = setTimeout(() => { request.destroy(); fail(new Error(`no answer from ${url} within ${ms * slowness} ms`)); }, ms * slowness);
    request.on('error', (error) => { clearTimeout(timer); fail(error); });
    request.end(body);
  });
}

export const jsonHeaders = { 'content-type': 'application/json', accept: both };

export const initializeRequest = (revision = newest, capabilities = {}, name = 'wire') => ({
  jsonrpc: '2.0', id: 'init', method: 'initialize',
  params: { protocolVersion: revision, capabilities, clientInfo: { name, version: '1' } },
});

/// A client session on the wire.
export class Session {
  /// With a `token`, all that the session sends shows it.
  static async open(url, { revision = newest, capabilities = {}, name = 'wire', onRequest, token } = {}) {
    const session = new Session();
    session.url = url;
    session.revision = revision;
    session.onRequest = onRequest;
    session.token = token;
    const reply = await exchange(url, { headers: { ...jsonHeaders, ...session.credentials }, body: JSON.stringify(initializeRequest(revision, capabilities, name)) });
    assert.equal(reply.status, 200);
    session.id = reply.headers['mcp-session-id'];
    session.initialized = reply.stream ? await reply.stream.message((m) => m.id === 'init') : await reply.json();
    assert.equal(session.initialized.result?.protocolVersion, revision, JSON.stringify(session.initialized));
    assert.equal((await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' })).status, 202);
    return session;
  }

  next = 1;

  /// The session as another node is asked for it.
  at(url) { return Object.assign(Object.create(Object.getPrototypeOf(this)), this, { url }); }

  get credentials() { return this.token ? { authorization: `Bearer ${this.token}` } : {}; }

  headers(more = {}) {
    const headers = { ...jsonHeaders, ...this.credentials, 'mcp-session-id': this.id };
    if (this.revision >= '2025-06-18') headers['mcp-protocol-version'] = this.revision;
    for (const [name, value] of Object.entries(more)) {
      if (value === undefined) delete headers[name];
      else headers[name] = value;
    }
    return headers;
  }

  /// Sends one message, or an array of them, or text as it is.
  post(message, headers, ms) {
    const body = typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message);
    return exchange(this.url, { headers: this.headers(headers), body, ms, agent: this.agent });
  }

  get(lastEventId, headers = {}) {
    return exchange(this.url, {
      method: 'GET',
      headers: this.headers({ 'content-type': undefined, accept: 'text/event-stream', 'last-event-id': lastEventId, ...headers }),
    });
  }

  delete(headers) { return exchange(this.url, { method: 'DELETE', headers: this.headers({ 'content-type': undefined, ...headers }) }); }

  message(method, params, id = this.next++) { return { jsonrpc: '2.0', id, method, ...(params ? { params } : {}) }; }

  /// Posts a request without waiting for its response.
  start(method, params, headers) {
    const message = this.message(method, params);
    return this.post(message, headers).then((reply) => Object.assign(reply, { id: message.id }));
  }

  /// Posts a request and waits for its response: {status, answer, messages, events, reply}. Requests of the server that
  /// come before it are answered by `onRequest`.
  async request(method, params, { headers, ms = 20_000 } = {}) {
    const message = this.message(method, params);
    const reply = await this.post(message, headers, ms);
    if (!reply.stream) {
      const answer = await reply.json();
      return { status: reply.status, answer, messages: [answer], events: [], reply };
    }
    const answered = new Set();
    const answer = await reply.stream.until((s) => {
      for (const asked of s.messages) {
        if (asked.method === undefined || asked.id === undefined || answered.has(asked.id)) continue;
        answered.add(asked.id);
        this.answer(asked);
      }
      return s.messages.find((m) => m.method === undefined && m.id === message.id);
    }, `the response to ${method}`, ms);
    return { status: reply.status, answer, messages: reply.stream.messages, events: reply.stream.events, reply };
  }

  async answer(asked) {
    const result = await this.onRequest(asked);
    await this.post({ jsonrpc: '2.0', id: asked.id, ...(result.error ? { error: result.error } : { result }) });
  }

  /// The result of a request that must succeed.
  async result(method, params, options) {
    const { answer } = await this.request(method, params, options);
    assert.ok(answer.result, JSON.stringify(answer));
    return answer.result;
  }

  /// The error of a request that must fail.
  async error(method, params, options) {
    const { answer } = await this.request(method, params, options);
    assert.ok(answer.error, JSON.stringify(answer).slice(0, 2000));
    return answer.error;
  }

  call(name, args = {}, options = {}) {
    return this.result('tools/call', { name, arguments: args, ...(options.meta ? { _meta: options.meta } : {}) }, options);
  }

  async text(name, args, options) { return (await this.call(name, args, options)).content[0].text; }

  async toolNames() { return (await this.result('tools/list')).tools.map((tool) => tool.name); }
}
