#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "transport/result.hpp"
#include "transport/upstream_connection.hpp"

namespace holdfast::transport {

class loop;

/// What a child process does. Called on the loop of the process, never from within `stdio_process::start` or `write`.
class stdio_process_events {
 public:
  virtual ~stdio_process_events() = default;

  /// Bytes of its standard output, cut anywhere; valid during the call only.
  virtual void on_stdout(std::string_view bytes) = 0;

  /// A line of its standard error, without its end, cut at 4 KiB; invalid UTF-8 replaced.
  virtual void on_stderr(std::string line) = 0;

  /// Once, after everything it wrote: `process_exited` with the exit status or signal, or `spawn_failed` with the
  /// reason ("npx: No such file or directory").
  virtual void on_exit(failure why) = 0;
};

/// A command run by `holdfast-guard`, which sees to it that neither the command nor anything it starts outlives this
/// process, however it ends. It lives until `close` has completed. Its loop's thread only. The first start sets SIGPIPE
/// to be ignored if it is not handled.
class stdio_process {
 public:
  /// `events` outlives the process or is cleared by `close`. `queue_bytes_max` bounds what `write` holds.
  static outcome<std::shared_ptr<stdio_process>> start(loop& on, const stdio_command& c, std::size_t queue_bytes_max,
                                                       stdio_process_events& events);
  virtual ~stdio_process() = default;

  /// Queues bytes for the standard input. False: the queue would go over its bound, and nothing is queued.
  virtual bool write(std::string bytes) = 0;

  /// Closes the standard input once what was queued is written.
  virtual void finish_input() = 0;

  /// Closes the standard input, sends SIGTERM after `grace` and SIGKILL after another. `on_exit` follows.
  virtual void stop(std::chrono::milliseconds grace) = 0;

  /// `stop`, with no more events. `done` runs when nothing is left of the process.
  virtual void close(std::chrono::milliseconds grace, std::function<void()> done) = 0;

  /// The process id of the guard; for tests and diagnostics.
  virtual int guard_pid() const noexcept = 0;
};

/// Where the guard is: beside the running executable unless told otherwise. To be set before any process is started.
void set_guard_path(std::string path);

}  // namespace holdfast::transport
