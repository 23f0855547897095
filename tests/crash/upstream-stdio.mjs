#!/usr/bin/env node
// The recording upstream over stdio: it ends with the gateway that started it. No dependencies, Node >= 18.
//
//   node upstream-stdio.mjs RECORD_FILE TOOL_PREFIX
import readline from 'node:readline';
import { recorder } from './record.mjs';
import { execute, initializeResult, listTools, samplingRequest, tools } from './tools.mjs';

const record = recorder(process.argv[2]);
const prefix = process.argv[3];
const asked = new Map();
const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);

function ask(text) {
  record({ what: 'asked', key: text });
  return new Promise((done) => {
    asked.set(`ask-${text}`, (told) => {
      record({ what: 'told', key: text, text: told });
      done(told);
    });
    process.stdout.write(`${JSON.stringify(samplingRequest(`ask-${text}`, text))}\n`);
  });
}

async function respond({ method, params }) {
  if (method === 'initialize') return { result: initializeResult };
  if (method === 'logging/setLevel') record({ what: 'level', key: params.level });
  if (method === 'ping' || method === 'logging/setLevel') return { result: {} };
  if (method === 'tools/list') return { result: { tools: listTools(prefix) } };
  const name = params?.name?.slice(prefix.length);
  if (method !== 'tools/call' || !tools[name]) return { error: { code: -32601, message: 'no such thing' } };
  const progressToken = params._meta?.progressToken;
  const call = {
    progress: (progress, total) => {
      if (progressToken !== undefined) send({ method: 'notifications/progress', params: { progressToken, progress, total } });
    },
    say: (data) => send({ method: 'notifications/message', params: { level: 'info', data } }),
    ask,
    askAside: ask,
  };
  return { result: await execute(name, params.arguments ?? {}, call, record) };
}

const lines = readline.createInterface({ input: process.stdin });
lines.on('line', async (line) => {
  const message = JSON.parse(line);
  if (message.method === undefined) {
    asked.get(message.id)?.(message.result?.content?.text ?? `error ${message.error?.code}`);
    return asked.delete(message.id);
  }
  return message.id === undefined ? undefined : send({ id: message.id, ...(await respond(message)) });
});
lines.on('close', () => process.exit(0));
process.stdout.on('error', () => process.exit(0));
