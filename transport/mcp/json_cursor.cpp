#include "transport/mcp/json_cursor.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <bitset>
#include <cstdint>

namespace holdfast::mcp {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

std::size_t utf8_sequence(const char* p, const char* end) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(p[i]); };
  const auto left = static_cast<std::size_t>(end - p);
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const std::uint8_t lead = byte(0);
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return left >= 2 && continues(1) ? 2 : 0;
  // The second byte's range excludes over-long forms, surrogates and what is beyond U+10FFFF (Unicode, table 3-7).
  if (lead < 0xF0) {
    if (left < 3 || !continues(1) || !continues(2)) return 0;
    return (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ? 0 : 3;
  }
  if (lead > 0xF4 || left < 4 || !continues(1) || !continues(2) || !continues(3)) return 0;
  return (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F) ? 0 : 4;
}

bool names_member(raw_json key, std::string_view name) {
  const std::string_view inner = unquoted(key);
  if (inner == name) return true;
  // Unescaping never makes a string longer.
  return inner.size() > name.size() && inner.find('\\') != inner.npos && string_value(key) == name;
}

raw_json json_cursor::value() noexcept {
  skip_space();
  const char* from = p_;
  if (p_ != end_ && *p_ != '{' && *p_ != '[') {
    return scalar() ? raw_json(from, static_cast<std::size_t>(p_ - from)) : raw_json();
  }
  std::bitset<depth_limit> is_object;
  std::size_t open = 0;
  for (;;) {
    if (p_ == end_) return {};
    bool ended = true;
    if (*p_ == '{' || *p_ == '[') {
      if (depth_ + open >= depth_max_) return {};
      const bool object = *p_++ == '{';
      is_object[open++] = object;
      ended = peek() == (object ? '}' : ']');
      if (!ended && object && !key_and_colon()) return {};
    } else if (!scalar()) {
      return {};
    }
    if (!ended) continue;
    for (;;) {
      if (open == 0) return {from, static_cast<std::size_t>(p_ - from)};
      const bool object = is_object[open - 1];
      const char next = peek();
      if (next != ',' && next != (object ? '}' : ']')) return {};
      ++p_;
      if (next == ',') {
        skip_space();
        if (object && !key_and_colon()) return {};
        break;
      }
      --open;
    }
  }
}

bool json_cursor::key_and_colon() noexcept {
  if (string().data() == nullptr || !take(':')) return false;
  skip_space();
  return true;
}

bool json_cursor::scalar() noexcept {
  switch (*p_) {
    case '"': return string().data() != nullptr;
    case 't': return literal("true");
    case 'f': return literal("false");
    case 'n': return literal("null");
    default: return number();
  }
}

bool json_cursor::literal(std::string_view word) noexcept {
  if (!std::string_view(p_, static_cast<std::size_t>(end_ - p_)).starts_with(word)) return false;
  p_ += word.size();
  return true;
}

bool json_cursor::digits() noexcept {
  const char* from = p_;
  while (p_ != end_ && is_digit(*p_)) ++p_;
  return p_ != from;
}

bool json_cursor::number() noexcept {
  if (*p_ == '-') ++p_;
  const char* from = p_;
  if (!digits()) return false;
  if (*from == '0' && p_ - from > 1) return false;
  if (p_ != end_ && *p_ == '.') {
    ++p_;
    if (!digits()) return false;
  }
  if (p_ != end_ && (*p_ == 'e' || *p_ == 'E')) {
    ++p_;
    if (p_ != end_ && (*p_ == '+' || *p_ == '-')) ++p_;
    if (!digits()) return false;
  }
  return true;
}

raw_json json_cursor::string() noexcept {
  if (p_ == end_ || *p_ != '"') return {};
  const char* from = p_++;
  for (;;) {
    skip_plain();
    if (p_ == end_) return {};
    if (*p_ == '"') {
      ++p_;
      return {from, static_cast<std::size_t>(p_ - from)};
    }
    if (!(*p_ == '\\' ? escape() : multibyte())) return {};
  }
}

void json_cursor::skip_plain() noexcept {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i space = _mm_set1_epi8(' ');
  while (end_ - p_ >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p_));
    // Signed: bytes from 0x80 on count as below the space, as the control characters do.
    const __m128i special = _mm_or_si128(_mm_cmplt_epi8(block, space),
                                         _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (mask != 0) {
      p_ += __builtin_ctz(mask);
      return;
    }
    p_ += 16;
  }
#endif
  while (p_ != end_ && *p_ != '"' && *p_ != '\\' && static_cast<std::uint8_t>(*p_) >= 0x20 &&
         static_cast<std::uint8_t>(*p_) < 0x80) {
    ++p_;
  }
}

bool json_cursor::escape() noexcept {
  ++p_;
  if (p_ == end_) return false;
  const char kind = *p_++;
  if (kind == 'u') {
    if (end_ - p_ < 4) return false;
    for (int i = 0; i < 4; ++i) {
      if (!is_hex(*p_++)) return false;
    }
    return true;
  }
  return std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos;
}

bool json_cursor::multibyte() noexcept {
  // Text in other scripts comes in runs.
  do {
    const bool two_bytes = end_ - p_ >= 2 && static_cast<std::uint8_t>(p_[0]) >= 0xC2 &&
                           static_cast<std::uint8_t>(p_[0]) < 0xE0 && (static_cast<std::uint8_t>(p_[1]) & 0xC0) == 0x80;
    const std::size_t size = two_bytes ? 2 : utf8_sequence(p_, end_);
    if (size == 0) return false;
    p_ += size;
  } while (p_ != end_ && static_cast<std::uint8_t>(*p_) >= 0x80);
  return true;
}

}  // namespace holdfast::mcp
