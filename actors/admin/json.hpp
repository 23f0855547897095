#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/text_reader.hpp"
#include "transport/mcp/envelope.hpp"

/// Small JSON texts, written and read.
namespace holdfast::actors::admin {

/// A JSON object that is being written, member by member.
class json_object {
 public:
  json_object& raw(std::string_view name, std::string_view value);
  json_object& text(std::string_view name, std::string_view value);
  json_object& text_or_null(std::string_view name, std::string_view value);  ///< null if it is empty
  json_object& flag(std::string_view name, bool value);
  json_object& texts(std::string_view name, const std::vector<std::string>& values);
  json_object& list(std::string_view name, const std::vector<std::string>& raw_values);
  template <std::integral N>
  json_object& number(std::string_view name, N value) {
    return raw(name, std::to_string(value));
  }
  /// Whole milliseconds.
  template <class Rep, class Period>
  json_object& number(std::string_view name, std::chrono::duration<Rep, Period> value) {
    return number(name, std::chrono::duration_cast<std::chrono::milliseconds>(value).count());
  }

  std::string str() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

/// `[a,b]` of raw values, and `["a","b"]` of texts.
std::string json_list(const std::vector<std::string>& raw_values);
std::string json_texts(const std::vector<std::string>& values);

// Members of a raw object; empty, 0 or false if they are not there or of another kind.
using text_reader::number_of;
using text_reader::text_of;
bool flag_of(mcp::raw_json object, std::string_view name);
std::vector<mcp::raw_json> list_of(mcp::raw_json object, std::string_view name);

/// The object without one of its members.
std::string without(mcp::raw_json object, std::string_view name);

/// RFC 3339, UTC, milliseconds.
std::string time_text(std::chrono::sys_time<std::chrono::milliseconds> at);
std::string time_now();

}  // namespace holdfast::actors::admin
