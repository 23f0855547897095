// The public conformance suite, revision 2025-11-25.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { modules, run } from './processes.mjs';

export const revision = '2025-11-25';
/// How many scenarios it has. It lets those that it does not score fail.
export const scenarios = 30 + 3;

/// Runs every scenario of the revision and returns {scenario: [its checks]}.
export async function suite(t, url) {
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

/// [{scenario, why}] of what did not hold. The suite counts a scenario without any check as passed, and lets unscored ones
/// fail: we do not.
export const failuresOf = (checks) => Object.entries(checks).flatMap(([scenario, all]) => {
  const failed = all.filter((check) => check.status === 'FAILURE');
  if (failed.length) return failed.map((check) => ({ scenario, why: `${check.id ?? check.name}: ${check.errorMessage ?? JSON.stringify(check.details)}` }));
  return all.some((check) => check.status === 'SUCCESS') ? [] : [{ scenario, why: 'no check was made' }];
});
