// The public conformance suite through the gateway.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failuresOf, revision, scenarios, suite } from './support/conformance.mjs';
import { nodesOfGateway, startGateway } from './support/launcher.mjs';
import { direct, published, startFixture, startNode, stdioFixture } from './support/processes.mjs';

async function passes(t, url) {
  const { code, output, checks } = await suite(t, url);
  assert.deepEqual(failuresOf(checks), []);
  assert.equal(Object.keys(checks).length, scenarios, output.slice(-3000));
  assert.equal(code, 0, output.slice(-3000));
}

for (const eras of nodesOfGateway > 1 ? ['legacy'] : ['legacy', 'legacy,modern']) {
  test(`all of ${revision} holds through an HTTP upstream (${eras})`, async (t) => {
    const fixture = await startFixture(t, '--eras', eras);
    await passes(t, (await startGateway(t, { upstreams: { fixture: { url: fixture.url } } })).mcp);
  });

  test(`all of ${revision} holds through a stdio upstream (${eras})`, { skip: direct }, async (t) => {
    await passes(t, (await startGateway(t, { upstreams: { fixture: stdioFixture('--eras', eras) } })).mcp);
  });

  test(`all of ${revision} holds through one of three upstreams (${eras})`, { skip: direct || nodesOfGateway > 1 }, async (t) => {
    const fixture = await startFixture(t, '--eras', eras);
    const upstreams = { memory: published('memory'), fixture: { url: fixture.url }, everything: published('everything') };
    await passes(t, (await startNode(t, { upstreams })).mcp);
  });
}
