#include "transport/stdio_process.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/loop_thread.hpp"
#include "tests/support/shell_server.hpp"
#include "tests/support/upstream_probe.hpp"
#include "transport/child_spawn.hpp"
#include "transport/errc.hpp"
#include "transport/stdio_framing.hpp"

using namespace holdfast;
using namespace holdfast::tests;
using transport::errc;
using namespace std::chrono_literals;

namespace {

struct output {
  std::string out;
  std::vector<std::string> err;
  std::vector<transport::failure> exits;
};

/// A process with its loop.
class process_probe final : public transport::stdio_process_events {
 public:
  explicit process_probe(transport::stdio_command c, std::size_t queue = 1u << 20) {
    auto started = home.run([&] { return transport::stdio_process::start(*home, c, queue, *this); });
    if (started)
      process = *started;
    else
      refused = started.error();
  }
  static transport::stdio_command sh(const std::string& script) { return {"sh", {"-c", script}, {}, {}, ""}; }

  ~process_probe() override { close(100ms); }

  void close(std::chrono::milliseconds grace) {
    if (!process) return;
    watched<bool> done;
    home->post([&] { process->close(grace, [&] { done.change([](bool& d) { d = true; }); }); });
    done.wait([](bool d) { return d; });
    home.run([&] {
      process = nullptr;
      return 0;
    });
  }

  bool write(std::string bytes) {
    return home.run([&] { return process->write(std::move(bytes)); });
  }
  void stop(std::chrono::milliseconds grace) {
    home.run([&] {
      process->stop(grace);
      return 0;
    });
  }

  output finished() {
    return seen.wait([](const output& o) { return !o.exits.empty(); });
  }

  void on_stdout(std::string_view bytes) override {
    seen.change([&](output& o) { o.out.append(bytes); });
  }
  void on_stderr(std::string line) override {
    seen.change([&](output& o) { o.err.push_back(std::move(line)); });
  }
  void on_exit(transport::failure why) override {
    seen.change([&](output& o) { o.exits.push_back(std::move(why)); });
  }

  loop_thread home;
  std::shared_ptr<transport::stdio_process> process;
  std::optional<transport::failure> refused;
  watched<output> seen;
};

}  // namespace

TEST_CASE("A process gets its input and gives its output") {
  process_probe p({"cat", {}, {}, {}, ""});
  CHECK(p.write("one\n"));
  CHECK(p.write("two\n"));
  p.seen.wait([](const output& o) { return o.out == "one\ntwo\n"; });
  p.stop(5s);
  auto o = p.finished();
  CHECK(o.exits.front().code == errc::process_exited);
  CHECK(o.exits.front().detail == "cat: exit status 0");
}

TEST_CASE("How a process ended is told after all that it said, once") {
  std::string script, words;
  SUBCASE("by itself") {
    script = "printf out; echo err >&2; exit 3";
    words = "exit status 3";
  }
  SUBCASE("by a signal") {
    script = "printf out; echo err >&2; kill -SEGV $$";
    words = "signal 11 (Segmentation fault)";
  }
  SUBCASE("killed") {
    script = "printf out; echo err >&2; kill -9 $$";
    words = "signal 9 (Killed)";
  }
  process_probe p(process_probe::sh(script));
  auto o = p.finished();
  CHECK(o.out == "out");
  REQUIRE(o.err.size() == 1);
  CHECK(o.err[0] == "err");
  CHECK(o.exits[0].code == errc::process_exited);
  CHECK(o.exits[0].detail == "sh: " + words);
  p.close(1s);
  CHECK(p.seen.get().exits.size() == 1);
}

TEST_CASE("A command that cannot be run says why") {
  transport::stdio_command c{"true", {}, {}, {}, ""};
  std::string words;
  SUBCASE("not found") {
    c.command = "no-such-command-here";
    words = "no-such-command-here: No such file or directory";
  }
  SUBCASE("not executable") {
    c.command = "/etc/passwd";
    words = "/etc/passwd: Permission denied";
  }
  SUBCASE("no such directory") {
    c.directory = "/no/such/directory";
    words = "directory /no/such/directory: No such file or directory";
  }
  process_probe p(c);
  auto o = p.finished();
  CHECK(o.exits[0].code == errc::spawn_failed);
  CHECK(o.exits[0].detail == words);
}

TEST_CASE("Without its guard nothing is started") {
  transport::set_guard_path("/no/such/guard");
  process_probe p({"true", {}, {}, {}, ""});
  transport::set_guard_path("");
  REQUIRE(p.refused);
  CHECK(p.refused->code == errc::spawn_failed);
  CHECK(p.refused->detail == "/no/such/guard: No such file or directory");
}

