"""The master of a cluster's Redis goes, with two replicas and three Sentinels: how long its sessions are unavailable, and whether
anything that was acknowledged is lost."""
import collections
import contextlib
import http.server
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time

from cluster import client, nodes, settle
from processes import failed, free_port, running, say, wait_for_port

READY_TIMEOUT = 30
DOWN_AFTER_MS = 500
REPLICAS = 2


class recorder(http.server.BaseHTTPRequestHandler):
    """An MCP server that counts how often it was called with which text."""
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "id" not in asked:
            return self.answer(202, b"")
        return self.answer(200, json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": self.result(asked)}).encode())

    def result(self, asked):
        if asked["method"] == "initialize":
            return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "recorder", "version": "1"}}
        if asked["method"] == "tools/list":
            return {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}
        if asked["method"] != "tools/call":
            return {}
        text = asked["params"]["arguments"]["text"]
        with self.server.lock:
            self.server.calls[text] += 1
        return {"content": [{"type": "text", "text": text}]}

    def do_GET(self):
        self.answer(405, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def recording():
    """(its URL, how often each text was called)"""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), recorder)
    server.daemon_threads = True
    server.lock, server.calls = threading.Lock(), collections.Counter()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/mcp", server.calls
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(port, *words):
    return subprocess.run(["redis-cli", "-p", str(port), *words], check=True, capture_output=True, text=True, timeout=30).stdout.strip()


def wait_for(what, condition):
    deadline = time.monotonic() + READY_TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise failed(f"waited in vain for {what}")
        time.sleep(0.05)


@contextlib.contextmanager
def sentinel_group(b):
    """A master, two replicas that follow it, so that one is left to wait for, and three Sentinels that know all of them: (the
    master's process, the store's URL)."""
    log = b.folder / "redis.log"
    with contextlib.ExitStack() as lives:
        def start(*arguments):
            port = free_port()
            folder = pathlib.Path(lives.enter_context(tempfile.TemporaryDirectory()))
            config = folder / "redis.conf"
            config.write_text("\n".join([f"port {port}", "bind 127.0.0.1", f"dir {folder}", f"logfile {log.resolve()}", *arguments]) + "\n", encoding="utf-8")
            sentinel = ["--sentinel"] if arguments[0].startswith("sentinel") else []
            process = lives.enter_context(running(["redis-server", config, *sentinel], log))
            wait_for_port(port, process)
            return process, port

        keeping = ("appendonly yes", "appendfsync everysec", 'save ""', "maxmemory-policy noeviction",
                   "repl-diskless-sync-delay 0")  # or a replica that must copy everything is not there for 5 s
        master, master_port = start(*keeping)
        for _ in range(REPLICAS):
            start(*keeping, f"replicaof 127.0.0.1 {master_port}")
        watching = (f"sentinel monitor main 127.0.0.1 {master_port} 2", f"sentinel down-after-milliseconds main {DOWN_AFTER_MS}",
                    "sentinel failover-timeout main 5000")
        sentinels = [start(*watching)[1] for _ in range(3)]

        def complete(port):
            words = ask(port, "SENTINEL", "MASTER", "main").splitlines()
            about = dict(zip(words[::2], words[1::2]))
            return about.get("num-other-sentinels") == "2" and about.get("num-slaves") == str(REPLICAS)

        wait_for("the Sentinels to know everybody", lambda: all(map(complete, sentinels)))
        wait_for("the replicas to follow", lambda: ask(master_port, "INFO", "replication").count("state=online") == REPLICAS)
        yield master, "redis+sentinel://" + ",".join(f"127.0.0.1:{port}" for port in sentinels) + "/main"


def one_gap(b, upstream_url, calls):
    """Of a session that is called through another node while the master goes: microseconds, and how many calls were
    interrupted. Fails if a call was lost, ran twice, or is forgotten after it was answered."""
    with sentinel_group(b) as (master, url), nodes(b, upstream_url, {"url": url, "wait_replicas": 1}) as members:
        owner, other, third = members
        session = client(owner.url)
        calls.clear()
        latencies = [session.call(other.url) for _ in range(20)]
        killer = threading.Timer(0.1, os.kill, (master.pid, signal.SIGKILL))
        killer.start()
        enough = None
        # Until it goes on well again, and longer than it takes to notice.
        while enough is None or time.monotonic() < enough:
            latencies.append(session.call(other.url))
            if enough is None and master.poll() is not None:
                enough = time.monotonic() + 4 * DOWN_AFTER_MS / 1e3
        killer.join()
        # What was answered last is known to whoever goes on with the session.
        os.kill(owner.process.pid, signal.SIGKILL)
        owner.process.wait(20)
        session.repeat(third.url)
        wrong = {text: count for text, count in calls.items() if count != 1}
        if wrong or len(calls) != session.last:
            raise failed(f"of {session.last} calls {len(calls)} ran, these not once: {wrong}")
        return max(latencies), session.interrupted


def gaps(b, times):
    """The longest call of each time, in microseconds; how many calls were interrupted."""
    longest, interrupted = [], 0
    with recording() as (upstream_url, calls):
        for turn in range(times):
            say(f"failover, its Redis master, {turn} of {times}")
            gap, cut = one_gap(b, upstream_url, calls)
            longest.append(gap)
            interrupted += cut
    return longest, interrupted
