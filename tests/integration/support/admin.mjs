// Asks nodes as their operators do, and holds every answer to the description that the nodes give of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

export const description = JSON.parse(readFileSync(new URL('../../../actors/admin/openapi.json', import.meta.url)));

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema(description, 'api');

/// The pattern of a path that the description has: the one with the fewest places, as fixed text goes before them.
export function patternOf(path) {
  const fits = Object.keys(description.paths).filter((p) => new RegExp(`^${p.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`).test(path));
  return fits.sort((a, b) => a.split('{').length - b.split('{').length)[0];
}

const pointer = (...steps) => `api#/${steps.map((s) => encodeURIComponent(s.replace(/~/g, '~0').replace(/\//g, '~1'))).join('/')}`;

export function fits(ref, value, what) {
  const validate = ajv.getSchema(ref);
  assert.ok(validate, `no schema at ${ref}`);
  assert.ok(validate(value), `${what}: ${JSON.stringify(validate.errors?.slice(0, 5))}\n${JSON.stringify(value).slice(0, 3000)}`);
}

export function holds(method, path, status, type, value) {
  const pattern = patternOf(path);
  const what = `${method} ${path} answered ${status}`;
  if (status === 200) {
    assert.equal(type, 'application/json', what);
    return fits(pointer('paths', pattern, method.toLowerCase(), 'responses', '200', 'content', 'application/json', 'schema'), value, what);
  }
  assert.equal(type, 'application/problem+json', what);
  fits('api#/components/schemas/problem', value, what);
  return assert.equal(value.status, status, what);
}

/// One of a node's ways in for operators: a URL, or the path of a unix socket.
export class Admin {
  /// Every text that any of them was answered.
  static seen = [];

  constructor(where, headers = {}) {
    this.where = where;
    this.headers = headers;
  }

  /// {status, type, text}; no judgement.
  ask(method, path, { body, headers = {} } = {}) {
    const to = this.where.startsWith('/') ? { socketPath: this.where } : { host: new URL(this.where).hostname, port: new URL(this.where).port };
    return new Promise((done, failed) => {
      const request = http.request({ ...to, method, path, agent: false, headers: { ...this.headers, ...headers }, timeout: 60_000 }, (response) => {
        response.setEncoding('utf8');
        let text = '';
        response.on('data', (more) => { text += more; });
        response.on('end', () => {
          Admin.seen.push(text);
          done({ status: response.statusCode, type: response.headers['content-type'], headers: response.headers, text });
        });
        response.on('error', failed);
      });
      request.on('timeout', () => request.destroy(new Error(`${method} ${path} took too long`)));
      request.on('error', failed);
      request.end(body);
    });
  }

  async #asked(method, path, query, status, body) {
    const whole = query ? `${path}?${new URLSearchParams(query)}` : path;
    const reply = await this.ask(method, whole, body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {});
    const value = JSON.parse(reply.text);
    assert.equal(reply.status, status, `${method} ${whole}: ${reply.text.slice(0, 2000)}`);
    holds(method, path, reply.status, reply.type, value);
    return value;
  }

  /// An answer that fits its schema, or, with another status, a problem.
  get(path, query, status = 200) { return this.#asked('GET', path, query, status); }
  post(path, query, status = 200, body = undefined) { return this.#asked('POST', path, query, status, body); }

  /// An event stream; to be destroyed by whoever opened it.
  listen(path, query = {}) {
    const url = new URL(this.where);
    return new Promise((done, failed) => {
      const request = http.request({ host: url.hostname, port: url.port, path: `${path}?${new URLSearchParams(query)}`, agent: false, headers: this.headers }, (response) => {
        assert.equal(response.statusCode, 200);
        assert.match(response.headers['content-type'], /^text\/event-stream/);
        done(new Listener(response, request));
      });
      request.on('error', failed);
      request.end();
    });
  }
}

class Listener {
  events = [];
  ended = false;
  #rest = '';

  constructor(response, request) {
    this.request = request;
    request.on('error', () => {});
    response.setEncoding('utf8');
    response.on('error', () => {});
    response.on('close', () => { this.ended = true; });
    response.on('data', (more) => {
      this.#rest += more;
      const whole = this.#rest.split('\n\n');
      this.#rest = whole.pop();
      for (const event of whole) {
        const lines = Object.fromEntries(event.split('\n').filter((l) => !l.startsWith(':')).map((l) => [l.slice(0, l.indexOf(': ')), l.slice(l.indexOf(': ') + 2)]));
        if (!lines.event) continue;
        Admin.seen.push(lines.data);
        this.events.push({ event: lines.event, data: JSON.parse(lines.data) });
      }
    });
  }

  of(event) { return this.events.filter((e) => e.event === event).map((e) => e.data); }
  close() { this.request.destroy(); }
}

/// What needs no more than a path.
export const plainPaths = Object.keys(description.paths).filter((p) => description.paths[p].get && !p.includes('{'));

/// Asks for everything that there is to see.
export async function seeAll(ask, { session, execution, node, upstream }) {
  for (const p of plainPaths) await ask.get(p);
  for (const p of [`/v1/nodes/${node}`, `/v1/where/${session}`, `/v1/sessions/${session}`, `/v1/sessions/${session}/history`, `/v1/upstreams/${upstream}`,
    `/v1/executions/${execution}`, `/v1/executions/${execution}/explain`, `/mcp/servers/${upstream}/tools`, `/mcp/owner/${session}`]) await ask.get(p);
  const [actor] = (await ask.get('/v1/actors')).actors;
  await ask.get(`/v1/actors/${actor.id}`);
  await ask.get('/v1/slots', { detail: true });
  await ask.get('/v1/sessions', { where: 'all', sort: 'memory' });
  await ask.post('/v1/fence/check');
  return ask.post('/v1/bundle');
}
