// TLS: between the nodes of a cluster, and for clients.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { test } from 'node:test';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { Authority, NodeFiles } from './support/certificates.mjs';
import { at, Cluster, clustered } from './support/cluster.mjs';
import { Node } from './support/lives.mjs';
import { freePort, gatewayOnly, program, quietAdmin, run, startNode, stdioFixture, temporaryFile, waitFor } from './support/processes.mjs';
import { Session } from './support/wire.mjs';

const secret = 'a-secret-of-the-cluster';
/// Nobody is to be thought dead because the machine is busy.
const silence = '30s';
const bearer = { authorization: `Bearer ${secret}` };
const echo = (through, value) => through.text('quick', { key: 'k', value });

/// A cluster whose nodes have certificates of `authority`.
class SecureCluster extends Cluster {
  async add() {
    const name = `n${this.nodes.length + 1}`;
    const files = new NodeFiles(this.t);
    files.show(this.config.authority.issue(name));
    files.trust(this.config.authority);
    const peers = await freePort();
    const node = await Node.start(this.t, {
      store: this.store.config(),
      upstreams: { up: { url: this.upstream.url } },
      cluster: { listen: `127.0.0.1:${peers}`, name, secret, silence, tls: files.tls },
    });
    this.nodes.push(Object.assign(node, { name, files, peers }));
    return node;
  }
}

/// What a client is to show, of what `Authority.issue` made.
const showing = ({ certificate, key }) => ({ cert: readFileSync(certificate), key: readFileSync(key) });

/// The status that the listener for other nodes answers a request with, or the code of the error.
function knock(node, { over = https, headers = bearer, ...options } = {}) {
  return new Promise((done) => {
    const request = over.request({
      host: '127.0.0.1', port: node.peers, path: '/peer/nothing', method: 'POST', agent: false, headers, rejectUnauthorized: false, ...options,
    }, (response) => response.resume().on('end', () => done(response.statusCode)));
    request.on('error', (error) => done(error.code));
    request.end('{}');
  });
}

/// Who has signed the certificate that a node shows.
function authorityOf(node, client) {
  return new Promise((done, fail) => {
    const socket = tls.connect({ host: '127.0.0.1', port: node.peers, rejectUnauthorized: false, ...client }, () => {
      done(socket.getPeerCertificate().issuer.CN);
      socket.destroy();
    });
    socket.on('error', fail);
  });
}

const logged = (node, event, times = 1) => waitFor(`${node.name} to log ${event}`, () => node.logged(event).length >= times, 20_000);

test('nodes speak to each other over mutual TLS, and to nobody else', clustered, async (t) => {
  const authority = new Authority(t);
  const cluster = await SecureCluster.start(t, 2, { authority });
  const [owner, other] = cluster.nodes;
  const session = await Session.open(owner.mcp);
  assert.equal(await echo(at(session, other), 'over TLS'), 'k: over TLS');
  const big = 'x'.repeat(2_000_000);
  assert.equal(await echo(at(session, other), big), `k: ${big}`);

  assert.deepEqual(owner.logged('cluster.refused'), []);
  const rogue = new Authority(t);
  const good = showing(authority.issue('good'));
  assert.equal(await knock(owner, good), 404, 'a node');
  assert.equal(await knock(owner, { ...good, headers: {} }), 401, 'without the secret');
  assert.equal(await knock(owner, { over: http }), 400, 'in the clear');
  for (const client of [{}, showing(rogue.issue('rogue'))])
    assert.equal(typeof await knock(owner, client), 'string', 'without a certificate that counts');
  await logged(owner, 'cluster.refused');

  const unfit = async (settings) => {
    const file = temporaryFile(t, 'unfit.yaml', {
      listen: '127.0.0.1:0', admin: { listen: '127.0.0.1:0' }, store: cluster.store.config(),
      cluster: { listen: `127.0.0.1:${await freePort()}`, name: 'n3', secret, silence, ...settings },
    });
    const { code, stderr } = await run(program('holdfastd'), ['--config', file]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /cannot join the cluster: n\d \S+ and this node refuse each other/);
  };
  await unfit({ tls: { ...rogue.issue('n3'), ca: rogue.ca } });
  await unfit({});
  await unfit({ tls: { ...authority.issue('n3'), ca: authority.ca }, secret: 'another-secret-of-a-cluster' });
  for (const node of cluster.nodes) assert.deepEqual(node.logged('cluster.dead'), [], 'nobody was harmed');

  await owner.kill();
  assert.equal(await echo(at(session, other), 'still here'), 'k: still here');
});

