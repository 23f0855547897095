#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "transport/mcp/envelope.hpp"

namespace holdfast::apps {

/// Nothing if `text` is one JSON value in valid UTF-8, else where and why it is not.
std::optional<std::string> json_trouble(std::string_view text);

/// The value of a string member of valid JSON; empty if there is none.
std::string text_member(mcp::raw_json object, std::string_view name);

/// A number member as it is written; "-" if there is none or it is no number.
std::string number_member(mcp::raw_json object, std::string_view name);

}  // namespace holdfast::apps
