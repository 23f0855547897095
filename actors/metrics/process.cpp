#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <sstream>

#include "actors/metrics/collect.hpp"

namespace holdfast::actors::metrics {
namespace {

/// Of /proc/self/stat, see proc(5). Times are clock ticks.
struct process_stat {
  double user = 0, system = 0, start = 0, virtual_bytes = 0, resident_pages = 0;
};

std::optional<process_stat> read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The second field is the name in parentheses, which may hold anything.
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(line.substr(name_end + 1));
  std::string skipped;
  const auto skip = [&](int fields) {
    while (fields-- > 0) rest >> skipped;
  };
  process_stat s;
  skip(11);
  rest >> s.user >> s.system;
  skip(6);
  rest >> s.start >> s.virtual_bytes >> s.resident_pages;
  return rest ? std::optional(s) : std::nullopt;
}

/// When the machine started, in seconds since 1970.
double boot_time() {
  timespec now{}, up{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  ::clock_gettime(CLOCK_BOOTTIME, &up);
  return static_cast<double>(now.tv_sec - up.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec - up.tv_nsec);
}

std::optional<double> open_descriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
  if (!folder) return std::nullopt;
  double count = -3;  // `.`, `..` and the one that reads
  while (::readdir(folder.get()) != nullptr) ++count;
  return count;
}

}  // namespace

/// Under the names that Prometheus has for every process. What cannot be read is left out.
void collect_process(families& to) {
  static const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  static const auto boot = boot_time();  // once: the difference of two clocks is never quite the same
  if (const auto s = read_stat()) {
    to.counter("process_cpu_seconds_total", "User and system CPU time spent.").add((s->user + s->system) / ticks);
    to.gauge("process_resident_memory_bytes", "Resident memory.")
        .add(s->resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    to.gauge("process_virtual_memory_bytes", "Virtual memory.").add(s->virtual_bytes);
    to.gauge("process_start_time_seconds", "Start of the process, since 1970.").add(boot + s->start / ticks);
  }
  if (const auto open = open_descriptors()) to.gauge("process_open_fds", "Open file descriptors.").add(*open);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    to.gauge("process_max_fds", "The most file descriptors that may be open.")
        .add(limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<double>::infinity()
                                             : static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace holdfast::actors::metrics