test('certificates and authorities are replaced while the cluster runs', clustered, async (t) => {
  const before = new Authority(t, 'before');
  const after = new Authority(t, 'after');
  const cluster = await SecureCluster.start(t, 2, { authority: before });
  const [owner, other] = cluster.nodes;
  const session = await Session.open(owner.mcp);
  let over = false;
  let calls = 0;
  const load = (async () => {
    for (; !over; ++calls) assert.equal(await echo(at(session, other), `${calls}`), `k: ${calls}`);
  })();
  load.catch(() => { over = true; });

  for (const node of cluster.nodes) {
    node.files.replace('node-key.pem', 'nonsense');
    node.process.signal('SIGHUP');
  }
  for (const node of cluster.nodes) await logged(node, 'cluster.tls_kept');
  const [again, next] = [before, after].map((authority) => cluster.nodes.map((node) => authority.issue(node.name)));
  for (const [i, node] of cluster.nodes.entries()) {
    node.files.show(again[i]);
    node.files.trust(before, after);
  }
  for (const node of cluster.nodes) await logged(node, 'cluster.tls_replaced');
  for (const [i, node] of cluster.nodes.entries()) {
    node.files.show(next[i]);
    node.process.signal('SIGHUP');
    await logged(node, 'cluster.tls_replaced', 2);
  }
  const client = showing(after.issue('client'));
  for (const node of cluster.nodes) assert.equal(await authorityOf(node, client), 'after');
  for (const node of cluster.nodes) {
    node.files.trust(after);
    node.process.signal('SIGHUP');
    await logged(node, 'cluster.tls_replaced', 3);
  }
  assert.equal(typeof await knock(owner, showing(before.issue('late'))), 'string', 'an authority that has been taken away');
  const then = calls;
  await waitFor('calls with the new certificates', () => over || calls > then + 3);
  over = true;
  await load;
  for (const node of cluster.nodes) assert.deepEqual(node.logged('cluster.dead'), [], 'nobody was thought dead');
});

test('clients connect by https', gatewayOnly, async (t) => {
  const authority = new Authority(t);
  const node = await startNode(t, { tls: authority.issue('gateway'), upstreams: { up: stdioFixture() } });
  assert.match(node.mcp, /^https:/);
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: authority.ca };
  const script = `
    import { Client } from '@modelcontextprotocol/sdk/client/index.js';
    import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL('${node.mcp}')));
    console.log((await client.callTool({ name: 'fixture_echo', arguments: { value: 'by https' } })).content[0].text);
    await client.close();`;
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const client = await run(process.execPath, ['--input-type=module', '-e', script], { env, cwd });
  assert.match(client.stdout, /"value":"by https"/, client.stderr);

  const tools = await run(program('holdfast'), ['tools', '--url', node.mcp], { env: { ...process.env, SSL_CERT_FILE: authority.ca } });
  assert.equal(tools.code, 0, tools.stderr);
  assert.match(tools.stdout, /echo/);
  const stranger = await run(program('holdfast'), ['tools', '--url', node.mcp], {});
  assert.notEqual(stranger.code, 0, 'it does not trust everybody');
  assert.match(stranger.stderr, /certificate/);
});

