#!/usr/bin/env python3
"""Measures what a call costs through Holdfast; docs/benchmarks.md explains the figures. Run it as `./dev bench`."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import durable
import failover
import many
import observed
from processes import bench, failed, raise_file_limit, resident_bytes, say

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PARTS = ("http", "cached", "latency", "memory", "stdio", "durable", "failover", "observed", "many")


def median(reports, *path):
    def pick(report):
        for key in path:
            report = report[key]
        return report

    return statistics.median(map(pick, reports))


def summary(reports):
    """The medians of one setting's runs; of those only in which nobody else was at work, if there are any."""
    quiet = [report for report in reports if not report["noisy"]]
    noisy_only = not quiet
    reports = quiet or reports
    result = {key: median(reports, key) for key in ("calls_per_s", "p50_us", "p99_us", "p999_us")}
    result |= {"runs": len(reports), "noisy": noisy_only}
    result["cpu_us"] = {name: median(reports, "cpu_us", name) for name in reports[0]["cpu_us"]}
    if "node" in reports[0]["cpu_us"] and "upstream" in reports[0]["cpu_us"]:
        # Within one run, because the machine's speed may change from run to run.
        result["node_per_upstream"] = statistics.median(r["cpu_us"]["node"] / r["cpu_us"]["upstream"] for r in reports)
    return result


def threads_name(threads):
    return "holdfast" if threads == 0 else f"holdfast, {threads} thread{'s' if threads > 1 else ''}"


def measure_http(b, options):
    """Direct against through the gateway, interleaved."""
    runs = {}
    with b.upstream() as (upstream, upstream_url):
        for turn in range(options.runs):
            for connections in options.connections:
                say(f"http, run {turn + 1} of {options.runs}, {connections} connections")
                direct = b.load(upstream_url, {"upstream": upstream.pid}, connections=connections, duration=options.duration)
                runs.setdefault(("direct", connections), []).append(direct)
                for threads in options.threads:
                    with b.node({"url": upstream_url}, threads) as (node, url):
                        watched = {"node": node.pid, "upstream": upstream.pid}
                        report = b.load(url, watched, connections=connections, duration=options.duration)
                    runs.setdefault((threads_name(threads), connections), []).append(report)
    return [{"what": what, "connections": connections, **summary(reports)}
            for (what, connections), reports in sorted(runs.items(), key=lambda item: item[0][1])]


def measure_cached(b, options):
    """Calls that the upstream answers, and calls that are all alike, of a tool whose results are kept."""
    kept = {"cache": [{"tools": ["echo"], "ttl": "1h", "scope": "shared"}]}
    runs = {}
    with b.upstream() as (_, upstream_url):
        for turn in range(options.runs):
            for what, settings in (("made", {}), ("kept", kept)):
                say(f"cached, run {turn + 1} of {options.runs}, {what}")
                with b.node({"url": upstream_url, **settings}, options.threads[0]) as (node, url):
                    runs.setdefault(what, []).append(b.load(url, {"node": node.pid}, connections=64, duration=options.duration))
    return [{"what": what, **summary(reports)} for what, reports in runs.items()]


def measure_latency(b, options):
    """One connection without load, then 64 at half of what the gateway can do."""
    runs = {}
    with b.upstream() as (upstream, upstream_url):
        for turn in range(options.runs):
            say(f"latency, run {turn + 1} of {options.runs}")
            with b.node({"url": upstream_url}, options.threads[0]) as (node, url):
                full = b.load(url, {}, connections=64, duration=options.duration)
                rate = int(full["calls_per_s"] / 2)
                for what, where in (("direct", upstream_url), ("holdfast", url)):
                    for load, settings in (("unloaded", {"connections": 1}), ("half", {"connections": 64, "rate": rate})):
                        report = b.load(where, {}, duration=options.duration, **settings)
                        runs.setdefault((load, what), []).append(report)
    return [{"load": load, "what": what, **summary(reports)} for (load, what), reports in sorted(runs.items(), reverse=True)]


def measure_memory(b, options):
    """What an idle session and an open event stream cost, each on a fresh node."""
    result = []
    for kind in ("sessions", "streams"):
        say(f"memory, {options.held} {kind}")
        with b.upstream() as (_, upstream_url), b.node({"url": upstream_url}, options.threads[0]) as (node, url):
            b.load(url, {}, connections=64, duration=1)
            time.sleep(1)
            before = resident_bytes(node.pid)
            with b.hold(url, kind, options.held):
                time.sleep(2)
                after = resident_bytes(node.pid)
        result.append({"what": kind, "count": options.held, "before_bytes": before, "after_bytes": after,
                       "bytes_each": (after - before) / options.held})
    return result


def install_peers():
    source, target = ROOT / "tests/bench/peers", ROOT / "build/bench/peers"
    lock = (source / "package-lock.json").read_text(encoding="utf-8")
    stamp = target / "installed.json"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != lock:
        say("installing the other gateways")
        target.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            (target / name).write_text((source / name).read_text(encoding="utf-8"), encoding="utf-8")
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=target, check=True, stdout=sys.stderr)
        stamp.write_text(lock, encoding="utf-8")
    return target / "node_modules/.bin"


