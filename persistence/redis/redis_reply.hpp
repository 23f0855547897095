#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::persistence {

/// What a Redis server answered to one command.
struct redis_reply {
  enum class kind : std::uint8_t { nothing, text, status, error, integer, array };
  enum kind kind = kind::nothing;
  std::int64_t integer = 0;
  std::string text;  ///< of text, status and error
  std::vector<redis_reply> elements;

  bool is_error() const noexcept { return kind == kind::error; }
  bool is_text() const noexcept { return kind == kind::text; }

  /// The first word of an error: READONLY, OOM, …; empty if it is none.
  std::string_view error_code() const noexcept {
    return is_error() ? std::string_view(text).substr(0, text.find(' ')) : std::string_view();
  }
};

}  // namespace holdfast::persistence
