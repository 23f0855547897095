#pragma once

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "transport/upstream_connection.hpp"

namespace holdfast::tests {

/// A directory that goes with its owner.
class temporary_directory {
 public:
  temporary_directory() {
    char name[] = "/tmp/holdfast-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  temporary_directory(const temporary_directory&) = delete;
  ~temporary_directory() { std::filesystem::remove_all(path_); }

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// An MCP server over stdio written in shell. `on_call` runs for every request but `initialize`, with $id and $line set
/// and `answer ID RESULT` at hand; `at_end` once the input has ended.
inline transport::stdio_command shell_server(const std::string& on_call = "answer $id '{\"ok\":true}'",
                                             const std::string& at_start = ":", const std::string& at_end = ":") {
  const std::string script = R"sh(
answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"; }
notify() { printf '{"jsonrpc":"2.0","method":"%s","params":%s}\n' "$1" "$2"; }
)sh" + at_start + R"sh(
while IFS= read -r line; do
  rest=${line#*\"id\":}; id=${rest%%,*}
  case $line in
    *'"initialize"'*) answer $id '{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"sh","version":"1"}}';;
    *'"id":'*) )sh" + on_call +
                             R"sh(;;
    *) printf 'told %s\n' "$line" >&2;;
  esac
done
)sh" + at_end + "\n";
  return {"sh", {"-c", script}, {}, {}, ""};
}

/// False once the process is gone or is only waiting to be reaped.
inline bool is_running(pid_t id) {
  std::ifstream file("/proc/" + std::to_string(id) + "/stat");
  std::string text;
  if (!std::getline(file, text)) return false;
  auto after_name = text.rfind(')');
  return after_name != text.npos && text.at(after_name + 2) != 'Z';
}

/// Waits until none of them runs.
inline bool all_gone(const std::vector<pid_t>& ids, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (pid_t id : ids)
    while (is_running(id)) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  return true;
}

/// Waits for `count` process ids in a file, one per line.
inline std::vector<pid_t> pids_in(const std::string& path, std::size_t count) {
  for (int i = 0; i < 4000; ++i) {
    std::ifstream file(path);
    std::vector<pid_t> ids;
    for (std::string line; std::getline(file, line);)
      if (!file.eof() && !line.empty()) ids.push_back(static_cast<pid_t>(std::stol(line)));
    if (ids.size() >= count) return ids;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  throw std::runtime_error("the processes did not start");
}

/// Shell text that starts descendants of several kinds and writes their ids to `file`: a plain child, one in its own
/// session, one whose parent has gone, and a grandchild that ignores what can be ignored. Six lines in all.
inline std::string breed(const std::string& file) {
  return "F=" + file + R"sh(
echo $$ >> $F
sleep 1000 & echo $! >> $F
setsid sh -c 'echo $$ >> '$F'; exec sleep 1000' &
(setsid sh -c 'echo $$ >> '$F'; exec sleep 1000' &)
sh -c 'trap "" TERM HUP INT; sleep 1000 & echo $! >> '$F'; echo $$ >> '$F'; while :; do wait; done' &
)sh";
}
inline constexpr std::size_t bred = 6;

}  // namespace holdfast::tests
