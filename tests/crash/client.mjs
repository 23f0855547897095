// A client of Streamable HTTP that loses nothing by its own fault, and records all that it sees with the time.
//
// It initializes once and keeps its session id for ever. A call whose connection breaks goes on: after an event id it
// resumes the stream with that id; without one it POSTs the very same request again, until an answer comes. A node that
// is not there, or says 503, is waited for.
import { setTimeout as sleep } from 'node:timers/promises';
import { exchange, initializeRequest, jsonHeaders, newest } from '../integration/support/wire.mjs';

/// Whoever says 503 only after so long has waited for the store, or for another node, which may have had the request.
const heldMs = 1000;
const defaults = { retryMs: 100, headMs: 20_000, callMs: 60_000, sampling: false, numericIds: false, listens: true, visits: false };

/// How an attempt ended that brought no answer. `refused`: the node cannot have read anything. `unavailable`: it said
/// so. `broken`: nobody knows.
const failureOf = (error) => (error.code === 'ECONNREFUSED' ? 'refused' : 'broken');

export class Client {
  /// What the checker reads, all of it in the order of time. With an option `archive`, a function, it gets each call once that
  /// has ended, and `record` has only those under way: all calls of a long run would keep the garbage collector busy.
  record = { initialized: 0, openings: [], calls: [], streams: [], told: [], troubles: [] };

  constructor(name, url, options = {}) {
    Object.assign(this, defaults, options, { name, url });
    Object.assign(this.record, { name, sampling: this.sampling, visits: this.visits });
    this.own = { session: name, events: [], attempts: [] };
    this.record.streams.push(this.own);
  }

  /// Begins the session: the one time that this client initializes.
  async open() {
    const body = initializeRequest(newest, this.sampling ? { sampling: {} } : {}, this.name);
    const { openings } = this.record;
    for (const end = Date.now() + this.callMs; ; await this.pause(openings.at(-1))) {
      const sent = exchange(this.url, { headers: jsonHeaders, body: JSON.stringify(body), ms: this.headMs });
      const reply = await this.attempt(openings, 'initialize', sent);
      const made = openings.at(-1);
      const answer = await (reply?.stream ? reply.stream.message((m) => m.id === body.id) : reply?.json())?.catch(() => undefined);
      made.until = Date.now();
      this.id = answer?.result && reply.headers['mcp-session-id'];
      if (this.id) break;
      if (reply) made.ended = answer ? 'rejected' : 'broken';
      if (made.ended === 'rejected' || made.until > end) throw new Error(`initialize: ${JSON.stringify(made)} ${JSON.stringify(answer)}`);
    }
    ++this.record.initialized;
    await this.untilTaken({ jsonrpc: '2.0', method: 'notifications/initialized' });
    if (this.listens) this.listening = this.listen();
    return this;
  }

  /// Ends the session for good, and sees whether it has gone.
  async leave() {
    const attempts = [];
    const left = { attempts };
    for (const end = Date.now() + this.callMs; Date.now() < end; await this.pause(attempts.at(-1))) {
      const reply = await this.attempt(attempts, 'delete', this.send('DELETE'));
      // What was begun by an attempt that broke off, or was to be made again, may have come to pass since.
      if (reply || (attempts.at(-1).status === 404 && attempts.some((made) => ['broken', 'unavailable'].includes(made.ended)))) {
        left.at = Date.now();
        break;
      }
      if (attempts.at(-1).ended === 'rejected') break;
    }
    this.record.left = left;
    if (!left.at) return this.trouble('the end was rejected', attempts.at(-1).status, JSON.stringify(attempts));
    // More than once, as it may be one node that does not know.
    let refusals = 0;
    for (const end = Date.now() + this.callMs; Date.now() < end; await this.pause(attempts.at(-1))) {
      const reply = await this.attempt(attempts, 'post', this.post({ jsonrpc: '2.0', id: 'afterwards', method: 'ping' }));
      left.afterwards = attempts.at(-1).status;
      if (reply || (attempts.at(-1).ended === 'rejected' && ++refusals === 3)) break;
    }
    return undefined;
  }

  /// Ends what runs by itself. The session stays.
  async close() {
    this.closed = true;
    this.ownReply?.stream.close();
    await this.listening;
  }

  send(method, headers, body) {
    return exchange(this.url, {
      method, body, ms: this.headMs,
      headers: { ...jsonHeaders, 'mcp-session-id': this.id, 'mcp-protocol-version': newest, ...headers },
    });
  }
  post(message) { return this.send('POST', {}, JSON.stringify(message)); }
  get(last) { return this.send('GET', { accept: 'text/event-stream', ...(last === undefined ? {} : { 'last-event-id': last }) }); }

  trouble(what, status, of) { this.record.troubles.push({ at: Date.now(), session: this.name, what, status, of }); }

  /// One attempt to reach the node: the reply, or nothing, with what became of it in `attempts`.
  async attempt(attempts, how, request) {
    const made = { at: Date.now(), how };
    attempts.push(made);
    try {
      const reply = await request;
      made.status = reply.status;
      if (reply.status === 200 || reply.status === 202) return reply;
      made.ended = reply.status === 503 ? 'unavailable' : 'rejected';
      made.held = reply.status === 503 && Date.now() - made.at > heldMs;
      made.body = (await reply.text().catch(() => '')).slice(0, 500);
      // As long as it says, but for the sake of the test's own time.
      made.wait = Math.min(1000 * Number(reply.headers['retry-after'] ?? 0), 1000);
    } catch (error) {
      made.ended = failureOf(error);
      made.error = error.code ?? error.message;
    }
    return undefined;
  }

