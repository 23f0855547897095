// What upstreams have done: one JSON text per line, appended before anybody is told of it. Only the gateway is killed,
// so the file needs no sync.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';

export const recorder = (file) => (entry) => appendFileSync(file, `${JSON.stringify({ at: Date.now(), ...entry })}\n`);

export function readRecord(file) {
  if (!existsSync(file)) return [];
  return linesOf(file);
}

/// A whole run, as the checker takes it: a line for each client, which together may be more than one text can hold.
export function writeRun(file, { clients, ...rest }) {
  writeFileSync(file, `${JSON.stringify(rest)}\n`);
  for (const client of clients) appendFileSync(file, `${JSON.stringify(client)}\n`);
}

export function readRun(file) {
  const [rest, ...clients] = linesOf(file);
  return { ...rest, clients };
}

const linesOf = (file) => readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
