#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "actors/node_config.hpp"
#include "transport/mcp/trace_context.hpp"

/// The node's log: one line per event on stderr, as text or JSON. Event names are stable ("upstream.down") and listed
/// in docs/logging.md; values never hold secrets or tool arguments. Any thread.
namespace holdfast::actors::log {

struct field {
  std::string_view name;
  std::string value;
  bool tells_apart = false;  ///< a number: lines that differ in it alone are repeats of each other

  field(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  field(std::string_view n, std::string_view v) : name(n), value(v) {}
  field(std::string_view n, const char* v) : name(n), value(v) {}
  field(std::string_view n, std::size_t v) : name(n), value(std::to_string(v)), tells_apart(true) {}
  field(std::string_view n, int v) : name(n), value(std::to_string(v)), tells_apart(true) {}

  /// What is secret by its type cannot be logged.
  template <class Secret>
  requires requires { typename Secret::is_secret; }
  field(std::string_view n, const Secret& v) = delete;
};

/// The trace that a line belongs to, by its id; a field that is left out if there is none.
field trace_field(const mcp::trace_context& c);

/// `automatic` means text on a terminal, JSON elsewhere. Of warnings and errors that say the same, `repeats_max` are
/// written in ten seconds, and the number of the rest; 0 = all.
void configure(log_level level, log_format format, std::size_t repeats_max = 20);
bool enabled(log_level level) noexcept;

/// From which level on lines are written; may be changed at any time.
log_level level() noexcept;
void set_level(log_level to) noexcept;
std::string_view name_of(log_level level) noexcept;

void write(log_level level, std::string_view event, std::initializer_list<field> fields);

/// Says how much was held back. To be called every few seconds, and at the end.
void tell_repeats();

/// Lines since the start: written, of each level, and held back as repeats.
std::uint64_t lines(log_level level) noexcept;
std::uint64_t lines_held_back() noexcept;

inline void debug(std::string_view event, std::initializer_list<field> fields = {}) {
  if (enabled(log_level::debug)) write(log_level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<field> fields = {}) {
  write(log_level::info, event, fields);
}
inline void warning(std::string_view event, std::initializer_list<field> fields = {}) {
  write(log_level::warning, event, fields);
}
inline void error(std::string_view event, std::initializer_list<field> fields = {}) {
  write(log_level::error, event, fields);
}

}  // namespace holdfast::actors::log
