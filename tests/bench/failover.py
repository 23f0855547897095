"""How long a session is unavailable when its node or its Redis goes, and what a call through another node costs."""
import os
import signal
import statistics
import threading
import time

import failover_redis
from cluster import certificate, client, cluster_of_three, settle
from processes import cpu_seconds, say

WAYS = ("killed", "frozen", "stopped", "redis", "hop")


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


def row(what, gaps, interrupted):
    gaps.sort()
    return {"what": what, "times": len(gaps), "p50_ms": statistics.median(gaps) / 1e3,
            "p99_ms": gaps[min(len(gaps) - 1, int(len(gaps) * 0.99))] / 1e3, "max_ms": gaps[-1] / 1e3, "interrupted": interrupted}


def measure(b, options):
    rows, results = [], {}
    fewer = max(1, options.kills // 5)
    if set(options.ways) - {"redis", "hop"}:
        with b.upstream() as (_, upstream_url), cluster_of_three(b, upstream_url) as members:
            for what, how, times in ways_to_go(options, fewer):
                rows.append(row(what, *gaps(members, what, how, times)))
    if "hop" in options.ways:
        results["hop"] = measure_hops(b, options)
    if "redis" in options.ways:
        rows.append(row("its Redis master is killed (-9)", *failover_redis.gaps(b, fewer)))
    return results | {"gaps": rows}


def ways_to_go(options, fewer):
    """(name, signal, how often) of the ways in which a node is to go."""
    all_ways = {"killed": ("killed (-9)", signal.SIGKILL, options.kills), "frozen": ("frozen", signal.SIGSTOP, fewer),
                "stopped": ("stopped (SIGTERM)", signal.SIGTERM, fewer)}
    return [way for name, way in all_ways.items() if name in options.ways]


def gaps(members, what, how, times):
    """The longest call of each time, in microseconds; how many calls were interrupted."""
    longest, interrupted = [], 0
    for turn in range(times):
        if turn % 10 == 0:
            say(f"failover, {what}, {turn} of {times}")
        owner, other = members[turn % 3], members[(turn + 1) % 3]
        gap, cut = longest_call(owner, other, how)
        longest.append(gap)
        interrupted += cut
        owner.process.kill() if how == signal.SIGSTOP else owner.process.wait(20)
        owner.clear()
        owner.start()
        settle(members)
    return longest, interrupted


def measure_hops(b, options):
    """Medians of all runs, without TLS between the nodes and with it."""
    runs = []
    with b.upstream() as (_, upstream_url):
        for turn in range(options.runs):
            say(f"hop, run {turn + 1} of {options.runs}")
            rows = []
            for how, cluster in (("", {}), (", TLS between them", {"tls": certificate(b.folder)})):
                with cluster_of_three(b, upstream_url, **cluster) as members:
                    rows += measure_hop(members, how)
            runs.append(rows)
    return [{"what": same[0]["what"], **{key: statistics.median(row[key] for row in same) for key in ("p50_us", "cpu_us")}}
            for same in zip(*runs)]


def measure_hop(members, how, calls=3000):
    session = client(members[0].url)
    rows = []
    for what, through in (("its own node" + how, members[0]), ("another node" + how, members[1])):
        for _ in range(200):
            session.call(through.url)
        before = sum(cpu_seconds(m.process.pid) for m in members)
        latencies = sorted(session.call(through.url) for _ in range(calls))
        spent = sum(cpu_seconds(m.process.pid) for m in members) - before
        rows.append({"what": what, "p50_us": latencies[calls // 2], "cpu_us": spent / calls * 1e6})
    return rows


def tables(results):
    """(title, head, rows) of everything above."""
    if results["gaps"]:
        yield ("A session loses its node, or its Redis: the longest call through another node", ["how", "times", "p50 ms", "p99 ms", "longest ms", "calls interrupted"],
               [[r["what"], str(r["times"]), r["p50_ms"], r["p99_ms"], r["max_ms"], str(r["interrupted"])] for r in results["gaps"]])
    if "hop" in results:
        yield ("One call after another, of one session, through", ["", "p50 µs", "CPU of all nodes µs/call"],
               [[r["what"], r["p50_us"], r["cpu_us"]] for r in results["hop"]])
