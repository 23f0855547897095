#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/store_values.hpp"

/// JSON text as MessagePack and back. Compact JSON comes back byte for byte, white space between tokens does not.
///
/// What MessagePack has no exact form for is kept as the text it had: numbers that are no integers of 64 bits as
/// extension 1; strings written with other escapes than the shortest ones as extension 2 (without the quotes).
namespace holdfast::persistence {

/// Nothing if `json` is not one JSON object or array, or nested too deep.
std::optional<std::string> msgpack_of(std::string_view json);

/// `corrupt` if `msgpack` is nothing that `msgpack_of` gives, or if the text would be longer than `text_max` bytes.
result<std::string> json_of(std::string_view msgpack, std::size_t text_max);

}  // namespace holdfast::persistence
