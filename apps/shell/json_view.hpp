#pragma once

#include <rapidjson/document.h>

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::apps {

using json_value = rapidjson::Value;

/// Nothing if `text` is no JSON.
std::optional<rapidjson::Document> parse_json(std::string_view text);

/// A member of an object; JSON's null if there is none.
const json_value& member(const json_value& of, std::string_view name);

/// A value in one line for people: a string without its quotes and without control characters, "-" for null, "yes" and
/// "no", the elements of an array with commas between them, an object as "name=value name=value".
std::string plain(const json_value& v);

/// A string member; empty if there is none.
std::string text_of(const json_value& of, std::string_view name);

/// A number member; 0 if there is none.
double number_of(const json_value& of, std::string_view name);

}  // namespace holdfast::apps
