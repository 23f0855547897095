#pragma once

#include <string>
#include <string_view>

namespace holdfast::persistence {

/// The name under which an immutable part is kept once: the first half of its SHA-256, as 32 hexadecimal digits.
std::string content_hash(std::string_view bytes);

}  // namespace holdfast::persistence
