#include "actors/machines/stepwise.hpp"

#include <algorithm>
#include <array>
#include <variant>

namespace holdfast::actors::machines::stepwise {
namespace {

constexpr std::array<std::string_view, command_count> names{"select", "parameters", "execute", "cancel", "reset"};

/// True if it is more than a late event that changes nothing.
bool is_taken(const execution::state& s, const execution::event& e) {
  if (execution::is_final(s)) return std::holds_alternative<execution::reset>(e);
  const auto effects = execution::advance(s, e).effects;
  return std::none_of(effects.begin(), effects.end(),
                      [](const auto& x) { return std::holds_alternative<execution::reject>(x); });
}

}  // namespace

std::string_view name_of(command c) noexcept { return names[static_cast<std::size_t>(c)]; }

std::optional<command> command_named(std::string_view name) noexcept {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<command>(found - names.begin());
}

bool admits(const execution::state& s, bool under_way, command c) {
  if (under_way) return c == command::cancel && !execution::is_final(s);
  return is_taken(s, event_of(c, {}).value_or(execution::dispatched{0}));
}

std::vector<command> allowed_in(const execution::state& s, bool under_way) {
  std::vector<command> all;
  for (std::uint8_t i = 0; i < command_count; ++i) {
    if (admits(s, under_way, static_cast<command>(i))) all.push_back(static_cast<command>(i));
  }
  return all;
}

std::optional<execution::event> event_of(command c, const std::string& tool) {
  switch (c) {
    case command::select: return execution::select{tool};
    case command::parameters: return execution::parameters_given{};
    case command::execute: return std::nullopt;
    case command::cancel: return execution::cancel_asked{};
    case command::reset: return execution::reset{};
  }
  return std::nullopt;
}

}  // namespace holdfast::actors::machines::stepwise
