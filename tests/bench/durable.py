"""What it costs to keep sessions in a store, and what it takes to get them back."""
import contextlib
import json
import statistics
import tempfile
import time
import urllib.request

from processes import failed, read_line, resident_bytes, say, wait_until_quiet

STORES = ("memory", "redis", "redis, unix socket", "sqlite, synchronous=normal", "sqlite")
LEAVE_TIMEOUT = 120


@contextlib.contextmanager
def fresh_store(b, what):
    """An empty store: (its URL, the Redis behind it or None)."""
    if what.startswith("redis"):
        with b.redis() as redis:
            yield f"unix:{redis.path}" if "unix" in what else f"redis://127.0.0.1:{redis.port}", redis
    elif what.startswith("sqlite"):
        # Beside the logs, because a temporary folder may lie in memory, where nothing has to be synchronized.
        with tempfile.TemporaryDirectory(dir=b.folder.resolve()) as folder:
            yield f"sqlite:{folder}/sessions.db" + ("?synchronous=normal" if "normal" in what else ""), None
    else:
        yield "memory:", None


def measure_calls(b, options, summary):
    """The closed loop of `http`, with every store in turn."""
    runs = {}
    with b.upstream() as (upstream, upstream_url):
        for turn in range(options.runs):
            say(f"durable, run {turn + 1} of {options.runs}, direct")
            direct = b.load(upstream_url, {"upstream": upstream.pid}, connections=64, duration=options.duration)
            runs.setdefault("direct", []).append(direct)
            for what in STORES:
                say(f"durable, run {turn + 1} of {options.runs}, {what}")
                with fresh_store(b, what) as (store, redis), b.node({"url": upstream_url}, options.threads[0], store=store) as (node, url):
                    watched = {"node": node.pid, "upstream": upstream.pid} | ({"redis": redis.pid} if redis else {})
                    counted = {"commits": redis.script_runs} if redis else {}
                    report = b.load(url, watched, connections=64, duration=options.duration, counted=counted)
                runs.setdefault(what, []).append(report)
    rows = []
    for what, reports in runs.items():
        row = {"what": what, **summary(reports)}
        if what not in ("direct", "memory"):
            row["added_us"] = added(runs["memory"], reports)
            # SQLite is not asked: every call is one commit before it is sent upstream, and one before it is answered.
            per_call = statistics.median(r["counted"].get("commits", 2 * r["calls"]) / r["calls"] for r in reports)
            row["commits_per_s"] = per_call * row["calls_per_s"]
        rows.append(row)
    return rows


def added(plain, durable):
    """CPU of the node for one call beyond that without persistence in the same turn, as the machine's speed changes from
    turn to turn; of turns in which nobody else was at work, if there are any."""
    pairs = list(zip(plain, durable))
    quiet = [(p, d) for p, d in pairs if not p["noisy"] and not d["noisy"]]
    return statistics.median(d["cpu_us"]["node"] - p["cpu_us"]["node"] for p, d in quiet or pairs)


def measure_return(b, options):
    """Sessions of a node that was killed come back on another: one at a time, and many at once."""
    runs = {}
    with b.upstream() as (_, upstream_url):
        for turn in range(options.runs):
            for what in ("redis", "sqlite"):
                say(f"durable, sessions that come back, run {turn + 1} of {options.runs}, {what}")
                with fresh_store(b, what) as (store, _):
                    runs.setdefault(what, []).append(come_back(b, options, {"url": upstream_url}, store))
    return [{"what": what} | {part: {key: statistics.median(r[part][key] for r in reports)
                                     for key in ("count", "per_s", "p50_us", "p99_us")} for part in ("alone", "again", "together")}
            for what, reports in runs.items()]


