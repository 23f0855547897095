// The public conformance suite, revision 2025-11-25, through the gateway.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { direct, modules, published, run, startFixture, startNode, stdioFixture } from './support/processes.mjs';

const revision = '2025-11-25';
const scored = 30;
const unscored = 3;

/// Runs every scenario of the revision and returns {scenario: [statuses of its checks]}.
async function suite(t, url) {
  const out = mkdtempSync(path.join(os.tmpdir(), 'holdfast-conformance-'));
  t.after(() => rmSync(out, { recursive: true }));
  const main = path.join(modules, '@modelcontextprotocol', 'conformance', 'dist', 'index.js');
  const { code, stdout, stderr } = await run(process.execPath,
    [main, 'server', '--url', url.replace('127.0.0.1', 'localhost'), '--requirements', revision, '--timeout', '30000', '-o', out],
    { env: { ...process.env, NO_COLOR: '1' } }, 60_000);
  const checks = {};
  for (const folder of readdirSync(out)) {
    const scenario = folder.replace(/^server-/, '').replace(/-\d{4}-\d{2}-\d{2}T.*$/, '');
    checks[scenario] = JSON.parse(readFileSync(path.join(out, folder, 'checks.json'), 'utf8'));
  }
  return { code, output: stdout + stderr, checks };
}

/// The suite counts a scenario without any check as passed, and lets unscored ones fail: we do not.
async function passes(t, url) {
  const { code, output, checks } = await suite(t, url);
  const bad = Object.entries(checks).flatMap(([scenario, all]) => {
    const failed = all.filter((check) => check.status === 'FAILURE');
    if (failed.length) return failed.map((check) => `${scenario}: ${check.id ?? check.name}: ${check.errorMessage ?? JSON.stringify(check.details)}`);
    return all.some((check) => check.status === 'SUCCESS') ? [] : [`${scenario}: no check was made`];
  });
  assert.deepEqual(bad, []);
  assert.equal(Object.keys(checks).length, scored + unscored, output.slice(-3000));
  assert.equal(code, 0, output.slice(-3000));
}

for (const eras of ['legacy', 'legacy,modern']) {
  test(`all of ${revision} holds through an HTTP upstream (${eras})`, async (t) => {
    const fixture = await startFixture(t, '--eras', eras);
    await passes(t, (await startNode(t, { upstreams: { fixture: { url: fixture.url } } })).mcp);
  });

  test(`all of ${revision} holds through a stdio upstream (${eras})`, { skip: direct }, async (t) => {
    await passes(t, (await startNode(t, { upstreams: { fixture: stdioFixture('--eras', eras) } })).mcp);
  });

  test(`all of ${revision} holds through one of three upstreams (${eras})`, { skip: direct }, async (t) => {
    const fixture = await startFixture(t, '--eras', eras);
    const upstreams = { memory: published('memory'), fixture: { url: fixture.url }, everything: published('everything') };
    await passes(t, (await startNode(t, { upstreams })).mcp);
  });
}
