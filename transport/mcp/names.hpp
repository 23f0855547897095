#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::mcp {

/// The longest tool or prompt name that is shown to clients (the conformance suite's limit; the specification says
/// 128).
inline constexpr std::size_t shown_name_bytes_max = 64;

/// `alias__name` for colliding names, made to fit: characters outside [A-Za-z0-9_./-] become '_', and a name over the
/// limit is cut and ends in '_' and eight hexadecimal digits of a hash of the whole. Deterministic on every node.
std::string prefixed_name(std::string_view alias, std::string_view name);

/// `name` itself if clients accept it as it is, else made to fit in the same way.
std::string shown_name(std::string_view name);

/// Shell-style pattern with '*' and '?'; the whole name must match.
bool glob_matches(std::string_view pattern, std::string_view name);

}  // namespace holdfast::mcp
