#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "transport/result.hpp"
#include "transport/upstream_connection.hpp"

namespace holdfast::transport {

/// A file descriptor that is closed with its owner.
class unique_fd {
 public:
  explicit unique_fd(int fd = -1) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
  unique_fd& operator=(unique_fd&& other) noexcept;
  ~unique_fd() { reset(); }

  int get() const noexcept { return fd_; }
  int release() noexcept;
  void reset() noexcept;

 private:
  int fd_;
};

/// A guard that has been started, and our ends of its pipes; all are closed on exec.
struct guarded_child {
  pid_t guard = -1;
  unique_fd exit_watch;  ///< a pidfd: readable once the guard has ended
  unique_fd in, out, err;
  unique_fd lifeline;  ///< closing it makes the guard kill everything
  unique_fd report;    ///< see apps/guard/main.cpp
};

/// Starts the guard at `guard_path` with `c`. Any thread.
outcome<guarded_child> spawn_guarded(const std::string& guard_path, const stdio_command& c);

/// The environment a child gets, as "NAME=value": what the whitelist lets through of `ours`, then `c.env`.
std::vector<std::string> child_environment(const stdio_command& c, const char* const* ours);

}  // namespace holdfast::transport
