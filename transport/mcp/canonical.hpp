#pragma once

#include <optional>
#include <string>

#include "transport/mcp/envelope.hpp"

namespace holdfast::mcp {

/// The same text for all JSON texts that mean the same: no white space, members in the order of their names, strings
/// and numbers written in one way, close to RFC 8785 (whole numbers up to 2^53 without fraction or exponent, other ones
/// as short as they can be). Nothing if `raw` is not JSON, names a member twice, or nests deeper than 64.
std::optional<std::string> canonical(raw_json raw);

}  // namespace holdfast::mcp
