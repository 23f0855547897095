"""Nodes of a cluster, and clients that ask any of them."""
import contextlib
import http.client
import json
import subprocess
import time
import urllib.parse
import urllib.request

from processes import failed, free_port

SETTLE_TIMEOUT = 30
CALL_TIMEOUT = 20
CALL = {"jsonrpc": "2.0", "method": "tools/call"}
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


class client:
    """One session, over a connection of its own to each node that it is asked through."""

    def __init__(self, url):
        self.headers = dict(HEADERS)
        self.connections = {}
        self.last = self.interrupted = 0
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
        answer = self.post(url, {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello})
        self.headers["Mcp-Session-Id"] = answer.getheader("Mcp-Session-Id")
        answer.read()
        self.post(url, {"jsonrpc": "2.0", "method": "notifications/initialized"}).read()

    def post(self, url, message):
        where = urllib.parse.urlsplit(url)
        if url not in self.connections:
            self.connections[url] = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
        try:
            self.connections[url].request("POST", where.path, json.dumps(message), self.headers)
            return self.connections[url].getresponse()
        except OSError:
            del self.connections[url]
            raise

    def call(self, url):
        """Microseconds. The answer must be a result, or say that the call was under way when its node went."""
        self.last += 1
        return self.repeat(url)

    def repeat(self, url):
        """The last call again, as a client does who did not get its answer. Each has a text of its own."""
        began = time.monotonic()
        answer = self.post(url, CALL | {"id": self.last, "params": {"name": "echo", "arguments": {"text": str(self.last)}}})
        text = b""
        # A stream without its end has comments now and then, so that no read of it takes too long.
        while part := answer.read1(1 << 16):
            text += part
            if time.monotonic() > began + CALL_TIMEOUT:
                raise failed(f"call {self.last} of session {self.headers['Mcp-Session-Id']} has no answer after {CALL_TIMEOUT} s: {text[-200:]}")
        answer.close()
        took = time.monotonic() - began
        cut = b'"mayHaveRun":true' in text
        self.interrupted += cut
        if answer.status != 200 or not (cut or b'"result"' in text):
            raise failed(f"a call was answered {answer.status}: {text[:200]}")
        return took * 1e6


class member:
    """A node of the cluster that has several lives."""

    def __init__(self, b, name, upstream, store, **cluster):
        self.b, self.name, self.upstream = b, name, upstream
        self.port = free_port()
        self.settings = {"store": store, "listen": f"127.0.0.1:{self.port}",
                         "cluster": {"name": name, "listen": f"127.0.0.1:{free_port()}", **cluster}}
        self.life = contextlib.ExitStack()
        self.start()

    def start(self):
        self.process, self.url = self.life.enter_context(self.b.node(self.upstream, 1, name=self.name, **self.settings))

    def clear(self):
        self.life.close()
        self.life = contextlib.ExitStack()

    def cluster(self):
        with urllib.request.urlopen(f"{self.process.admin}/mcp/health", timeout=10) as answer:
            return json.load(answer)["cluster"]


def settle(members):
    """Until every slot has one owner."""
    deadline = time.monotonic() + SETTLE_TIMEOUT
    while time.monotonic() < deadline:
        views = [m.cluster() for m in members]
        if all(len(v["members"]) == len(members) for v in views) and sum(v["slots"] for v in views) == 1024:
            return
        time.sleep(0.02)
    raise failed("the cluster did not come to rest")


def certificate(folder):
    """One for all nodes, which is its own authority."""
    files = {"certificate": str(folder / "node.pem"), "key": str(folder / "node-key.pem"), "ca": str(folder / "node.pem")}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-keyout", files["key"], "-out", files["certificate"], "-subj", "/CN=bench"], check=True, capture_output=True)
    return files


@contextlib.contextmanager
def cluster_of_three(b, upstream_url, **cluster):
    with b.redis() as redis, nodes(b, upstream_url, f"redis://127.0.0.1:{redis.port}", **cluster) as members:
        yield members


@contextlib.contextmanager
def nodes(b, upstream_url, store, **cluster):
    with contextlib.ExitStack() as lives:
        members = []
        for name in ("n1", "n2", "n3"):
            members.append(member(b, name, {"url": upstream_url}, store, **cluster))
            lives.callback(members[-1].clear)
        settle(members)
        yield members
