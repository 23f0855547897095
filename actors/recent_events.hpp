#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "actors/log.hpp"

/// The last events of this process that an operator should know: who came and went, what was taken over or refused,
/// what operators did. Lines of the log that come with every session or call are not among them. Any thread.
namespace holdfast::actors::recent_events {

inline constexpr std::size_t kept_max = 1024;  ///< the oldest go first

struct event {
  std::uint64_t sequence = 0;  ///< from 1, without gaps
  std::int64_t at_ms = 0;      ///< since 1970
  log_level level = log_level::info;
  std::string name, fields;  ///< fields: a raw JSON object of texts
};

/// Remembers one, if it is of that kind.
void note(log_level level, std::string_view name, std::initializer_list<log::field> fields);

/// Those after `sequence`, oldest first, at most the newest `max`.
std::vector<event> after(std::uint64_t sequence, std::size_t max, std::string_view name_prefix = {});

}  // namespace holdfast::actors::recent_events
