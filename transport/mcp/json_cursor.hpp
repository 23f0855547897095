#pragma once

#include <cstddef>
#include <string_view>

#include "transport/mcp/envelope.hpp"

namespace holdfast::mcp {

/// Walks JSON text from front to back and checks RFC 8259 and UTF-8 on the way, without copying. A step that does not
/// fit says so; the cursor must not be used after that. For the files of this folder only.
class json_cursor {
 public:
  /// No limit may be higher: the open containers are remembered in a fixed set of bits.
  static constexpr std::size_t depth_limit = 1024;

  explicit json_cursor(std::string_view text, std::size_t depth_max = depth_limit) noexcept
      : p_(text.data()),
        end_(text.data() + text.size()),
        depth_max_(depth_max < depth_limit ? depth_max : depth_limit) {}

  const char* position() const noexcept { return p_; }

  /// The next byte after white space; NUL at the end.
  char peek() noexcept {
    skip_space();
    return p_ == end_ ? '\0' : *p_;
  }

  /// Takes `c` if it comes next after white space.
  bool take(char c) noexcept {
    skip_space();
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }

  /// True if nothing but white space is left.
  bool at_end() noexcept {
    skip_space();
    return p_ == end_;
  }

  /// The value that comes next after white space, of any kind; null if there is none or it is too deep.
  raw_json value() noexcept;

  /// Calls `on_member(key)` for each member of the object that comes next; `key` is raw. `on_member` takes the value
  /// with `value` or `each_…` and returns false to stop. False if it stopped or if this is no object.
  template <class Function>
  bool each_member(Function&& on_member) {
    if (!enter('{')) return false;
    if (!take('}')) {
      do {
        skip_space();
        const raw_json key = string();
        if (key.data() == nullptr || !take(':') || !on_member(key)) return false;
      } while (take(','));
      if (!take('}')) return false;
    }
    --depth_;
    return true;
  }

  /// The same for the elements of an array: `on_element()` takes one.
  template <class Function>
  bool each_element(Function&& on_element) {
    if (!enter('[')) return false;
    if (!take(']')) {
      do {
        if (!on_element()) return false;
      } while (take(','));
      if (!take(']')) return false;
    }
    --depth_;
    return true;
  }

 private:
  void skip_space() noexcept {
    while (p_ != end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t')) ++p_;
  }

  bool enter(char bracket) noexcept { return ++depth_ <= depth_max_ && take(bracket); }

  /// A string whose opening quote is the next byte, with its quotes.
  raw_json string() noexcept;
  bool key_and_colon() noexcept;
  bool scalar() noexcept;
  bool literal(std::string_view word) noexcept;
  bool number() noexcept;
  bool digits() noexcept;
  bool escape() noexcept;
  bool multibyte() noexcept;
  void skip_plain() noexcept;

  const char* p_;
  const char* end_;
  std::size_t depth_max_;
  std::size_t depth_ = 0;
};

/// The length of the well-formed UTF-8 sequence of two to four bytes at the front of [`p`, `end`), of which at least
/// one is there; 0 if it is none.
std::size_t utf8_sequence(const char* p, const char* end) noexcept;

/// The bytes between the quotes of a raw string.
inline std::string_view unquoted(raw_json string) noexcept { return string.substr(1, string.size() - 2); }

/// True if the raw string `key` is `name` after unescaping. Does not allocate unless `key` holds escapes.
bool names_member(raw_json key, std::string_view name);

}  // namespace holdfast::mcp
