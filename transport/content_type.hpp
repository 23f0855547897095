#pragma once

#include <string>
#include <string_view>

namespace holdfast::transport {

inline constexpr std::string_view json_type = "application/json", event_stream_type = "text/event-stream";

/// True if the media type of a Content-Type value is `type`, which is in lower case (RFC 9110, section 8.3.1).
bool is_content_type(std::string_view value, std::string_view type) noexcept;

/// A header value as it may stand in an error message: short, printable ASCII.
std::string shown(std::string_view value);

}  // namespace holdfast::transport
