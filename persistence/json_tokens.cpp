#include "persistence/json_tokens.hpp"

#include <bit>
#include <cstring>

namespace holdfast::persistence {
namespace {

constexpr std::uint64_t each_byte = 0x0101010101010101;
constexpr std::uint64_t high_bits = each_byte * 0x80;

/// Marks the high bit of bytes below `limit`. Bytes above the lowest marked one may be marked wrongly.
constexpr std::uint64_t below(std::uint64_t word, std::uint64_t limit) noexcept {
  return (word - each_byte * limit) & ~word & high_bits;
}

constexpr std::uint64_t special(std::uint64_t word) noexcept {
  return (word & high_bits) | below(word, 0x20) | below(word ^ each_byte * '"', 1) | below(word ^ each_byte * '\\', 1);
}

std::uint8_t byte_at(std::string_view text, std::size_t i) noexcept {
  return i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0};
}

bool is_plain(char c) noexcept {
  const auto byte = static_cast<std::uint8_t>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

bool is_digit(std::uint8_t c) noexcept { return c >= '0' && c <= '9'; }
bool is_hex(std::uint8_t c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

std::size_t digits(std::string_view text, std::size_t from) noexcept {
  std::size_t end = from;
  while (is_digit(byte_at(text, end))) ++end;
  return end - from;
}

std::size_t escape_length(std::string_view text) noexcept {
  const std::uint8_t kind = byte_at(text, 1);
  if (kind != 'u') return kind != 0 && std::strchr("\"\\/bfnrt", kind) != nullptr ? 2 : 0;
  for (std::size_t i = 2; i < 6; ++i) {
    if (!is_hex(byte_at(text, i))) return 0;
  }
  return 6;
}

}  // namespace

std::size_t multibyte_length(std::string_view text) noexcept {
  const std::uint8_t lead = byte_at(text, 0);
  const std::size_t size = lead < 0xC2 || lead > 0xF4 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte_at(text, i) & 0xC0) != 0x80) return 0;
  }
  // Over-long forms, surrogates and what is beyond U+10FFFF (Unicode, table 3-7).
  const std::uint8_t second = byte_at(text, 1);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return 0;
  if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return 0;
  return size;
}

std::size_t plain_length(std::string_view text) noexcept {
  std::size_t at = 0;
  if constexpr (std::endian::native == std::endian::little) {
    for (; text.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + at, sizeof word);
      if (const std::uint64_t found = special(word)) return at + static_cast<std::size_t>(std::countr_zero(found)) / 8;
    }
  }
  while (at < text.size() && is_plain(text[at])) ++at;
  return at;
}

std::size_t string_length(std::string_view text, bool& escaped) noexcept {
  escaped = false;
  std::size_t at = 0;
  for (;;) {
    at += plain_length(text.substr(at));
    if (at == text.size() || text[at] == '"') return at;
    const bool escape = text[at] == '\\';
    escaped |= escape;
    const std::size_t size = escape ? escape_length(text.substr(at)) : multibyte_length(text.substr(at));
    if (size == 0) return std::string_view::npos;
    at += size;
  }
}

std::size_t number_length(std::string_view text) noexcept {
  std::size_t at = byte_at(text, 0) == '-' ? 1 : 0;
  const std::size_t whole = digits(text, at);
  if (whole == 0 || (whole > 1 && text[at] == '0')) return 0;
  at += whole;
  if (byte_at(text, at) == '.') {
    const std::size_t fraction = digits(text, at + 1);
    if (fraction == 0) return 0;
    at += 1 + fraction;
  }
  if ((byte_at(text, at) | 0x20) == 'e') {
    const bool sign = byte_at(text, at + 1) == '+' || byte_at(text, at + 1) == '-';
    const std::size_t exponent = digits(text, at + 1 + (sign ? 1 : 0));
    if (exponent == 0) return 0;
    at += 1 + (sign ? 1 : 0) + exponent;
  }
  return at;
}

void json_tokens::skip_space() noexcept {
  while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n' || rest_[0] == '\r' || rest_[0] == '\t')) {
    rest_.remove_prefix(1);
  }
}

bool json_tokens::take(char c) noexcept {
  if (rest_.empty() || rest_[0] != c) return false;
  rest_.remove_prefix(1);
  return true;
}

bool json_tokens::take_word(std::string_view word) noexcept {
  if (!rest_.starts_with(word)) return false;
  rest_.remove_prefix(word.size());
  return true;
}

bool json_tokens::take_string() noexcept {
  if (!take('"')) return false;
  const std::size_t size = string_length(rest_, escaped_);
  if (size >= rest_.size()) return false;
  raw_ = rest_.substr(0, size);
  rest_.remove_prefix(size + 1);
  return true;
}

json_tokens::kind json_tokens::next() noexcept {
  skip_space();
  if (place_ == place::after) {
    if (depth_ == 0) return rest_.empty() ? kind::end : kind::malformed;
    if (!take(',')) return close();
    skip_space();
    place_ = is_object_[depth_ - 1] ? place::key : place::value;
  } else if (fresh_ && !rest_.empty() && (rest_[0] == '}' || rest_[0] == ']')) {
    return close();
  }
  fresh_ = false;
  return place_ == place::key ? key() : value();
}

json_tokens::kind json_tokens::open(bool object) noexcept {
  rest_.remove_prefix(1);
  if (depth_ == depth_max) return kind::malformed;
  is_object_[depth_++] = object;
  place_ = object ? place::key : place::value;
  fresh_ = true;
  return object ? kind::object : kind::array;
}

json_tokens::kind json_tokens::close() noexcept {
  const bool object = is_object_[depth_ - 1];
  if (!take(object ? '}' : ']')) return kind::malformed;
  --depth_;
  fresh_ = false;
  place_ = place::after;
  return object ? kind::object_end : kind::array_end;
}

json_tokens::kind json_tokens::key() noexcept {
  if (!take_string()) return kind::malformed;
  skip_space();
  place_ = place::value;
  return take(':') ? kind::key : kind::malformed;
}

json_tokens::kind json_tokens::value() noexcept {
  if (rest_.empty()) return kind::malformed;
  place_ = place::after;
  switch (rest_[0]) {
    case '{': return open(true);
    case '[': return open(false);
    case '"': return take_string() ? kind::string : kind::malformed;
    case 't': return take_word("true") ? kind::yes : kind::malformed;
    case 'f': return take_word("false") ? kind::no : kind::malformed;
    case 'n': return take_word("null") ? kind::null : kind::malformed;
    default: break;
  }
  const std::size_t size = number_length(rest_);
  raw_ = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return size == 0 ? kind::malformed : kind::number;
}

bool is_json(std::string_view text) noexcept {
  json_tokens tokens(text);
  auto token = tokens.next();
  if (token != json_tokens::kind::object && token != json_tokens::kind::array) return false;
  while (token != json_tokens::kind::end) {
    if (token == json_tokens::kind::malformed) return false;
    token = tokens.next();
  }
  return true;
}

}  // namespace holdfast::persistence
