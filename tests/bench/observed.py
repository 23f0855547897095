"""What it costs a node that somebody looks at it: `holdfast top` on a terminal, or its metrics read again and again."""
import contextlib
import os
import pty
import signal
import statistics
import threading
import urllib.request

from processes import failed, say

EVERY = 1  # second, of both


@contextlib.contextmanager
def nobody(b, admin):
    yield


@contextlib.contextmanager
def top(b, admin):
    """The command on a terminal of its own, whose screen is read so that it never waits."""
    pid, terminal = pty.fork()
    if pid == 0:
        program = str(b.binaries / "holdfast")
        os.execve(program, [program, "--admin", admin, "top", "--every", f"{EVERY}s"], {**os.environ, "TERM": "xterm"})
    seen = bytearray()

    def read():
        with contextlib.suppress(OSError):  # the end of a terminal
            while chunk := os.read(terminal, 65536):
                seen.extend(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
        if b"SESSION" not in seen:
            raise failed(f"top showed no session: {bytes(seen[-300:])}")
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        reader.join()
        os.close(terminal)


@contextlib.contextmanager
def scraped(b, admin):
    over = threading.Event()
    sizes = []

    def read():
        while not over.wait(EVERY):
            with urllib.request.urlopen(f"{admin}/metrics", timeout=5) as answer:
                sizes.append(len(answer.read()))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join()
    if not sizes or min(sizes) == 0:
        raise failed("the metrics could not be read")


OBSERVERS = {"nobody": nobody, "top": top, "metrics": scraped}


def measure(b, options, summary):
    """One after another on the same node, forwards and backwards; each is compared with `nobody` of the same round."""
    runs = {what: [] for what in OBSERVERS}
    with b.upstream() as (upstream, upstream_url), b.node({"url": upstream_url}, options.threads[0]) as (node, url):
        for turn in range(options.runs * 2):
            for what in list(OBSERVERS)[::1 if turn % 2 == 0 else -1]:
                say(f"observed by {what}, round {turn + 1} of {options.runs * 2}")
                with OBSERVERS[what](b, node.admin):
                    runs[what].append(b.load(url, {"node": node.pid, "upstream": upstream.pid}, connections=64, duration=options.duration))

    def ratio(what, key):
        return statistics.median(key(one) / key(other) for one, other in zip(runs[what], runs["nobody"]))

    return [{"what": what, **summary(reports), "throughput": ratio(what, lambda r: r["calls_per_s"]),
             "cpu": ratio(what, lambda r: r["cpu_us"]["node"])} for what, reports in runs.items()]


def tables(results):
    yield ("A node that is looked at once a second, closed loop, 64 connections",
           ["by", "calls/s", "of nobody's %", "node CPU µs/call", "of nobody's %"],
           [[r["what"], r["calls_per_s"], f"{r['throughput'] * 100:.1f}", r["cpu_us"]["node"], f"{r['cpu'] * 100:.1f}"] for r in results])
