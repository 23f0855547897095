"""How long a session is unavailable when its node goes, and what a call through another node costs."""
import contextlib
import http.client
import json
import os
import signal
import statistics
import threading
import time
import urllib.parse
import urllib.request

from processes import cpu_seconds, failed, free_port, say

SETTLE_TIMEOUT = 30
CALL = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "echo", "arguments": {"text": "x"}}}
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
        began = time.monotonic()
        answer = self.post(url, CALL | {"id": self.last})
        text = answer.read()
        took = time.monotonic() - began
        cut = b'"mayHaveRun":true' in text
        self.interrupted += cut
        if answer.status != 200 or not (cut or b'"result"' in text):
            raise failed(f"a call was answered {answer.status}: {text[:200]}")
        return took * 1e6


class member:
    """A node of the cluster that has several lives."""

    def __init__(self, b, name, upstream, store):
        self.b, self.name, self.upstream = b, name, upstream
        self.port = free_port()
        self.settings = {"store": store, "listen": f"127.0.0.1:{self.port}",
                         "cluster": {"name": name, "listen": f"127.0.0.1:{free_port()}"}}
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


@contextlib.contextmanager
def cluster_of_three(b, upstream_url):
    with b.redis() as redis, contextlib.ExitStack() as lives:
        store = f"redis://127.0.0.1:{redis.port}"
        members = []
        for name in ("n1", "n2", "n3"):
            members.append(member(b, name, {"url": upstream_url}, store))
            lives.callback(members[-1].clear)
        settle(members)
        yield members


def longest_call(owner, other, how):
    """Of a session that lives on `owner`, called through `other` while the owner goes, until a call that began after that
    was answered: microseconds, and how many calls were interrupted."""
    session = client(owner.url)
    went = threading.Event()

    def go():
        os.kill(owner.process.pid, how)
        went.set()

    for _ in range(20):
        session.call(other.url)
    timer = threading.Timer(0.05, go)
    timer.start()
    latencies = []
    is_last = False
    while not is_last:
        is_last = went.is_set()
        latencies.append(session.call(other.url))
    timer.join()
    return max(latencies), session.interrupted


def measure(b, options):
    rows = []
    ways = {"killed (-9)": (signal.SIGKILL, options.kills), "frozen": (signal.SIGSTOP, max(1, options.kills // 5)),
            "stopped (SIGTERM)": (signal.SIGTERM, max(1, options.kills // 5))}
    with b.upstream() as (_, upstream_url), cluster_of_three(b, upstream_url) as members:
        for what, (how, times) in ways.items():
            gaps, interrupted = [], 0
            for turn in range(times):
                if turn % 10 == 0:
                    say(f"failover, {what}, {turn} of {times}")
                owner, other = members[turn % 3], members[(turn + 1) % 3]
                gap, cut = longest_call(owner, other, how)
                gaps.append(gap)
                interrupted += cut
                owner.process.kill() if how == signal.SIGSTOP else owner.process.wait(20)
                owner.clear()
                owner.start()
                settle(members)
            gaps.sort()
            rows.append({"what": what, "times": times, "p50_ms": statistics.median(gaps) / 1e3,
                         "p99_ms": gaps[min(len(gaps) - 1, int(len(gaps) * 0.99))] / 1e3, "max_ms": gaps[-1] / 1e3,
                         "interrupted": interrupted})
        return {"gaps": rows, "hop": measure_hop(members)}


def measure_hop(members, calls=3000):
    session = client(members[0].url)
    rows = []
    for what, through in (("its own node", members[0]), ("another node", members[1])):
        for _ in range(200):
            session.call(through.url)
        before = sum(cpu_seconds(m.process.pid) for m in members)
        latencies = sorted(session.call(through.url) for _ in range(calls))
        spent = sum(cpu_seconds(m.process.pid) for m in members) - before
        rows.append({"what": what, "p50_us": latencies[calls // 2], "cpu_us": spent / calls * 1e6})
    return rows


def tables(results):
    """(title, head, rows) of everything above."""
    yield ("The node of a session goes: the longest call through another node", ["how", "times", "p50 ms", "p99 ms", "longest ms", "calls interrupted"],
           [[r["what"], str(r["times"]), r["p50_ms"], r["p99_ms"], r["max_ms"], str(r["interrupted"])] for r in results["gaps"]])
    yield ("One call after another, of one session, through", ["", "p50 µs", "CPU of all nodes µs/call"],
           [[r["what"], r["p50_us"], r["cpu_us"]] for r in results["hop"]])
