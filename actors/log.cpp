#include "actors/log.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
#include <mutex>

#include "actors/log_repeats.hpp"
#include "actors/recent_events.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::actors::log {
namespace {

std::atomic<log_level> lowest{log_level::info};
std::atomic<bool> as_json{false};

std::array<std::atomic<std::uint64_t>, 4> written_lines{};
std::atomic<std::uint64_t> held_back_lines{0};

std::mutex repeats_lock;
repeats repeated{20};  // guarded by the lock

constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warning", "error"};

std::string timestamp() {
  using namespace std::chrono;
  const auto now = system_clock::now();
  const auto seconds = system_clock::to_time_t(now);
  const auto millis = duration_cast<milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const auto tail = std::to_string(1000 + millis).substr(1);
  return std::string(text.data(), size) + "." + tail + "Z";
}

bool needs_quotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \t\r\n\"=") != std::string_view::npos;
}

std::string as_text(log_level level, std::string_view event, std::initializer_list<field> fields) {
  std::string line = timestamp() + " " + std::string(level_names[static_cast<std::size_t>(level)]) + " ";
  line += event;
  for (const auto& f : fields) {
    if (f.name.empty()) continue;
    line += " ";
    line += f.name;
    line += "=";
    line += needs_quotes(f.value) ? mcp::quote(f.value) : f.value;
  }
  return line;
}

std::string as_object(log_level level, std::string_view event, std::initializer_list<field> fields) {
  std::string line = R"({"time":")" + timestamp() + R"(","level":")";
  line += level_names[static_cast<std::size_t>(level)];
  line += R"(","event":")";
  line += event;
  line += '"';
  for (const auto& f : fields) {
    if (!f.name.empty()) line += "," + mcp::quote(f.name) + ":" + mcp::quote(f.value);
  }
  return line + "}";
}

/// What makes two lines say the same: everything but numbers and which session, client or request it was about.
std::string key_of(std::string_view event, std::initializer_list<field> fields) {
  std::string key(event);
  for (const auto& f : fields) {
    if (f.name.empty() || f.tells_apart || f.name == "session" || f.name == "execution" || f.name == "request" ||
        f.name == "trace")
      continue;
    key.append(" ").append(f.name).append("=").append(needs_quotes(f.value) ? mcp::quote(f.value) : f.value);
  }
  return key;
}

void put(log_level level, std::string_view event, std::initializer_list<field> fields) {
  auto line = as_json ? as_object(level, event, fields) : as_text(level, event, fields);
  line += '\n';
  written_lines[static_cast<std::size_t>(level)].fetch_add(1, std::memory_order_relaxed);
  // One write per line keeps lines of several threads whole. A full pipe loses the line rather than stalling the node.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void configure(log_level level, log_format format, std::size_t repeats_max) {
  lowest = level;
  {
    const std::lock_guard guard(repeats_lock);
    repeated = repeats(repeats_max);
  }
  as_json = format == log_format::json || (format == log_format::automatic && ::isatty(STDERR_FILENO) == 0);
}

void set_level(log_level to) noexcept { lowest = to; }
log_level level() noexcept { return lowest.load(std::memory_order_relaxed); }
std::string_view name_of(log_level level) noexcept { return level_names[static_cast<std::size_t>(level)]; }

bool enabled(log_level level) noexcept { return level >= lowest.load(std::memory_order_relaxed); }

field trace_field(const mcp::trace_context& c) {
  return c.present() ? field("trace", mcp::trace_id_text(c)) : field(std::string_view(), std::string());
}

void write(log_level level, std::string_view event, std::initializer_list<field> fields) {
  recent_events::note(level, event, fields);
  // What operators have done is never left out.
  if (!enabled(level) && !event.starts_with("audit.")) return;
  if (level >= log_level::warning) {
    const auto key = key_of(event, fields);
    const std::lock_guard guard(repeats_lock);
    if (!repeated.admit(level, key, repeats::clock::now())) {
      held_back_lines.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  put(level, event, fields);
}

void tell_repeats() {
  std::vector<repeats::held_back> all;
  {
    const std::lock_guard guard(repeats_lock);
    all = repeated.over(repeats::clock::now());
  }
  for (const auto& r : all) put(r.level, "log.repeated", {{"times", r.times}, {"line", r.key}});
}

std::uint64_t lines(log_level level) noexcept { return written_lines[static_cast<std::size_t>(level)]; }
std::uint64_t lines_held_back() noexcept { return held_back_lines; }

}  // namespace holdfast::actors::log
