#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/store_values.hpp"

namespace holdfast::persistence {

/// One zstd frame with its content's size and check sum. Nothing if it could not be made.
std::optional<std::string> compressed(std::string_view bytes, int level);

/// `corrupt` if `frame` is not one whole frame of `compressed`, or holds more than `max` bytes.
result<std::string> decompressed(std::string_view frame, std::size_t max);

}  // namespace holdfast::persistence