TEST_CASE("The environment is what the configuration lets through") {
  const char* const ours[] = {"PATH=/bin", "SECRET=1",     "LC_ALL=C", "HOME=/h", "AWS_KEY=2",
                              "PASSED=3",  "LD_PRELOAD=x", "LANG=en",  nullptr};
  transport::stdio_command c;
  c.env = {{"HOME", "/other"}, {"TOKEN", "t"}};
  c.env_pass = {"PASSED", "ABSENT"};
  CHECK(transport::child_environment(c, ours) ==
        std::vector<std::string>{"PATH=/bin", "LC_ALL=C", "PASSED=3", "LANG=en", "HOME=/other", "TOKEN=t"});

  ::setenv("HOLDFAST_TEST_SECRET", "s", 1);
  process_probe p({"env", {}, {{"X", "a b=c"}}, {}, ""});
  auto o = p.finished();
  CHECK(o.out.find("X=a b=c\n") != o.out.npos);
  CHECK(o.out.find("PATH=") != o.out.npos);
  CHECK(o.out.find("HOLDFAST_TEST_SECRET") == o.out.npos);
}

TEST_CASE("A process starts in its directory, with three descriptors, default signals and a group of its own") {
  temporary_directory here;
  auto c = process_probe::sh(
      "pwd -P; ls /proc/self/fd | wc -l; grep -E 'Sig(Blk|Ign)' /proc/self/status | sed 's/.*\\(.......\\)$/\\1/' | tr "
      "'\\n' ' '; echo; "
      "ps -o pgid= -p $$ | tr -d ' '; echo $$");
  c.directory = here.path();
  // Neither what another child has nor what we were given without FD_CLOEXEC ourselves goes on to a child.
  const int leaky = ::fcntl(0, F_DUPFD, 100);
  process_probe other({"cat", {}, {}, {}, ""});
  process_probe p(c);
  auto o = p.finished();
  std::vector<std::string> lines;
  transport::line_splitter(1000).feed(o.out, [&](std::string_view l) { lines.emplace_back(l); });
  ::close(leaky);
  REQUIRE(lines.size() == 5);
  CHECK(lines[0] == here.path());
  CHECK(lines[1] == "4");  // ls has the directory open
  CHECK(lines[2] == "0000000 0000000 ");
  CHECK(lines[3] == lines[4]);
}

TEST_CASE("Lines of standard error are cut, made printable and kept apart") {
  process_probe p(process_probe::sh(
      "printf 'a\\r\\nb\\303\\251\\377c\\n\\n' >&2; head -c 10000 /dev/zero | tr '\\0' x >&2; printf '\\nlast' >&2"));
  auto o = p.finished();
  REQUIRE(o.err.size() == 5);
  CHECK(o.err[0] == "a");
  CHECK(o.err[1] ==
        "b\xc3\xa9\xef\xbf\xbd"
        "c");
  CHECK(o.err[2].empty());
  CHECK(o.err[3] == std::string(4096, 'x'));
  CHECK(o.err[4] == "last");
}

