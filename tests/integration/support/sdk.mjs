// The published TypeScript clients, version 1 and version 2, behind one face.
import * as v2 from '@modelcontextprotocol/client';
import { Client as V1Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as V1Sse } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport as V1Http } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as v1 from '@modelcontextprotocol/sdk/types.js';

const v1Requests = {
  'sampling/createMessage': v1.CreateMessageRequestSchema,
  'elicitation/create': v1.ElicitRequestSchema,
  'roots/list': v1.ListRootsRequestSchema,
};
const v1Notifications = {
  'notifications/message': v1.LoggingMessageNotificationSchema,
  'notifications/resources/updated': v1.ResourceUpdatedNotificationSchema,
  'notifications/resources/list_changed': v1.ResourceListChangedNotificationSchema,
  'notifications/tools/list_changed': v1.ToolListChangedNotificationSchema,
};
const info = { name: 'integration-test', version: '1' };
const patience = {
  reconnectionOptions: { initialReconnectionDelay: 50, maxReconnectionDelay: 200, reconnectionDelayGrowFactor: 1.2, maxRetries: 20 },
};

/// Connects a client. `handle` answers requests of the server by method; `on` hears its notifications.
async function connect(adapter, t, url, { capabilities = {}, handle = {}, on = {}, fetch, sse = false } = {}) {
  const client = adapter.client({ capabilities });
  for (const [method, answer] of Object.entries(handle)) adapter.handle(client, method, answer);
  for (const [method, hear] of Object.entries(on)) adapter.on(client, method, hear);
  const transport = adapter.transport(new URL(url), { ...patience, ...(fetch ? { fetch } : {}) }, sse);
  await client.connect(transport);
  t.after(() => client.close());
  return { client, transport, call: (name, args = {}, options = {}) => adapter.call(client, { name, arguments: args }, { timeout: 15_000, ...options }) };
}

const version1 = {
  client: (options) => new V1Client(info, options),
  transport: (url, options, sse) => (sse ? new V1Sse(url, options) : new V1Http(url, options)),
  handle: (client, method, answer) => client.setRequestHandler(v1Requests[method], (request) => answer(request.params)),
  on: (client, method, hear) => client.setNotificationHandler(v1Notifications[method], (note) => hear(note.params)),
  call: (client, params, options) => client.callTool(params, undefined, options),
};

/// With `auto` the client first asks for 2026-07-28 and falls back.
const version2 = {
  client: (options) => new v2.Client(info, { ...options, versionNegotiation: { mode: 'auto' } }),
  transport: (url, options, sse) => (sse ? new v2.SSEClientTransport(url, options) : new v2.StreamableHTTPClientTransport(url, options)),
  handle: (client, method, answer) => client.setRequestHandler(method, (request) => answer(request.params)),
  on: (client, method, hear) => client.setNotificationHandler(method, (note) => hear(note.params)),
  call: (client, params, options) => client.callTool(params, options),
};

export const sdks = {
  v1: (t, url, options) => connect(version1, t, url, options),
  v2: (t, url, options) => connect(version2, t, url, options),
};

/// A `fetch` whose event streams break off after `events` events, `times` times in all.
export function cuttingFetch(events, times = 1) {
  const state = { cuts: 0, resumed: 0 };
  const cutting = async (url, init) => {
    const headers = new Headers(init?.headers);
    if (headers.has('last-event-id')) ++state.resumed;
    const response = await fetch(url, init);
    const isPost = init?.method === 'POST';
    const streams = /event-stream/.test(response.headers.get('content-type') ?? '');
    if (!streams || !(isPost || headers.has('last-event-id'))) return response;
    const reader = response.body.getReader();
    let seen = 0;
    const body = new ReadableStream({
      async pull(controller) {
        const { done, value } = await reader.read().catch(() => ({ done: true }));
        if (done) return controller.close();
        seen += Buffer.from(value).toString().split('\n\n').length - 1;
        controller.enqueue(value);
        if (seen >= events && state.cuts < times) {
          ++state.cuts;
          await reader.cancel();
          controller.error(new Error('the connection was cut'));
        }
      },
      cancel: () => reader.cancel(),
    });
    return new Response(body, { status: response.status, headers: response.headers });
  };
  return Object.assign(cutting, { state });
}
