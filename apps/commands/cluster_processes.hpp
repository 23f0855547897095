#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/commands/session.hpp"

namespace holdfast::apps {

/// A process as it can be found again by another command: the number alone may come to name somebody else.
struct process_id {
  pid_t number = 0;           ///< 0 = none was started yet
  std::uint64_t started = 0;  ///< field 22 of /proc/PID/stat

  bool operator==(const process_id&) const = default;
};

/// What /proc/PID/stat says.
struct process_stat {
  char state = 0;  ///< 'R', 'S', 'T', 'Z', …
  std::uint64_t started = 0;
};
std::optional<process_stat> read_stat(std::string_view text);

/// What to run, and where.
struct launch {
  std::string program;                 ///< a path
  std::vector<std::string> arguments;  ///< without the program's name; everybody on the machine can see them
  std::filesystem::path directory;     ///< to run in
  std::filesystem::path log;           ///< takes standard output and error, at its end
};

/// Starts a process that outlives us: in a session of its own, without a terminal, with our environment.
boost::system::result<process_id, ending> start_process(const launch& l);

enum class process_state : std::uint8_t { gone, running, stopped };
process_state look_at(const process_id& p);

/// Sends a signal to this very process; false if it has gone.
bool send_signal(const process_id& p, int signal);

/// SIGTERM, and SIGCONT for a stopped process to take notice of it; false if it has gone.
bool ask_to_end(const process_id& p);

/// Waits until the process has gone; true if it has. Ctrl-C cuts it short where `interruption` is in use and
/// `until_interrupted` set.
bool await_end(const process_id& p, std::chrono::milliseconds at_most, bool until_interrupted);

/// Takes note of children that have ended, so that they do not stay around as zombies.
void reap_children();

/// The last lines of a file, or a few words if there are none.
std::string last_lines(const std::filesystem::path& file);

}  // namespace holdfast::apps
