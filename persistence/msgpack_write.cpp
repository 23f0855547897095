#include <charconv>
#include <cstdint>
#include <limits>
#include <vector>

#include "persistence/json_tokens.hpp"
#include "persistence/msgpack.hpp"
#include "persistence/msgpack_format_impl.hpp"

namespace holdfast::persistence {
namespace {

using kind = json_tokens::kind;

/// MessagePack says the count ahead of the members, JSON never does: how many each container has, in the order in
/// which they open. Nothing if the text is not JSON.
std::optional<std::vector<std::uint32_t>> member_counts(std::string_view json) {
  struct container {
    std::size_t index;
    bool object;
  };
  std::vector<std::uint32_t> counts;
  std::vector<container> open;
  json_tokens tokens(json);
  for (;;) {
    const kind token = tokens.next();
    if (token == kind::malformed) return std::nullopt;
    if (token == kind::end) return counts;
    if (token == kind::object_end || token == kind::array_end) {
      open.pop_back();
      continue;
    }
    if (!open.empty() && (token == kind::key || !open.back().object)) ++counts[open.back().index];
    if (token == kind::object || token == kind::array) {
      open.push_back({counts.size(), token == kind::object});
      counts.push_back(0);
    }
  }
}

/// The character that the shortest escape at the front of `text` stands for, taken off; nothing if another spelling
/// is the shortest.
std::optional<char> take_shortest(std::string_view& text) {
  const char letter = text[1];
  if (letter == 'u') {
    std::uint8_t control = 0;
    const std::string_view code = text.substr(2, 4);
    const auto [stop, error] = std::from_chars(code.data(), code.data() + code.size(), control, 16);
    if (error != std::errc() || control >= 0x20 || msgpack::escape_letter(control) != 0) return std::nullopt;
    if (code.find_first_of("ABCDEF") != code.npos) return std::nullopt;
    text.remove_prefix(6);
    return static_cast<char>(control);
  }
  constexpr std::string_view letters = "\"\\bfnrt";
  constexpr std::string_view meanings = "\"\\\b\f\n\r\t";
  const std::size_t which = letters.find(letter);
  if (which == letters.npos) return std::nullopt;
  text.remove_prefix(2);
  return meanings[which];
}

/// What a string means; nothing if writing it again would not give the same text.
std::optional<std::string> unescaped(std::string_view raw) {
  std::string text;
  text.reserve(raw.size());
  for (;;) {
    const std::size_t backslash = raw.find('\\');
    text.append(raw.substr(0, backslash));
    if (backslash == raw.npos) return text;
    raw.remove_prefix(backslash);
    const auto meant = take_shortest(raw);
    if (!meant) return std::nullopt;
    text += *meant;
  }
}

class writer {
 public:
  explicit writer(std::size_t expected) { out_.reserve(expected); }

  void container(bool object, std::uint32_t count) {
    if (count < 16) return byte((object ? msgpack::fix_map : msgpack::fix_array) | count);
    if (count <= 0xFFFF) return head(object ? msgpack::map16 : msgpack::array16, count, 2);
    head(object ? msgpack::map32 : msgpack::array32, count, 4);
  }

  void string(std::string_view raw, bool escaped) {
    if (!escaped) return text(raw);
    if (const auto meant = unescaped(raw)) return text(*meant);
    extension(msgpack::string_text, raw);
  }

  void number(std::string_view raw) {
    const char* end = raw.data() + raw.size();
    std::uint64_t natural = 0;
    if (const auto [stop, error] = std::from_chars(raw.data(), end, natural); error == std::errc() && stop == end) {
      return positive(natural);
    }
    std::int64_t integer = 0;
    const auto [stop, error] = std::from_chars(raw.data(), end, integer);
    // -0 is a number of its own to some readers.
    if (error == std::errc() && stop == end && integer != 0) return negative(integer);
    extension(msgpack::number_text, raw);
  }

  void byte(std::uint32_t value) { out_ += static_cast<char>(value); }

  std::string take() { return std::move(out_); }

 private:
  void head(std::uint8_t lead, std::uint64_t value, int size) {
    byte(lead);
    for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) out_ += static_cast<char>(value >> shift);
  }

  void positive(std::uint64_t value) {
    if (value < 0x80) return byte(static_cast<std::uint32_t>(value));
    if (value <= 0xFF) return head(msgpack::uint8, value, 1);
    if (value <= 0xFFFF) return head(msgpack::uint16, value, 2);
    if (value <= 0xFFFFFFFF) return head(msgpack::uint32, value, 4);
    head(msgpack::uint64, value, 8);
  }

  void negative(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    if (value >= -32) return byte(static_cast<std::uint8_t>(bits));
    if (value >= std::numeric_limits<std::int8_t>::min()) return head(msgpack::int8, bits, 1);
    if (value >= std::numeric_limits<std::int16_t>::min()) return head(msgpack::int16, bits, 2);
    if (value >= std::numeric_limits<std::int32_t>::min()) return head(msgpack::int32, bits, 4);
    head(msgpack::int64, bits, 8);
  }

  void text(std::string_view bytes) {
    const std::size_t size = bytes.size();
    if (size < 32) {
      byte(msgpack::fix_string | static_cast<std::uint32_t>(size));
    } else if (size <= 0xFF) {
      head(msgpack::string8, size, 1);
    } else if (size <= 0xFFFF) {
      head(msgpack::string16, size, 2);
    } else {
      head(msgpack::string32, size, 4);
    }
    out_.append(bytes);
  }

  void extension(std::uint8_t type, std::string_view bytes) {
    const std::size_t size = bytes.size();
    switch (size) {
      case 1: byte(msgpack::fix_ext1); break;
      case 2: byte(msgpack::fix_ext2); break;
      case 4: byte(msgpack::fix_ext4); break;
      case 8: byte(msgpack::fix_ext8); break;
      case 16: byte(msgpack::fix_ext16); break;
      default:
        if (size <= 0xFF) {
          head(msgpack::ext8, size, 1);
        } else if (size <= 0xFFFF) {
          head(msgpack::ext16, size, 2);
        } else {
          head(msgpack::ext32, size, 4);
        }
    }
    byte(type);
    out_.append(bytes);
  }

  std::string out_;
};

}  // namespace

std::optional<std::string> msgpack_of(std::string_view json) {
  if (json.size() > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  const auto counts = member_counts(json);
  if (!counts || counts->empty()) return std::nullopt;
  writer out(json.size());
  std::size_t opened = 0;
  json_tokens tokens(json);
  for (kind token = tokens.next(); token != kind::end; token = tokens.next()) {
    switch (token) {
      case kind::object: out.container(true, (*counts)[opened++]); break;
      case kind::array: out.container(false, (*counts)[opened++]); break;
      case kind::key:
      case kind::string: out.string(tokens.raw(), tokens.escaped()); break;
      case kind::number: out.number(tokens.raw()); break;
      case kind::yes: out.byte(msgpack::yes); break;
      case kind::no: out.byte(msgpack::no); break;
      case kind::null: out.byte(msgpack::nil); break;
      case kind::object_end:
      case kind::array_end:
      case kind::end:
      case kind::malformed: break;
    }
  }
  return out.take();
}

}  // namespace holdfast::persistence
