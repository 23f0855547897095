#include "actors/log.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <ctime>

#include "actors/recent_events.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::actors::log {
namespace {

std::atomic<log_level> lowest{log_level::info};
std::atomic<bool> as_json{false};

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
  for (const auto& f : fields) line += "," + mcp::quote(f.name) + ":" + mcp::quote(f.value);
  return line + "}";
}

}  // namespace

void configure(log_level level, log_format format) {
  lowest = level;
  as_json = format == log_format::json || (format == log_format::automatic && ::isatty(STDERR_FILENO) == 0);
}

void set_level(log_level to) noexcept { lowest = to; }
log_level level() noexcept { return lowest.load(std::memory_order_relaxed); }
std::string_view name_of(log_level level) noexcept { return level_names[static_cast<std::size_t>(level)]; }

bool enabled(log_level level) noexcept { return level >= lowest.load(std::memory_order_relaxed); }

void write(log_level level, std::string_view event, std::initializer_list<field> fields) {
  recent_events::note(level, event, fields);
  if (!enabled(level)) return;
  auto line = as_json ? as_object(level, event, fields) : as_text(level, event, fields);
  line += '\n';
  // One write per line keeps lines of several threads whole. A full pipe loses the line rather than stalling the node.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace holdfast::actors::log
