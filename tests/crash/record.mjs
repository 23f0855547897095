// What upstreams have done: one JSON text per line, appended before anybody is told of it. Only the gateway is killed,
// so the file needs no sync.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

export const recorder = (file) => (entry) => appendFileSync(file, `${JSON.stringify({ at: Date.now(), ...entry })}\n`);

export function readRecord(file) {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
}
