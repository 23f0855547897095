// What the clients do: calls of all kinds, one after the other in each of a client's lanes, until told to stop.
import { setTimeout as sleep } from 'node:timers/promises';
import { random } from './random.mjs';

const mixes = {
  plain: { quick: 6, slow: 5, count: 6, count_slow: 5, local_quick: 1, local_slow: 1, local_count: 1, local_count_slow: 1 },
  sampling: { quick: 5, slow: 4, count: 4, count_slow: 3, ask: 8 },
};

const argumentsOf = {
  quick: (choose, client) => ({ value: `v${choose.between(0, 999)}`, ...(client.sampling && choose.chance(0.5) ? { say: true } : {}) }),
  slow: (choose) => ({ ms: choose.between(50, 800), steps: choose.between(2, 12) }),
  count: (choose) => ({ counter: `c${choose.between(0, 4)}` }),
  count_slow: (choose) => ({ counter: `c${choose.between(0, 4)}`, ms: choose.between(20, 500), stream: choose.chance(0.5) }),
  ask: (choose) => ({ ms: choose.between(0, 200) }),
};

async function lane(client, choose, mix, pauseMs, load) {
  while (!load.over) {
    const shown = choose.pick(mix);
    const local = shown.startsWith('local_');
    const tool = local ? shown.slice('local_'.length) : shown;
    await client.call(tool, argumentsOf[tool](choose, client), { upstream: local ? 'stdio' : 'http', shown });
    await sleep(choose.between(0, pauseMs));
  }
}

/// Begins; the returned function stops it and waits for what is under way. `mix` replaces the usual one, `pauseMs` is the longest
/// pause between two calls of a lane.
export function begin(clients, { seed, lanes = 2, mix, pauseMs = 20 }) {
  const load = { over: false };
  const running = clients.flatMap((client, i) => Array.from({ length: lanes }, (_, j) =>
    lane(client, random(seed * 1000 + i * 10 + j), mix ?? (client.sampling ? mixes.sampling : mixes.plain), pauseMs, load)));
  return async () => {
    load.over = true;
    await Promise.all(running);
  };
}
