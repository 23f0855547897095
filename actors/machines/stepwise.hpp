#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/machines/execution.hpp"

/// An execution that somebody puts together step by step: which commands its state admits, and what they mean for the
/// machine. Pure, like the machine, and derived from it.
namespace holdfast::actors::machines::stepwise {

enum class command : std::uint8_t { select, parameters, execute, cancel, reset };
inline constexpr std::uint8_t command_count = 5;

std::string_view name_of(command c) noexcept;  ///< "select"
std::optional<command> command_named(std::string_view name) noexcept;

/// Whether the machine in this state takes the command. `under_way`: a call has begun to carry the execution out,
/// though it may not have been dispatched yet; until it has ended it can be cancelled, and that is all.
bool admits(const execution::state& s, bool under_way, command c);

/// In the order of the enumeration.
std::vector<command> allowed_in(const execution::state& s, bool under_way);

/// What is told to the machine: `tool` for `select`. Nothing for `execute`, as the call itself tells it.
std::optional<execution::event> event_of(command c, const std::string& tool);

}  // namespace holdfast::actors::machines::stepwise
