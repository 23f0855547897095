#include "apps/commands/cluster_processes.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tests/persistence/temporary_folder.hpp"

using namespace holdfast::apps;
using namespace std::chrono_literals;

namespace {

/// A process of a shell script in a folder of its own; gone with its owner.
struct started_shell {
  explicit started_shell(const std::string& script) {
    const auto started = start_process({"/bin/sh", {"-c", script}, folder / "", folder / "log"});
    REQUIRE(started.has_value());
    id = *started;
  }
  ~started_shell() {
    ::kill(id.number, SIGKILL);
    ::waitpid(id.number, nullptr, 0);
  }

  bool becomes(process_state wanted) const {
    for (int i = 0; i < 1000 && look_at(id) != wanted; ++i) ::poll(nullptr, 0, 5);
    return look_at(id) == wanted;
  }

  holdfast::tests::temporary_folder folder;
  process_id id;
};

}  // namespace

TEST_CASE("the state and the start of a process are read whatever its name is") {
  const std::string rest = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21";
  const auto plain = read_stat("42 (holdfastd) S" + rest);
  REQUIRE(plain.has_value());
  CHECK(plain->state == 'S');
  CHECK(plain->started == 4711);
  const auto odd = read_stat("42 (a) Z (b c) T" + rest);
  REQUIRE(odd.has_value());
  CHECK(odd->state == 'T');
  CHECK(odd->started == 4711);
  CHECK_FALSE(read_stat("").has_value());
  CHECK_FALSE(read_stat("42 (a) S 1 2").has_value());
}

TEST_CASE("a process is started in its folder, and what it says goes to its log") {
  const started_shell shell("pwd; echo trouble >&2; readlink /proc/self/fd/0; ls /proc/self/fd | wc -l");
  CHECK(await_end(shell.id, 5s, false));
  const auto said = last_lines(shell.folder / "log");
  std::error_code error;
  const auto folder = std::filesystem::canonical(shell.folder / "", error).string();
  // Beside the standard streams there is only the folder that `ls` reads.
  CHECK(said == folder + "\ntrouble\n/dev/null\n4");
}

TEST_CASE("a process can be stopped, continued and ended") {
  const started_shell shell("exec sleep 1000");
  CHECK(look_at(shell.id) == process_state::running);
  CHECK_FALSE(await_end(shell.id, 10ms, false));
  CHECK(send_signal(shell.id, SIGSTOP));
  CHECK(shell.becomes(process_state::stopped));
  CHECK(ask_to_end(shell.id));
  CHECK(await_end(shell.id, 5s, false));
  CHECK(look_at(shell.id) == process_state::gone);
  CHECK_FALSE(send_signal(shell.id, SIGTERM));
  CHECK_FALSE(ask_to_end(shell.id));
}

TEST_CASE("another process that got the same number is left alone") {
  const started_shell shell("exec sleep 1000");
  const process_id former{shell.id.number, shell.id.started - 1};
  CHECK(look_at(former) == process_state::gone);
  CHECK_FALSE(send_signal(former, SIGKILL));
  CHECK_FALSE(ask_to_end(former));
  CHECK(await_end(former, 5s, false));
  CHECK(look_at(shell.id) == process_state::running);
}

TEST_CASE("no process is gone") {
  CHECK(look_at({}) == process_state::gone);
  CHECK_FALSE(send_signal({}, SIGKILL));
  CHECK(await_end({}, 5s, false));
}

TEST_CASE("a program that cannot be started is told with its path") {
  const holdfast::tests::temporary_folder folder;
  const auto started = start_process({folder / "none", {}, folder / "", folder / "log"});
  REQUIRE_FALSE(started.has_value());
  CHECK(started.error().words.find(folder / "none") != std::string::npos);
}

TEST_CASE("of a long log the last lines are shown, as whole lines") {
  const holdfast::tests::temporary_folder folder;
  {
    std::ofstream log(folder / "log");
    for (int i = 0; i < 1000; ++i) log << "line " << i << "\n";
  }
  const auto shown = last_lines(folder / "log");
  CHECK(shown.ends_with("line 998\nline 999"));
  CHECK(shown.starts_with("line "));
  CHECK(shown.size() < 2048);
  CHECK(last_lines(folder / "none") == "(its log is empty)");
}