def measure_stdio(b, options):
    """Gateways before the same stdio server."""
    server = str(b.binaries / "bench_stdio_echo")
    peers = install_peers()
    gateways = {
        "holdfast": lambda: b.node({"command": server}, options.threads[0]),
        "supergateway": lambda: b.peer([str(peers / "supergateway"), "--stdio", server, "--outputTransport", "streamableHttp",
                                        "--stateful", "--logLevel", "none", "--port", "PORT"]),
        "mcp-proxy": lambda: b.peer([str(peers / "mcp-proxy"), "--host", "127.0.0.1", "--port", "PORT", "--server", "stream",
                                     "--", server]),
    }
    runs = {}
    for turn in range(options.runs):
        for name, start in gateways.items():
            say(f"stdio, run {turn + 1} of {options.runs}, {name}")
            for connections in (1, 64):
                with start() as (process, url):
                    report = b.load(url, {"gateway": process.pid}, connections=connections, duration=options.duration)
                    report["resident_bytes"] = resident_bytes(process.pid)
                runs.setdefault((name, connections), []).append(report)
    return [{"what": name, "connections": connections, **summary(reports), "resident_bytes": median(reports, "resident_bytes")}
            for (name, connections), reports in sorted(runs.items(), key=lambda item: item[0][1])]


def measure_durable(b, options):
    return {"calls": durable.measure_calls(b, options, summary), "return": durable.measure_return(b, options),
            "room": durable.measure_room(b, options)}


def table(title, head, rows):
    print(f"\n{title}\n")
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(cell if isinstance(cell, str) else f"{cell:,.0f}" if cell >= 100 else f"{cell:.1f}" for cell in row)
              + " |")


def show(results):
    speed = ("calls_per_s", "p50_us", "p99_us", "p999_us")
    if "http" in results:
        table("HTTP upstream, closed loop",
              ["", "connections", "calls/s", "p50 µs", "p99 µs", "p99.9 µs", "node CPU µs/call", "upstream CPU µs/call", "node ÷ upstream"],
              [[r["what"], str(r["connections"]), *(r[k] for k in speed), r["cpu_us"].get("node", "–"), r["cpu_us"]["upstream"],
                r.get("node_per_upstream", "–")] for r in results["http"]])
    if "cached" in results:
        table("Calls that are all alike, closed loop, 64 connections", ["", "calls/s", "p50 µs", "p99 µs", "p99.9 µs", "node CPU µs/call"],
              [[r["what"], *(r[k] for k in speed), r["cpu_us"]["node"]] for r in results["cached"]])
    if "latency" in results:
        table("Latency without load (1 connection) and at half load (64 connections, open loop)",
              ["load", "", "calls/s", "p50 µs", "p99 µs", "p99.9 µs"],
              [[r["load"], r["what"], *(r[k] for k in speed)] for r in results["latency"]])
    if "memory" in results:
        table("Memory of the node", ["", "count", "bytes each", "node before MiB", "with them MiB"],
              [[r["what"], str(r["count"]), r["bytes_each"], r["before_bytes"] / 2**20, r["after_bytes"] / 2**20]
               for r in results["memory"]])
    if "stdio" in results:
        table("Gateways before a stdio server, closed loop",
              ["", "connections", "calls/s", "p50 µs", "p99 µs", "p99.9 µs", "gateway CPU µs/call", "servers CPU µs/call", "gateway MiB"],
              [[r["what"], str(r["connections"]), *(r[k] for k in speed), r["cpu_us"]["gateway"], r["cpu_us"]["gateway_children"],
                r["resident_bytes"] / 2**20] for r in results["stdio"]])
    for one in failover.tables(results["failover"]) if "failover" in results else ():
        table(*one)
    for one in durable.tables(results["durable"]) if "durable" in results else ():
        table(*one)
    for one in observed.tables(results["observed"]) if "observed" in results else ():
        table(*one)
    for one in many.tables(results["many"]) if "many" in results else ():
        table(*one)
    noisy = sum(row.get("noisy", False) for rows in (*results.values(), results.get("durable", {}).get("calls", []))
                if isinstance(rows, list) for row in rows)
    if noisy:
        print(f"\nOther processes were at work in every run of {noisy} of these rows: take them with salt.")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help="which tables: " + " ".join(PARTS) + "; default: all")
    parser.add_argument("--runs", type=int, default=3, help="interleaved runs; medians are shown (default 3)")
    parser.add_argument("--duration", type=float, default=5, help="seconds each measurement takes (default 5)")
    parser.add_argument("--connections", type=int, nargs="+", default=[64, 256], help="for `http` (default 64 256)")
    parser.add_argument("--threads", type=int, nargs="+", default=[0, 1],
                        help="the node's I/O threads, 0 = as shipped (default 0 1); only `http` uses all of them, the rest the first")
    parser.add_argument("--patience", type=float, default=30,
                        help="seconds that a run waits for a machine on which nothing else works (default 30)")
    parser.add_argument("--kills", type=int, default=100, help="how often `failover` kills a node (default 100); all else a fifth of that")
    parser.add_argument("--ways", type=lambda text: text.split(","), default=list(failover.WAYS), metavar="WAY,...",
                        help="for `failover`: " + ",".join(failover.WAYS) + " (default all)")
    parser.add_argument("--held", type=int, default=10_000, help="sessions and streams for `memory` and `durable` (default 10000)")
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures there")
    options = parser.parse_args()
    if set(options.parts) - set(PARTS):
        parser.error("there are only these parts: " + " ".join(PARTS))
    if set(options.ways) - set(failover.WAYS):
        parser.error("there are only these ways: " + " ".join(failover.WAYS))

    raise_file_limit()
    b = bench(options.binaries.resolve(), ROOT / "build/bench", options.patience)
    results = {"cores": os.cpu_count()}
    measures = {"http": measure_http, "cached": measure_cached, "latency": measure_latency, "memory": measure_memory,
                "stdio": measure_stdio,
                "durable": measure_durable, "failover": failover.measure,
                "observed": lambda b, options: observed.measure(b, options, summary), "many": many.measure}
    try:
        for part in options.parts or PARTS:
            results[part] = measures[part](b, options)
            show({part: results[part]})
    except failed as why:
        print(f"bench: {why}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
