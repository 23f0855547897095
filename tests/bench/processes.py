"""The processes of a benchmark: how they are started and what they cost."""
import contextlib
import json
import os
import pathlib
import random
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_TIMEOUT = 30
NOISE_CORES_MAX = 0.2  # more than this of other processes makes a run noisy


def say(text):
    print(f"... {text}", file=sys.stderr, flush=True)


class failed(Exception):
    """A process did not do what the benchmark needs."""


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def cpu_seconds(pid):
    """User and system time of one process so far. Not from /proc/PID/stat, whose ticks of 10 ms lose short-lived work."""
    nanoseconds = 0
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            nanoseconds += int(task.read_text().split()[0])
    return nanoseconds / 1e9


def descendants(pid):
    found = []
    for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, children.read_text().split()):
                found += [child, *descendants(child)]
    return found


def busy_seconds():
    """What all cores together have worked so far."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) / os.sysconf("SC_CLK_TCK")


class others:
    """How many cores processes other than ours keep busy."""

    def __init__(self):
        self.started = time.monotonic()
        self.pids = [os.getpid(), *descendants(os.getpid())]
        self.before = self.reading()

    def reading(self):
        return busy_seconds() - sum(map(cpu_seconds, self.pids))

    def cores(self):
        return max(0.0, (self.reading() - self.before) / (time.monotonic() - self.started))


def wait_until_quiet(patience):
    """Gives others up to `patience` seconds to finish."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        watch = others()
        time.sleep(1)
        if watch.cores() <= NOISE_CORES_MAX:
            return


def resident_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise failed(f"process {pid} has no memory")


def read_line(process, timeout):
    if not select.select([process.stdout], [], [], timeout)[0]:
        raise failed(f"{process.args[0]} said nothing for {timeout} s")
    return process.stdout.readline().strip()


@contextlib.contextmanager
def running(command, log, **options):
    """A process in a group of its own, which is ended with it."""
    with open(log, "ab") as errors:
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                                   text=True, bufsize=1, start_new_session=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def free_port():
    """One that nobody gets by chance before it is listened on: the system picks from 32768 on."""
    while True:
        port = random.randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind(("127.0.0.1", port))
            return port


def wait_for_port(port, process):
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise failed(f"{process.args} did not listen on port {port}")


class redis_server:
    """Where a Redis is, and what it says of itself."""

    def __init__(self, port, path):
        self.port = port
        self.path = path
        self.pid = None

    def ask(self, *words):
        command = ["redis-cli", "-s", self.path, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, errors="replace", timeout=30).stdout.strip()

    def info(self, section):
        return dict(line.split(":", 1) for line in self.ask("INFO", section).splitlines() if ":" in line)

    def used_bytes(self):
        self.ask("MEMORY", "PURGE")
        return int(self.info("memory")["used_memory"])

    def script_runs(self):
        """How many scripts it has run so far; commits are scripts."""
        calls = self.info("commandstats").get("cmdstat_evalsha", "calls=0")
        return int(calls.split(",")[0].split("=")[1])


class bench:
    """Where the programs are, where logs go, and how long a run waits for a quiet machine."""

    def __init__(self, binaries, folder, patience):
        self.binaries = binaries
        self.folder = folder
        self.patience = patience
        folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def upstream(self):
        """The echo server over HTTP: (process, url)."""
        with running([self.binaries / "bench_upstream"], self.folder / "upstream.log") as process:
            line = read_line(process, START_TIMEOUT)
            if not line.startswith("ready "):
                raise failed(f"bench_upstream: {line}")
            yield process, line.split()[1]

    @contextlib.contextmanager
    def node(self, upstream, threads=0, name="node", **settings):
        """A Holdfast node before one upstream: (process, url); the process knows its `admin` address. 0 threads: as shipped.
        `settings` go into its configuration."""
        config = {"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"}, "store": "memory:",
                  "upstreams": {"echo": upstream}, **settings}
        if threads:
            config["threads"] = threads
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
        command = [self.binaries / "holdfastd", "--config", path]
        with running(command, self.folder / f"{name}.log") as process:
            line = read_line(process, START_TIMEOUT)
            if not line.startswith("holdfastd ready "):
                raise failed(f"holdfastd: {line or 'see ' + str(self.folder / (name + '.log'))}")
            addresses = dict(word.split("=", 1) for word in line.split()[2:])
            process.admin = addresses["admin"]
            yield process, addresses["mcp"]

    @contextlib.contextmanager
    def redis(self):
        """An empty Redis of its own, which writes nothing to the disk."""
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            server = redis_server(port, f"{folder}/redis.sock")
            command = ["redis-server", "--bind", "127.0.0.1", "--port", port, "--unixsocket", server.path, "--save", "",
                       "--appendonly", "no", "--dir", folder, "--logfile", self.folder.resolve() / "redis.log"]
            with running(command, self.folder / "redis.log") as process:
                wait_for_port(port, process)
                server.pid = process.pid
                yield server

    @contextlib.contextmanager
    def peer(self, command):
        """Another gateway, in whose command PORT stands for the port: (process, url)."""
        port = free_port()
        command = [word.replace("PORT", str(port)) for word in command]
        with running(command, self.folder / "peer.log") as process:
            wait_for_port(port, process)
            yield process, f"http://127.0.0.1:{port}/mcp"

    def load(self, url, watched, *, connections, duration, rate=0, counted=None):
        """One run of the load generator. Adds `cpu_us` to its report: microseconds per call of every watched process
        (name → pid), and of its children together as `<name>_children`; `counted`: by how much each of the numbers given
        (name → function) rose meanwhile; and `noisy`: others were at work too."""
        command = [self.binaries / "bench_load", url, "--connections", connections, "--duration", duration]
        if rate:
            command += ["--rate", rate]
        wait_until_quiet(self.patience)
        with running(command, self.folder / "load.log") as load:
            if read_line(load, 90) != "measuring":
                raise failed(f"the load generator did not come to measure; see {self.folder / 'load.log'}")
            pids = {name: [pid] for name, pid in watched.items()}
            pids |= {f"{name}_children": descendants(pid) for name, pid in watched.items()}
            before = {name: sum(map(cpu_seconds, group)) for name, group in pids.items()}
            count = {name: read() for name, read in (counted or {}).items()}
            noise = others()
            report = json.loads(read_line(load, duration + 30))
            report["noisy"] = noise.cores() > NOISE_CORES_MAX
            report["counted"] = {name: counted[name]() - before for name, before in count.items()}
            spent = {name: sum(map(cpu_seconds, group)) - before[name] for name, group in pids.items()}
            load.wait(30)
        if report["calls"] == 0 or report["lost"]:
            raise failed(f"{report['lost']} connections lost, {report['calls']} calls; see {self.folder / 'load.log'}")
        report["cpu_us"] = {name: seconds / report["calls"] * 1e6 for name, seconds in spent.items()}
        return report

    def hold(self, url, kind, count, calls=0):
        """Keeps sessions, which have made so many calls each, or event streams open."""
        return self.holding([self.binaries / "bench_load", url, "--hold", kind, "--connections", count, "--calls", calls], count)

    @contextlib.contextmanager
    def holding(self, command, count):
        """Runs a program that says when it holds so many sessions, and keeps them until the end of its input."""
        with open(self.folder / "load.log", "ab") as errors:
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=errors, text=True)
        try:
            line = read_line(process, 90)
            if line != f"holding {count}":
                raise failed(f"the load generator is {line or 'gone'}; see {self.folder / 'load.log'}")
            yield process
        finally:
            process.stdin.close()
            process.wait(30)
            process.stdout.close()
