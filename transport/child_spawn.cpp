#include "transport/child_spawn.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

#include "transport/errc.hpp"

namespace holdfast::transport {
namespace {

constexpr std::array<std::string_view, 7> passed_names{"PATH", "HOME", "USER", "LANG", "TERM", "TMPDIR", "TZ"};

// Descriptors the guard expects; the ends we hand over must not lie among them, or one dup2 would overwrite another.
constexpr int guard_fds = 5;

failure spawn_failure(std::string_view what, int error) {
  return {make_error_code(errc::spawn_failed), std::string(what) + ": " + std::generic_category().message(error)};
}

struct pipe_pair {
  unique_fd read, write;
};

outcome<pipe_pair> make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return spawn_failure("pipe", errno);
  return pipe_pair{unique_fd(fds[0]), unique_fd(fds[1])};
}

/// Moves the child's end out of the range of descriptors the guard expects.
bool move_up(unique_fd& fd) {
  if (fd.get() >= guard_fds) return true;
  int moved = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, guard_fds);
  if (moved < 0) return false;
  fd = unique_fd(moved);
  return true;
}

class spawn_settings {
 public:
  spawn_settings() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    // Out of our process group, so that a Ctrl-C at the terminal reaches us alone and we shut down in order.
    ::posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes, &signals);
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes, &signals);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  spawn_settings(const spawn_settings&) = delete;
  spawn_settings& operator=(const spawn_settings&) = delete;
  ~spawn_settings() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (auto& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

std::string_view name_of(std::string_view assignment) noexcept { return assignment.substr(0, assignment.find('=')); }

}  // namespace

unique_fd& unique_fd::operator=(unique_fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int unique_fd::release() noexcept { return std::exchange(fd_, -1); }

void unique_fd::reset() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::vector<std::string> child_environment(const stdio_command& c, const char* const* ours) {
  auto passed = [&](std::string_view name) {
    if (std::any_of(c.env.begin(), c.env.end(), [&](const auto& e) { return e.first == name; })) return false;
    return name.substr(0, 3) == "LC_" || std::count(passed_names.begin(), passed_names.end(), name) != 0 ||
           std::count(c.env_pass.begin(), c.env_pass.end(), name) != 0;
  };
  std::vector<std::string> out;
  for (; ours != nullptr && *ours != nullptr; ++ours)
    if (passed(name_of(*ours))) out.emplace_back(*ours);
  for (const auto& [name, value] : c.env) out.push_back(name + "=" + value.reveal());
  return out;
}

outcome<guarded_child> spawn_guarded(const std::string& guard_path, const stdio_command& c) {
  std::array<pipe_pair, 5> pipes;
  for (auto& p : pipes) {
    auto made = make_pipe();
    if (!made) return made.error();
    p = std::move(*made);
  }
  auto& [in, out, err, lifeline, report] = pipes;
  const std::array<unique_fd*, guard_fds> ends{&in.read, &out.write, &err.write, &lifeline.read, &report.write};
  spawn_settings settings;
  for (int target = 0; target < guard_fds; ++target) {
    auto& end = *ends[static_cast<std::size_t>(target)];
    if (!move_up(end)) return spawn_failure("descriptors", errno);
    ::posix_spawn_file_actions_adddup2(&settings.actions, end.get(), target);
  }
  std::vector<std::string> arguments{"holdfast-guard", c.directory, std::to_string(c.memory_bytes_max), c.command};
  arguments.insert(arguments.end(), c.args.begin(), c.args.end());
  auto environment = child_environment(c, ::environ);
  auto argv = pointers_to(arguments), envp = pointers_to(environment);
  guarded_child child;
  int error = ::posix_spawn(&child.guard, guard_path.c_str(), &settings.actions, &settings.attributes, argv.data(),
                            envp.data());
  if (error != 0) return spawn_failure(guard_path, error);
  child.exit_watch = unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, child.guard, 0)));
  if (child.exit_watch.get() < 0) {
    error = errno;
    ::kill(child.guard, SIGKILL);
    ::waitpid(child.guard, nullptr, 0);
    return spawn_failure("pidfd_open", error);
  }
  child.in = std::move(in.write);
  child.out = std::move(out.read);
  child.err = std::move(err.read);
  child.lifeline = std::move(lifeline.write);
  child.report = std::move(report.read);
  return child;
}

}  // namespace holdfast::transport
