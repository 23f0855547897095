#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "transport/mcp/envelope.hpp"
#include "transport/upstream_link.hpp"

/// Writes the texts of sessions (`session_text`): every call writes two of them.
namespace holdfast::actors::text_writer {

inline void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits{};
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

inline bool stands_for_itself(char c) noexcept { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

inline void append_quoted(std::string& out, std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), stands_for_itself)) {
    out += mcp::quote(text);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

/// `,"name":`, put together when this is compiled.
class member_name {
 public:
  template <std::size_t size_with_end>
  constexpr member_name(const char (&name)[size_with_end])  // NOLINT(google-explicit-constructor): stands for a literal
      : size_(size_with_end + 3) {
    static_assert(size_with_end + 3 <= room);
    text_[0] = ',';
    text_[1] = '"';
    std::copy_n(name, size_with_end - 1, text_.begin() + 2);
    text_[size_with_end + 1] = '"';
    text_[size_with_end + 2] = ':';
  }

  constexpr std::string_view text(bool is_first) const {
    return {text_.data() + (is_first ? 1 : 0), size_ - (is_first ? 1 : 0)};
  }

 private:
  static constexpr std::size_t room = 24;
  std::array<char, room> text_{};
  std::size_t size_;
};

/// Writes one object at the end of a text, member by member; what is empty or zero is left out. Nothing is put together
/// elsewhere first.
class object {
 public:
  explicit object(std::string& out) : out_(out), begin_(out.size() + 1) { out_ += '{'; }

  object& text(const member_name& name, std::string_view value) {
    if (!value.empty()) append_quoted(member_of(name), value);
    return *this;
  }
  object& number(const member_name& name, std::uint64_t value) {
    if (value != 0) append_number(member_of(name), value);
    return *this;
  }
  object& raw(const member_name& name, std::string_view value) {
    if (!value.empty()) member_of(name) += value;
    return *this;
  }
  /// An array of what `write(out, value)` appends for each of the values.
  template <class Range, class Write>
  object& array(const member_name& name, const Range& values, Write write) {
    if (values.empty()) return *this;
    member_of(name);
    char before = '[';
    for (const auto& v : values) {
      out_ += std::exchange(before, ',');
      write(out_, v);
    }
    out_ += ']';
    return *this;
  }
  object& session(const member_name& name, const transport::upstream_session& s) {
    if (s.id.empty()) return *this;
    object(member_of(name)).text("id", s.id).text("revision", s.revision).text("lastEventId", s.last_event_id).end();
    return *this;
  }
  void end() { out_ += '}'; }

 private:
  std::string& member_of(const member_name& name) { return out_.append(name.text(out_.size() == begin_)); }

  std::string& out_;
  const std::size_t begin_;
};

}  // namespace holdfast::actors::text_writer
