#include "apps/commands/cluster_processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "apps/commands/options.hpp"
#include "apps/commands/terminal.hpp"
#include "transport/child_spawn.hpp"

namespace holdfast::apps {
namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
using transport::unique_fd;

constexpr std::streamoff tail_bytes_max = 2048;

std::optional<process_stat> stat_of(pid_t number) {
  std::ifstream file("/proc/" + std::to_string(number) + "/stat");
  return read_stat(std::string(std::istreambuf_iterator<char>(file), {}));
}

/// A descriptor of this very process; none if it has gone.
unique_fd descriptor_of(const process_id& p) {
  if (p.number <= 0) return unique_fd();
  // First the descriptor, then the look: whoever has the number later cannot have started when `p` did.
  unique_fd fd(static_cast<int>(::syscall(SYS_pidfd_open, p.number, 0)));
  return look_at(p) == process_state::gone ? unique_fd() : std::move(fd);
}

class spawn_plan {
 public:
  explicit spawn_plan(const launch& l) {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, 1, l.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
    ::posix_spawn_file_actions_addchdir_np(&actions, l.directory.c_str());
    ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    ::posix_spawnattr_init(&attributes);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes, &signals);
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes, &signals);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;
  ~spawn_plan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

}  // namespace

std::optional<process_stat> read_stat(std::string_view text) {
  constexpr int state_field = 3, start_field = 22;
  // The second field is the name in parentheses, which may itself hold any character.
  const auto name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::istringstream fields{std::string(text.substr(name_end + 1))};
  process_stat out;
  fields >> out.state;
  std::string skipped;
  for (int field = state_field + 1; field < start_field; ++field) fields >> skipped;
  fields >> out.started;
  return fields ? std::optional(out) : std::nullopt;
}

boost::system::result<process_id, ending> start_process(const launch& l) {
  spawn_plan plan(l);
  std::vector<char*> arguments{const_cast<char*>(l.program.c_str())};
  for (const auto& a : l.arguments) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  process_id started;
  const int error =
      ::posix_spawn(&started.number, l.program.c_str(), &plan.actions, &plan.attributes, arguments.data(), ::environ);
  if (error != 0)
    return ending{exit_code::failed, "cannot start " + l.program + " in " + l.directory.string() + " with the log " +
                                         l.log.string() + ": " + std::strerror(error)};
  // Ours until it is waited for, so it is there even if it has ended already.
  const auto stat = stat_of(started.number);
  if (!stat) return ending{exit_code::failed, "cannot read /proc/" + std::to_string(started.number) + "/stat"};
  started.started = stat->started;
  return started;
}

process_state look_at(const process_id& p) {
  if (p.number <= 0) return process_state::gone;
  const auto stat = stat_of(p.number);
  if (!stat || stat->started != p.started || stat->state == 'Z' || stat->state == 'X') return process_state::gone;
  return stat->state == 'T' ? process_state::stopped : process_state::running;
}

bool send_signal(const process_id& p, int signal) {
  const auto fd = descriptor_of(p);
  return fd.get() >= 0 && ::syscall(SYS_pidfd_send_signal, fd.get(), signal, nullptr, 0) == 0;
}

bool ask_to_end(const process_id& p) {
  if (!send_signal(p, SIGTERM)) return false;
  if (look_at(p) == process_state::stopped) send_signal(p, SIGCONT);
  return true;
}

bool await_end(const process_id& p, std::chrono::milliseconds at_most, bool until_interrupted) {
  const auto fd = descriptor_of(p);
  if (fd.get() < 0) return true;
  const auto deadline = clock::now() + at_most;
  constexpr auto glance = 100ms;
  for (;;) {
    pollfd ended{fd.get(), POLLIN, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
    if (::poll(&ended, 1, static_cast<int>(std::clamp<long>(left.count(), 0, glance.count()))) > 0) return true;
    if (left <= 0ms || (until_interrupted && interruption())) return false;
  }
}

void reap_children() {
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

std::string last_lines(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  const std::streamoff size = in.tellg();
  if (size <= 0) return "(its log is empty)";
  in.seekg(std::max<std::streamoff>(0, size - tail_bytes_max));
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (size > tail_bytes_max) text.erase(0, text.find('\n') + 1);
  return printable(text.substr(0, text.find_last_not_of('\n') + 1));
}

}  // namespace holdfast::apps
