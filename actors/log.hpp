#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "actors/node_config.hpp"

/// The node's log: one line per event on stderr, as text or JSON. Event names are stable ("upstream.down"); values
/// never hold secrets or tool arguments. Any thread.
namespace holdfast::actors::log {

struct field {
  std::string_view name;
  std::string value;

  field(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
  field(std::string_view n, std::string_view v) : name(n), value(v) {}
  field(std::string_view n, const char* v) : name(n), value(v) {}
  field(std::string_view n, std::size_t v) : name(n), value(std::to_string(v)) {}
  field(std::string_view n, int v) : name(n), value(std::to_string(v)) {}
};

/// `automatic` means text on a terminal, JSON elsewhere.
void configure(log_level level, log_format format);
bool enabled(log_level level) noexcept;

/// What is written from now on.
void set_level(log_level to) noexcept;
log_level level() noexcept;
std::string_view name_of(log_level level) noexcept;

void write(log_level level, std::string_view event, std::initializer_list<field> fields);

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