test('operators connect by https', gatewayOnly, async (t) => {
  const authority = new Authority(t);
  const token = 'a-token-for-operators';
  const node = await startNode(t, { admin: { ...quietAdmin, token, tls: authority.issue('admin') }, upstreams: {} });
  assert.match(node.admin, /^https:/);
  const asks = (env, ...words) => run(program('holdfast'), [...words, '--admin', node.admin], { env: { ...process.env, ...env } });
  const trusted = { HOLDFAST_ADMIN_CA: authority.ca, HOLDFAST_ADMIN_TOKEN: token };
  const status = await asks(trusted, 'status');
  assert.equal(status.code, 0, status.stderr);
  assert.match(status.stdout, /^cluster +1 node/m);
  const change = await asks(trusted, 'log', 'level', 'debug', '--yes');
  assert.equal(change.code, 0, change.stderr);
  const untrusting = await asks({ HOLDFAST_ADMIN_TOKEN: token }, 'status');
  assert.equal(untrusting.code, 4, untrusting.stderr);
  assert.match(untrusting.stderr, /certificate/);
  assert.match((await asks({ HOLDFAST_ADMIN_CA: authority.ca }, 'status')).stderr, /HOLDFAST_ADMIN_TOKEN/);
  const clear = await run(program('holdfast'), ['status', '--admin', node.admin.replace('https:', 'http:')], { env: { ...process.env, ...trusted } });
  assert.notEqual(clear.code, 0, clear.stdout);
  const script = spawnSync(program('holdfast'), ['shell', '--admin', node.admin], { env: { ...process.env, ...trusted }, input: 'nodes\n', encoding: 'utf8' });
  assert.equal(script.status, 0, script.stderr);
  assert.match(script.stdout, /^local +up/m);
});

test('operators show a certificate where the node wants one', gatewayOnly, async (t) => {
  const authority = new Authority(t);
  const node = await startNode(t, { admin: { ...quietAdmin, tls: { ...authority.issue('admin'), client_ca: authority.ca } }, upstreams: {} });
  const { port } = new URL(node.admin);
  const knocks = (options) => knock({ peers: port }, { path: '/v1/status', method: 'GET', headers: {}, ...options });
  assert.equal(await knocks(showing(authority.issue('operator'))), 200);
  for (const client of [{}, showing(new Authority(t).issue('rogue'))]) assert.equal(typeof await knocks(client), 'string');

  const asks = (env) => run(program('holdfast'), ['status', '--admin', node.admin], { env: { ...process.env, HOLDFAST_ADMIN_CA: authority.ca, ...env } });
  const own = authority.issue('operator');
  const status = await asks({ HOLDFAST_ADMIN_CERT: own.certificate, HOLDFAST_ADMIN_KEY: own.key });
  assert.equal(status.code, 0, status.stderr);
  assert.match(status.stdout, /^cluster +1 node/m);
  const level = await run(program('holdfast'), ['log', 'level', 'debug', '--yes', '--admin', node.admin],
    { env: { ...process.env, HOLDFAST_ADMIN_CA: authority.ca, HOLDFAST_ADMIN_CERT: own.certificate, HOLDFAST_ADMIN_KEY: own.key } });
  assert.equal(level.code, 0, level.stderr);
  assert.match(node.stderr, /audit\.log_level.*who"?[:=]"CN=operator from 127\.0\.0\.1:\d+"/);
  const nothing = await asks({});
  assert.notEqual(nothing.code, 0, nothing.stdout);
  assert.match(nothing.stderr, /certificate/);
  const half = await asks({ HOLDFAST_ADMIN_CERT: own.certificate });
  assert.equal(half.code, 2, half.stderr);
  assert.match(half.stderr, /HOLDFAST_ADMIN_KEY is not: a certificate and its key go together/);
  const unfit = await asks({ HOLDFAST_ADMIN_CERT: own.certificate, HOLDFAST_ADMIN_KEY: authority.issue('other').key });
  assert.notEqual(unfit.code, 0, unfit.stdout);
  assert.match(unfit.stderr, /is not the key of the certificate/);
});