TEST_CASE("What is not read by the process is queued up to the bound") {
  process_probe p({"sleep", {"1000"}, {}, {}, ""}, 300'000);
  CHECK(p.write(std::string(200'000, 'x')));
  CHECK_FALSE(p.write(std::string(200'000, 'x')));
  CHECK(p.write(std::string(50'000, 'x')));
}

TEST_CASE("A process that closes its input or its output does no harm") {
  SUBCASE("input: we get no SIGPIPE") {
    process_probe p(process_probe::sh("exec <&-; echo closed; sleep 1000"));
    p.seen.wait([](const output& o) { return !o.out.empty(); });
    for (int i = 0; i < 3; ++i) CHECK(p.write("x\n"));
    CHECK(p.seen.get().exits.empty());
  }
  SUBCASE("output: it is of no use any more and is stopped") {
    process_probe p(process_probe::sh("exec >&-; sleep 1000"));
    CHECK(p.finished().exits[0].code == errc::process_exited);
  }
}

TEST_CASE("Closing asks politely first") {
  temporary_directory here;
  const auto file = here / "said";
  std::string script, expected;
  SUBCASE("by the end of the input") {
    script = "cat > /dev/null; echo input > " + file;
    expected = "input\n";
  }
  SUBCASE("then by SIGTERM, to the whole group") {
    // The outer one waits, because with it everything else would be killed.
    script = "trap 'wait $!; echo outer >> " + file + "; exit' TERM; sh -c \"trap 'echo inner >> " + file +
             "; exit' TERM; echo up; while :; do sleep 0.01; done\" & while :; do sleep 0.01; done";
    expected = "inner\nouter\n";
  }
  process_probe p(process_probe::sh(script));
  if (expected != "input\n") p.seen.wait([](const output& o) { return !o.out.empty(); });
  p.close(expected == "input\n" ? 5s : 300ms);
  std::ifstream in(file);
  CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == expected);
}

TEST_CASE("Whatever a process has started is gone when it ends") {
  temporary_directory here;
  const auto file = here / "pids";
  std::string rest = "while :; do sleep 0.05; done";
  bool close = false, kill_guard = false, kill_command = false;
  SUBCASE("because it was closed and heeds nothing") {
    close = true;
    rest = "trap '' TERM HUP INT; " + rest;
  }
  SUBCASE("by itself") { rest = "cat > /dev/null"; }
  SUBCASE("because it was killed") { kill_command = true; }
  SUBCASE("because its guard was killed") { kill_guard = true; }
  process_probe p(process_probe::sh(breed(file) + rest));
  auto pids = pids_in(file, bred);
  pids.push_back(p.process->guard_pid());
  if (close)
    p.close(100ms);
  else if (kill_guard)
    ::kill(p.process->guard_pid(), SIGKILL);
  else if (kill_command)
    ::kill(pids.front(), SIGKILL);
  else
    p.stop(10s);
  if (!close) p.finished();
  if (kill_guard) {
    // Nobody is left to look for those that left the group: the parent-death signal and the group reach the rest.
    CHECK(all_gone({pids.front(), pids.back()}, 2s));
    for (pid_t id : pids) ::kill(id, SIGKILL);
  }
  CHECK(all_gone(pids, 2s));
  // Reaped, too.
  int status;
  CHECK((close || ::waitpid(pids.back(), &status, WNOHANG) == -1));
}

TEST_CASE("Whatever a process has started is gone when the node is killed") {
  temporary_directory here;
  const auto file = here / "pids";
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t node = ::fork();
  REQUIRE(node >= 0);
  if (node == 0) {
    // Three servers; the loop thread that started one of them ends before the node does.
    process_probe first(process_probe::sh(breed(file) + "trap '' TERM HUP INT; while :; do sleep 1; done"));
    auto second = std::make_unique<process_probe>(process_probe::sh(breed(file) + "exec cat"));
    process_probe third({"sh", {"-c", "echo $$ >> " + file + "; exec cat"}, {}, {}, ""});
    pids_in(file, 2 * bred + 1);
    char byte = 'x';
    if (::write(ready[1], &byte, 1) == 1) ::pause();
    ::_exit(0);
  }
  char byte;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  auto pids = pids_in(file, 2 * bred + 1);
  for (pid_t id : pids) CHECK(is_running(id));
  ::kill(node, SIGKILL);
  ::waitpid(node, nullptr, 0);
  CHECK(all_gone(pids, 2s));
  for (pid_t id : pids) ::kill(id, SIGKILL);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("A loop may end with processes running, and they end with it") {
  temporary_directory here;
  const auto file = here / "pids";
  struct ignored final : transport::stdio_process_events {
    void on_stdout(std::string_view) override {}
    void on_stderr(std::string) override {}
    void on_exit(transport::failure) override {}
  } events;
  pid_t guard;
  {
    loop_thread home;
    auto p = home.run([&] {
      return transport::stdio_process::start(*home, process_probe::sh(breed(file) + "exec cat"), 1000, events);
    });
    REQUIRE(p.has_value());
    guard = (*p)->guard_pid();
    pids_in(file, bred);
  }
  CHECK(all_gone(pids_in(file, bred), 2s));
  ::waitpid(guard, nullptr, 0);
}

TEST_CASE("Lines are cut wherever the bytes are") {
  const std::string bytes = "one\r\n\ntwo\nthree\r\n";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    transport::line_splitter s(100);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < bytes.size(); at += step)
      CHECK(s.feed(std::string_view(bytes).substr(at, step), [&](std::string_view l) { lines.emplace_back(l); }));
    CHECK(lines == std::vector<std::string>{"one", "", "two", "three"});
  }
}

TEST_CASE("A line over the limit is refused, however it comes") {
  auto ignore = [](std::string_view) {};
  CHECK(transport::line_splitter(5).feed("12345\n12345\n", ignore));
  CHECK_FALSE(transport::line_splitter(5).feed("1\n123456\n", ignore));
  CHECK_FALSE(transport::line_splitter(5).feed("123456", ignore));
  transport::line_splitter s(5);
  CHECK(s.feed("123", ignore));
  CHECK(s.rest() == "123");
  CHECK_FALSE(s.feed("456", ignore));
}

TEST_CASE("A framed message is one line") {
  CHECK(transport::frame_line("{\n  \"a\": 1,\r\n  \"b\": \"x\\ny\"}\n") == "{   \"a\": 1,    \"b\": \"x\\ny\"} \n");
}
