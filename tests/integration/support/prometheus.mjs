// A real Prometheus that watches nodes, and what the dashboard asks it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, Process, waitFor } from './processes.mjs';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let programs;

/// Whether its programs are there: installed, or unpacked from the package. If they cannot be had, the test is skipped and
/// says so; in CI it fails.
export function hasPrometheus(t) {
  if (!programs) {
    const found = spawnSync(path.join(root, 'tools/prometheus'), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 200_000 });
    if (found.status === 0) programs = found.stdout.trim();
    else if (process.env.CI) assert.fail(found.stderr || String(found.error));
    else t.skip(found.stderr.trim().split('\n').at(-1) || String(found.error));
  }
  return programs !== undefined;
}

/// One of its programs, once they are there.
export const prometheusProgram = (name) => path.join(programs, name);

/// What `promtool check metrics` finds wrong with a text; empty if nothing.
export function troubleWith(text) {
  const checked = spawnSync(prometheusProgram('promtool'), ['check', 'metrics'], { input: text, encoding: 'utf8' });
  return checked.stderr + checked.stdout + (checked.status === 0 ? '' : `promtool: ${checked.status ?? checked.error}`);
}

export const metricsUrl = (node) => `${node.admin.startsWith('http') ? node.admin : `http://${node.admin}`}/metrics`;

export async function metricsOf(node) {
  const response = await fetch(metricsUrl(node), node.token ? { headers: { authorization: `Bearer ${node.token}` } } : {});
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  return response.text();
}

/// The samples of a text: {name, labels, value}.
export function samplesOf(text) {
  return text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => {
    const [, name, labels, value] = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? assert.fail(`not a sample: ${line}`);
    return { name, labels: Object.fromEntries([...(labels ?? '').matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, k, v]) => [k, v])), value: Number(value) };
  });
}

/// The value of the one sample that has these labels, 0 if there is none.
export function valueOf(text, name, labels = {}) {
  const fits = (s) => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v);
  return samplesOf(text).filter(fits).reduce((sum, s) => sum + s.value, 0);
}

export class Prometheus {
  /// Scrapes the nodes every `interval` seconds, under their names.
  static async start(t, nodes, interval) {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-prometheus-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const scrape = nodes.map((n) => ({ targets: [new URL(metricsUrl(n)).host], labels: { instance: n.name } }));
    const file = path.join(folder, 'prometheus.yml');
    // JSON is YAML.
    writeFileSync(file, JSON.stringify({
      global: { scrape_interval: `${interval * 1000}ms`, scrape_timeout: `${interval * 1000}ms` },
      scrape_configs: [{ job_name: 'holdfast', static_configs: scrape }],
    }));
    const prometheus = new Prometheus();
    const port = await freePort();
    prometheus.url = `http://127.0.0.1:${port}`;
    prometheus.began = Date.now() / 1000;
    prometheus.process = new Process(prometheusProgram('prometheus'), [
      `--config.file=${file}`, `--storage.tsdb.path=${path.join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`]);
    t.after(() => prometheus.process.kill());
    await waitFor('Prometheus to be ready', async () => {
      if (prometheus.process.exit) assert.fail(prometheus.process.stderr.slice(-2000));
      return (await fetch(`${prometheus.url}/-/ready`).catch(() => undefined))?.ok;
    }, 30_000);
    return prometheus;
  }

  async ask(what, parameters) {
    const response = await fetch(`${this.url}/api/v1/${what}`, { method: 'POST', body: new URLSearchParams(parameters) });
    const answer = await response.json();
    assert.equal(answer.status, 'success', `${JSON.stringify(parameters)}: ${answer.error}`);
    return answer.data.result ?? answer.data;
  }

  /// The value of a query now that has one; undefined if it has none.
  async value(query) {
    const [first] = await this.ask('query', { query });
    return first && Number(first.value[1]);
  }

  /// All series of a query from the start on: [{metric, values: [[time, text]]}].
  range(query, step = 1) {
    return this.ask('query_range', { query, start: this.began, end: Date.now() / 1000, step });
  }
}

/// What a dashboard asks, with the variables filled in: {title, query, legend}.
export function queriesOf(dashboard, { rate, range }) {
  const fill = (query) => query.replaceAll('$__rate_interval', rate).replaceAll('$__range', range).replaceAll('$instance', '.*');
  const panels = dashboard.panels.flatMap((p) => (p.targets ?? []).map((target) => ({ title: p.title, query: fill(target.expr), legend: target.legendFormat })));
  const notes = (dashboard.annotations?.list ?? []).map((a) => ({ title: a.name, query: fill(a.expr), legend: a.titleFormat ?? '' }));
  return [...panels, ...notes];
}

export const dashboard = () => JSON.parse(readFileSync(path.join(root, 'conf/grafana/holdfast.json'), 'utf8'));