  pause(made) { return sleep(Math.max(made?.wait ?? 0, this.retryMs)); }

  /// Takes what a stream brings until it ends. The last event id, if one was seen.
  async follow(reply, last, take) {
    const { stream } = reply;
    let seen = 0;
    while (!stream.ended || seen < stream.events.length) {
      await stream.until((s) => s.ended || s.events.length > seen, 'anything at all', 600_000);
      for (; seen < stream.events.length; ++seen) {
        const { id, data } = stream.events[seen];
        if (id !== undefined) last = id;
        take({ at: Date.now(), id, message: data ? JSON.parse(data) : undefined });
      }
    }
    return last;
  }

  /// A message to which 202 is the answer, sent until it is taken.
  async untilTaken(message, key) {
    const attempts = [];
    for (const end = Date.now() + this.callMs; Date.now() < end && !this.closed;) {
      if (await this.attempt(attempts, 'post', this.post(message))) return attempts.at(-1);
      const made = attempts.at(-1);
      if (made.ended === 'rejected') return this.trouble('a message was rejected', made.status, key ?? message.method);
      await this.pause(made);
    }
    return undefined;
  }

  /// The request for sampling says the key of its call, and so does the answer.
  async tell(request) {
    const key = request.params?.messages?.[0]?.content?.text;
    const text = `told ${key}`;
    const result = { role: 'assistant', model: 'none', content: { type: 'text', text } };
    const told = { at: Date.now(), session: this.name, key, text, id: request.id };
    this.record.told.push(told);
    const taken = await this.untilTaken({ jsonrpc: '2.0', id: request.id, result }, key);
    told.taken = taken !== undefined;
  }

  onMessage(message) {
    if (message?.method === 'sampling/createMessage') this.tell(message);
  }

  /// Keeps the session's own stream open and resumes it.
  async listen() {
    for (let last; !this.closed;) {
      const reply = await this.attempt(this.own.attempts, last === undefined ? 'open' : 'resume', this.get(last));
      const made = this.own.attempts.at(-1);
      if (reply && !this.closed) {
        this.ownReply = reply;
        last = await this.follow(reply, last, (event) => {
          this.own.events.push(event);
          this.onMessage(event.message);
        });
        made.ended = 'ended';
      } else if (made.ended === 'rejected' && !this.closed) {
        this.trouble('the own stream was not resumed', made.status, last);
        last = undefined;
      }
      reply?.stream?.close();
      if (!this.closed) await this.pause(made);
    }
  }

  /// Calls a tool and sees it through. The record of the call; `outcomes` holds what the client was told, once.
  async call(tool, args, { upstream = 'http', shown = tool } = {}) {
    const number = (this.calls = (this.calls ?? 0) + 1);
    const key = `${this.name}.${number}`;
    const id = this.numericIds ? number : key;
    const call = { session: this.name, tool, upstream, key, id, args, started: Date.now(), attempts: [], events: [], outcomes: [] };
    this.record.calls.push(call);
    const params = { name: shown, arguments: { ...args, key }, _meta: { progressToken: key } };
    const request = { jsonrpc: '2.0', id, method: 'tools/call', params };
    const take = (event) => this.onCallEvent(call, event);
    let last;
    for (const end = Date.now() + this.callMs; call.outcomes.length === 0 && Date.now() < end && !this.closed;) {
      const [how, sent] = last === undefined ? ['post', this.post(request)] : ['resume', this.get(last)];
      const reply = await this.attempt(call.attempts, how, sent);
      const made = call.attempts.at(-1);
      if (reply?.stream) {
        last = await this.follow(reply, last, take);
        made.ended = call.outcomes.length ? 'answered' : 'broken';
      } else if (reply) {
        const message = await reply.json().catch(() => undefined);
        made.ended = message ? 'answered' : 'broken';
        if (message) take({ at: Date.now(), message });
      } else if (made.ended === 'rejected') {
        this.trouble(how === 'post' ? 'a call was rejected' : 'a stream was not resumed', made.status, key);
        if (how === 'post') break;
        last = undefined;
      }
      if (call.outcomes.length === 0) await this.pause(made);
    }
    call.ended = Date.now();
    if (this.archive) {
      this.archive(call);
      this.record.calls.splice(this.record.calls.indexOf(call), 1);
    }
    return call;
  }

  onCallEvent(call, event) {
    call.events.push(event);
    const { message } = event;
    if (message && message.method === undefined) call.outcomes.push({ at: event.at, id: message.id, ...outcomeOf(message) });
    this.onMessage(message);
  }

  /// True if the session answers under its first id.
  async ping() {
    const attempts = [];
    for (let i = 0; i < 50; ++i) {
      const reply = await this.attempt(attempts, 'post', this.post({ jsonrpc: '2.0', id: `ping-${i}`, method: 'ping' }));
      if (reply) return true;
      if (attempts.at(-1).ended === 'rejected') break;
      await this.pause(attempts.at(-1));
    }
    this.trouble('a ping was rejected', attempts.at(-1).status);
    return false;
  }
}

function outcomeOf({ result, error }) {
  if (error) return { kind: error.data?.mayHaveRun === true ? 'interrupted' : 'error', code: error.code, text: error.message, data: error.data };
  return { kind: result?.isError ? 'tool error' : 'result', text: result?.content?.[0]?.text };
}
