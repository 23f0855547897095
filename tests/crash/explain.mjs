#!/usr/bin/env node
// Tells the story of one call, or of a session's own stream, from the records that a failed run has left.
//
//   node explain.mjs FOLDER KEY         KEY as the checker names it: s3.17, or s3 for the own stream
import path from 'node:path';
import { shown } from '../chaos/plan.mjs';
import { readRun } from './record.mjs';

const [folder, key] = process.argv.slice(2);
const run = readRun(path.join(folder, 'run'));
const client = run.clients.find(({ name }) => name === key.split('.')[0]);
const call = client.calls.find((c) => c.key === key) ?? client.streams[0];
const from = call.started ?? 0;
const to = (call.ended ?? Infinity) + 1000;

const said = ({ id, message }) => `event ${id ?? ''} ${message ? message.method ?? 'answer' : '(none)'} ${message?.params?.progress ?? message?.params?.data ?? ''}`;
const story = [
  ...(call.started ? [[call.started, `client: calls ${call.upstream} ${call.tool} ${JSON.stringify(call.args)}`]] : []),
  ...call.attempts.map((a) => [a.at, `client: ${a.how}: ${a.status ?? ''} ${a.ended ?? ''} ${a.body ?? ''}`]),
  ...call.events.map((e) => [e.at, `client: ${said(e)}`]),
  ...(call.outcomes ?? []).map((o) => [o.at, `client: outcome ${JSON.stringify(o)}`]),
  ...client.told.filter((t) => t.key === key).map((t) => [t.at, `client: tells ${t.id}: ${t.taken ? 'taken' : 'not taken'}`]),
  ...client.troubles.filter((t) => t.of === key || call.tool === undefined).map((t) => [t.at, `client: ${t.what}: ${t.status} ${t.of ?? ''}`]),
  ...run.executions.filter((e) => e.key === key).map((e) => [e.at, `upstream: ${e.what} ${e.text ?? ''}`]),
  ...(run.passed ?? []).filter((p) => p.key === key).map((p) => [p.at, `balancer: to ${p.node}`]),
  ...(run.faults ?? []).flatMap((f) => [[f.began, `fault: ${shown(f)}`], [f.ended, `fault: ${f.kind} ${f.node ?? ''} is over`]]),
  ...(run.story ?? []).map((death) => [death.at, `node: ${death.by} says ${death.node} is dead`]),
  ...(run.faults ? [] : run.crashes).flatMap((c) => [[c.at, `node: killed (${c.why})`], ...(c.back ? [[c.back, 'node: serves']] : [])]),
].filter(([at]) => at >= from && at <= to).sort(([a], [b]) => a - b);
for (const [at, what] of story) console.log(`${String(at - (story[0]?.[0] ?? 0)).padStart(7)} ms  ${what}`);
