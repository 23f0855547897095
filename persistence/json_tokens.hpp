#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast::persistence {

/// JSON text token by token, checked against RFC 8259 and UTF-8 on the way; nothing is copied. The text must outlive
/// what `raw` gives.
class json_tokens {
 public:
  /// Well above what the transports let in, so that what came in can be kept with something around it.
  static constexpr std::size_t depth_max = 2048;

  enum class kind : std::uint8_t {
    object,
    object_end,
    array,
    array_end,
    key,
    string,
    number,
    yes,
    no,
    null,
    end,        ///< the text is whole
    malformed,  ///< no JSON, or nested deeper than `depth_max`; there is no going on
  };

  explicit json_tokens(std::string_view text) noexcept : rest_(text) {}

  kind next() noexcept;

  /// Of the last token: a number's text; what stands between the quotes of a key or string.
  std::string_view raw() const noexcept { return raw_; }

  /// Whether the last key or string holds escapes.
  bool escaped() const noexcept { return escaped_; }

 private:
  enum class place : std::uint8_t { key, value, after };

  void skip_space() noexcept;
  bool take(char c) noexcept;
  bool take_word(std::string_view word) noexcept;
  bool take_string() noexcept;
  kind open(bool object) noexcept;
  kind close() noexcept;
  kind key() noexcept;
  kind value() noexcept;

  std::string_view rest_;
  std::string_view raw_;
  std::bitset<depth_max> is_object_;
  std::size_t depth_ = 0;
  place place_ = place::value;
  bool fresh_ = false;  // a container was opened last: it may close at once
  bool escaped_ = false;
};

/// True if `text` is one object or array, as far as `json_tokens` reads.
bool is_json(std::string_view text) noexcept;

/// The length of the number at the front of `text`; 0 if there is none.
std::size_t number_length(std::string_view text) noexcept;

/// The length of the inside of a string at the front of `text`: up to a closing quote or to the end. Tells whether
/// it holds escapes. `npos` if it is malformed.
std::size_t string_length(std::string_view text, bool& escaped) noexcept;

/// The length of the run at the front of `text` that stands in a JSON string as it is and is ASCII.
std::size_t plain_length(std::string_view text) noexcept;

/// The length of the well-formed UTF-8 sequence of two to four bytes at the front of `text`; 0 if there is none.
std::size_t multibyte_length(std::string_view text) noexcept;

}  // namespace holdfast::persistence
