// Records in files, one JSON text per line: what upstreams have done, and whole runs that have failed.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';

export const append = (file, entry) => appendFileSync(file, `${JSON.stringify(entry)}\n`);

/// What an upstream does, appended before anybody is told of it. Only the gateway is killed, so the file needs no sync.
export const recorder = (file) => (entry) => append(file, { at: Date.now(), ...entry });

export function readRecord(file) {
  if (!existsSync(file)) return [];
  return linesOf(file);
}

/// A whole run, as the checker takes it: a line for each client, as all of them may be more than one string can hold.
export function writeRun(file, { clients, ...rest }) {
  writeFileSync(file, `${JSON.stringify(rest)}\n`);
  for (const client of clients) append(file, client);
}

export function readRun(file) {
  const [rest, ...clients] = linesOf(file);
  return { ...rest, clients };
}

function linesOf(file) {
  const bytes = readFileSync(file);
  const lines = [];
  for (let at = 0, end; at < bytes.length; at = end + 1) {
    end = bytes.indexOf('\n', at);
    if (end < 0) end = bytes.length;
    lines.push(JSON.parse(bytes.toString('utf8', at, end)));
  }
  return lines;
}
