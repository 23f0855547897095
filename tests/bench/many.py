"""What many upstreams cost, some of which hang; and what upstreams cost that are one user's own."""
import contextlib
import json
import socket
import statistics
import time
import urllib.request

from processes import failed, resident_bytes, say

GOOD, HUNG = 40, 10
USERS = 1000
TOKEN = "token-of-user-{}-0123456789"


@contextlib.contextmanager
def hung_port():
    """Connections are made, and nothing is ever answered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1000)
        yield listener.getsockname()[1]


class session:
    """One client, without a stream of its own."""

    def __init__(self, url, token=None):
        self.url, self.id, self.headers = url, 0, {"content-type": "application/json", "accept": "application/json, text/event-stream"}
        if token:
            self.headers["authorization"] = f"Bearer {token}"
        self.ask("initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "bench", "version": "1"})
        self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def post(self, message):
        request = urllib.request.Request(self.url, json.dumps(message).encode(), self.headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            if "mcp-session-id" in answer.headers:
                self.headers["mcp-session-id"] = answer.headers["mcp-session-id"]
            return answer.headers.get("content-type", ""), answer.read().decode()

    def ask(self, method, **params):
        self.id += 1
        kind, text = self.post({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params})
        if kind.startswith("text/event-stream"):
            text = [line[6:] for line in text.splitlines() if line.startswith("data: {")][-1]
        answer = json.loads(text)
        if "result" not in answer:
            raise failed(f"{method}: {text}")
        return answer["result"]


def define(admin, name, user, definition):
    request = urllib.request.Request(f"{admin}/v1/registry/upstreams/{name}?user={user}", json.dumps(definition).encode(),
                                     {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        done = json.loads(answer.read())
    if not done["done"]:
        raise failed(f"{user}/{name}: {done['summary']}")


def measure_start(b, options):
    """From the start of a node to a call of an upstream that answers, and to its first list."""
    runs = {}
    with b.upstream() as (_, url), hung_port() as port:
        for turn in range(options.runs):
            for hung in (0, HUNG):
                say(f"many upstreams, run {turn + 1} of {options.runs}, {hung} of them hang")
                others = {f"good{i}": {"url": url} for i in range(1, GOOD)} | {f"hung{i}": {"url": f"http://127.0.0.1:{port}/mcp"} for i in range(hung)}
                begun = time.monotonic()
                with b.node({"url": url}, name="many", upstreams={"good0": {"url": url}, **others}) as (_, node):
                    ready = time.monotonic()
                    one = session(node)
                    opened = time.monotonic()
                    listed = len(one.ask("tools/list")["tools"])
                    runs.setdefault(hung, []).append({"ready": ready - begun, "opened": opened - ready, "listed": time.monotonic() - opened,
                                                      "tools": listed})
    return [{"hung": hung, **{key: statistics.median(r[key] for r in reports) for key in reports[0]}} for hung, reports in runs.items()]


def measure_users(b, options):
    users = [{"name": f"user{i}", "token": TOKEN.format(i)} for i in range(USERS)]
    with b.upstream() as (_, url):
        common = {f"common{i}": {"url": url} for i in range(GOOD)}
        settings = {"access": {"users": users}, "registry": {"upstreams_max": USERS}, "upstreams": common}
        with b.node({"url": url}, options.threads[0], name="users", **settings) as (node, mcp):
            session(mcp, TOKEN.format(0)).ask("tools/list")
            time.sleep(1)
            before = resident_bytes(node.pid)
            took = []
            for i in range(USERS):
                begun = time.monotonic()
                define(node.admin, "own", f"user{i}", {"url": url, "headers": {"X-Credentials": f"of-{i}"}})
                took.append(time.monotonic() - begun)
            defined = resident_bytes(node.pid)
            say(f"{USERS} users, each with an upstream of their own")
            open_ones = []
            for i in range(USERS):
                open_ones.append(session(mcp, TOKEN.format(i)))
                if "own" not in json.dumps(open_ones[-1].ask("tools/list")):
                    raise failed(f"user{i} does not see the upstream of their own")
            time.sleep(1)
            used = resident_bytes(node.pid)
            last = time.monotonic()
            define(node.admin, "own", "user0", {"url": url, "headers": {"X-Credentials": "another"}})
            last = time.monotonic() - last
    return {"users": USERS, "defined_bytes": (defined - before) / USERS, "used_bytes": (used - defined) / USERS,
            "first_ms": statistics.median(took[:50]) * 1000, "last_ms": statistics.median(took[-50:]) * 1000, "change_ms": last * 1000,
            "before_mib": before / 2**20, "after_mib": used / 2**20}


def measure(b, options):
    return {"start": measure_start(b, options), "users": measure_users(b, options)}


def tables(results):
    yield (f"{GOOD} upstreams that answer, and some that hang",
           ["that hang", "node ready ms", "session open ms", "first list ms", "tools listed"],
           [[str(r["hung"]), *(r[k] * 1000 for k in ("ready", "opened", "listed")), str(int(r["tools"]))] for r in results["start"]])
    u = results["users"]
    yield (f"{u['users']} users, each with an upstream of their own, beside {GOOD} for everybody",
           ["KiB for each defined", "KiB for each in use", "node before MiB", "with them MiB", "to define, first ms", "last ms", "to change, all in use ms"],
           [[u["defined_bytes"] / 1024, u["used_bytes"] / 1024, u["before_mib"], u["after_mib"], u["first_ms"], u["last_ms"], u["change_ms"]]])
