// What nodes send to others, seen from outside: a collector of spans, and a proxy before an upstream.
import http from 'node:http';

const bodyOf = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
};

async function listen(t, handler) {
  const server = http.createServer(handler);
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => { server.close(); server.closeAllConnections(); });
  return `http://127.0.0.1:${server.address().port}`;
}

/// An OpenTelemetry collector: `spans` as they came, flat, each with the name of its node, and the `bodies` that they came in;
/// `status` is what it answers.
export async function startCollector(t) {
  const collector = { spans: [], bodies: [], headers: [], status: 200 };
  const base = await listen(t, async (request, response) => {
    const text = (await bodyOf(request)).toString();
    const body = JSON.parse(text);
    collector.bodies.push(text);
    collector.headers.push(request.headers);
    if (collector.status === 200) {
      for (const { resource, scopeSpans } of body.resourceSpans ?? []) {
        const node = resource.attributes.find((a) => a.key === 'service.instance.id').value.stringValue;
        for (const span of scopeSpans.flatMap((s) => s.spans))
          collector.spans.push({ ...span, node, is: Object.fromEntries(span.attributes.map((a) => [a.key, a.value.stringValue])) });
      }
    }
    response.writeHead(collector.status, { 'content-type': 'application/json' }).end('{}');
  });
  collector.url = `${base}/v1/traces`;
  return collector;
}

/// Stands before an HTTP server, and notes the POSTs that go there: {headers, body}.
export async function startProxy(t, url) {
  const proxy = { posts: [] };
  const base = await listen(t, async (request, response) => {
    const body = await bodyOf(request);
    if (request.method === 'POST') proxy.posts.push({ headers: request.headers, body: JSON.parse(body) });
    const onward = http.request(new URL(request.url, url), { method: request.method, headers: { ...request.headers, host: new URL(url).host } }, (reply) => {
      response.writeHead(reply.statusCode, reply.headers);
      response.flushHeaders();
      reply.pipe(response);
    });
    response.on('close', () => onward.destroy());
    onward.on('error', () => response.destroy());
    onward.end(body);
  });
  proxy.url = base + new URL(url).pathname;
  return proxy;
}
