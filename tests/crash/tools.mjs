// The tools of the recording upstreams. Every call carries a `key` that its client chose and nobody else uses.
import { setTimeout as sleep } from 'node:timers/promises';

const counters = new Map();
const increment = (name) => {
  counters.set(name, (counters.get(name) ?? 0) + 1);
  return counters.get(name);
};

/// How a tool's answer travels over HTTP. `json`: as one object. `resumable`: on an event stream with ids that begins
/// with a priming event. `bare`: on an event stream without ids, which nobody can resume.
///
/// `begin` runs at once and says what is recorded of the execution beside its key; `run` does the rest and returns the
/// text of the result. `call` is the way to the client: progress(n), say(text), ask(text) -> text, and askAside(text) for
/// what belongs to no call.
export const tools = {
  quick: {
    readOnly: true,
    travels: () => 'json',
    run: async ({ value = '', say = false }, call) => {
      if (say) call.say(call.key);
      return value;
    },
  },
  slow: {
    travels: () => 'resumable',
    run: async ({ ms = 300, steps = 6 }, call) => {
      for (let i = 1; i <= steps; ++i) {
        await sleep(ms / steps);
        call.progress(i, steps);
      }
      return `${steps} steps`;
    },
  },
  count: {
    travels: () => 'json',
    begin: ({ counter }) => ({ counter, value: increment(counter) }),
    run: async (_, call) => `${call.begun.counter} ${call.begun.value}`,
  },
  count_slow: {
    travels: ({ stream = false }) => (stream ? 'bare' : 'json'),
    begin: ({ counter }) => ({ counter, value: increment(counter) }),
    run: async ({ ms = 300 }, call) => {
      await sleep(ms);
      return `${call.begun.counter} ${call.begun.value}`;
    },
  },
  ask: {
    travels: () => 'resumable',
    run: async ({ ms = 20 }, call) => {
      await sleep(ms);
      return `was told ${await call.ask(call.key)}`;
    },
  },
  ask_aside: {
    travels: () => 'json',
    run: async (_, call) => {
      call.askAside(call.key);
      return 'asks';
    },
  },
};

/// Tools that were added while the upstream ran.
const grown = [];
export const grow = () => grown.push(`grown_${grown.length + 1}`);

export const listTools = (prefix = '') => [
  ...Object.entries(tools).map(([name, tool]) => ({
    name: prefix + name, description: `Does what ${name} says`, inputSchema: { type: 'object' },
    ...(tool.readOnly ? { annotations: { readOnlyHint: true } } : {}),
  })),
  ...grown.map((name) => ({ name: prefix + name, description: 'Was added', inputSchema: { type: 'object' } })),
];

/// Runs a tool and records it: `executed` before anything else happens, `returned` before the answer leaves.
export async function execute(name, args, call, record) {
  const tool = tools[name];
  call.key = args.key;
  call.begun = tool.begin?.(args) ?? {};
  record({ what: 'executed', tool: name, key: args.key, ...call.begun });
  const text = `${args.key}: ${await tool.run(args, call)}`;
  record({ what: 'returned', key: args.key, text });
  return { content: [{ type: 'text', text }] };
}

export const initializeResult = {
  protocolVersion: '2025-11-25', serverInfo: { name: 'recording-upstream', version: '1' },
  capabilities: { tools: { listChanged: true }, logging: {} },
};

export const samplingRequest = (id, text) => ({
  jsonrpc: '2.0', id, method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text } }], maxTokens: 10 },
});
