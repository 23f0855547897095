#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// Quantities as people read and write them.
namespace holdfast::apps {

std::string shown_bytes(double bytes);             ///< "813 B", "4.2 KiB"
std::string shown_duration(double milliseconds);   ///< "0.4 ms", "12 ms", "3.1 s", "4m 12s", "2h 05m", "3d 04h"
std::string shown_time(std::string_view rfc3339);  ///< "14:03:07.123" of "2026-11-28T14:03:07.123Z"

using moment = std::chrono::sys_time<std::chrono::milliseconds>;

/// Of an RFC 3339 time in UTC; nothing if it is none.
std::optional<moment> read_time(std::string_view rfc3339);

/// RFC 3339, UTC, milliseconds.
std::string written_time(moment at);

/// As an operator writes it: an RFC 3339 time, a time of today in UTC ("14:03", "14:03:07.5"), or how long ago
/// ("-30s").
std::optional<moment> read_moment(std::string_view text, moment now);

}  // namespace holdfast::apps