def come_back(b, options, upstream, store):
    with b.node(upstream, options.threads[0], store=store) as (first, url):
        command = [b.binaries / "bench_rehydration", url, "--sessions", options.held, "--alone", min(2_000, options.held // 2)]
        with b.holding(command, options.held) as program:
            time.sleep(1)
            first.kill()
            first.wait()
            wait_until_quiet(b.patience)
            with b.node(upstream, options.threads[0], store=store) as (_, url):
                program.stdin.write(url + "\n")
                program.stdin.flush()
                report = json.loads(read_line(program, 120))
    if any(part["lost"] for part in report.values()):
        raise failed(f"not every session came back: {report}")
    return report


def measure_room(b, options):
    """What a session takes of the node and of Redis: while the node has it, and after it was passivated. The second half
    of the sessions shows what a node goes on to take that has given memory back to its allocator."""
    rows = []
    with b.upstream() as (_, upstream_url):
        for what, after in (("idle", "0s"), ("passivated", "1s")):
            for calls in (0, 10):
                say(f"durable, {options.held} sessions with {calls} calls each, {what}")
                settings = {"passivate_after": after}
                with fresh_store(b, "redis") as (store, redis), \
                        b.node({"url": upstream_url}, options.threads[0], store=store, sessions=settings) as (node, url):
                    b.load(url, {}, connections=64, duration=1)
                    sizes = [sizes_of(node, redis, 0)]
                    for held in (options.held, 2 * options.held):
                        with b.hold(url, "sessions", options.held, calls):
                            sizes.append(sizes_of(node, redis, 0 if what == "passivated" else held))
                    entity = redis.ask("--scan", "--pattern", "*:session:*").splitlines()[0]
                    rows.append({"what": what, "calls": calls, "count": options.held, "sizes": sizes,
                                 "of_one_key": int(redis.ask("MEMORY", "USAGE", entity, "SAMPLES", "0"))})
    return rows


def sizes_of(node, redis, sessions):
    """Once the node has so many sessions: its resident bytes, and what Redis uses."""
    deadline = time.monotonic() + LEAVE_TIMEOUT
    while sessions_of(node) != sessions:
        if time.monotonic() > deadline:
            raise failed(f"the node has {sessions_of(node)} sessions, not {sessions}")
        time.sleep(0.2)
    time.sleep(3)  # the node keeps what is left of a session that has just gone for a second
    return {"node": resident_bytes(node.pid), "redis": redis.used_bytes()}


def sessions_of(node):
    with urllib.request.urlopen(f"{node.admin}/mcp/health", timeout=10) as answer:
        return json.load(answer)["sessions"]


def tables(results):
    """(title, head, rows) of everything above."""
    yield ("Calls with sessions in a store, closed loop, 64 connections",
           ["store", "calls/s", "commits/s", "p50 µs", "p99 µs", "node CPU µs/call", "more than memory", "upstream CPU µs/call",
            "node ÷ upstream", "Redis CPU µs/call"],
           [[r["what"], r["calls_per_s"], r.get("commits_per_s", "–"), r["p50_us"], r["p99_us"], r["cpu_us"].get("node", "–"),
             r.get("added_us", "–"), r["cpu_us"]["upstream"], r.get("node_per_upstream", "–"), r["cpu_us"].get("redis", "–")]
            for r in results["calls"]])
    yield ("A node was killed: the first `ping` of its sessions to another one",
           ["store", "one at a time: p50 µs", "p99 µs", "the second ping: p50 µs", "p99 µs", "64 at a time: sessions/s"],
           [[r["what"], r["alone"]["p50_us"], r["alone"]["p99_us"], r["again"]["p50_us"], r["again"]["p99_us"],
             r["together"]["per_s"]] for r in results["return"]])
    yield ("What a session takes, in bytes",
           ["", "calls before", "of the node", "of the node, the next as many", "of Redis", "of that, its key"],
           [[r["what"], str(r["calls"]), *growth(r, "node"), growth(r, "redis")[0], r["of_one_key"]] for r in results["room"]])


def growth(row, of):
    sizes = [size[of] for size in row["sizes"]]
    return [(after - before) / row["count"] for before, after in zip(sizes, sizes[1:])]
