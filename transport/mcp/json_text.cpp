#include <charconv>
#include <cstdint>
#include <cstring>

#include "transport/errc.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/json_cursor.hpp"

namespace holdfast::mcp {
namespace {

using transport::errc;

constexpr char32_t replacement_character = 0xFFFD;

void append_utf8(std::string& to, char32_t c) {
  const auto tail = [&](int shift) { to += static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) {
    to += static_cast<char>(c);
  } else if (c < 0x800) {
    to += static_cast<char>(0xC0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    to += static_cast<char>(0xE0 | (c >> 12));
    tail(6), tail(0);
  } else {
    to += static_cast<char>(0xF0 | (c >> 18));
    tail(12), tail(6), tail(0);
  }
}

// The four digits of a \u escape at the front of `text`, taken off; nothing if there are none.
std::optional<char32_t> take_unit(std::string_view& text) {
  std::uint32_t unit = 0;
  if (text.size() < 4) return std::nullopt;
  const char* end = text.data() + 4;
  auto [stop, error] = std::from_chars(text.data(), end, unit, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  text.remove_prefix(4);
  return unit;
}

// A lone surrogate is legal JSON (scripts cut strings in the middle of a pair) but has no UTF-8.
std::optional<char32_t> take_code_point(std::string_view& text) {
  const auto unit = take_unit(text);
  if (!unit || *unit < 0xD800 || *unit > 0xDFFF) return unit;
  if (*unit > 0xDBFF || !text.starts_with("\\u")) return replacement_character;
  std::string_view ahead = text.substr(2);
  const auto low = take_unit(ahead);
  if (!low || *low < 0xDC00 || *low > 0xDFFF) return replacement_character;
  text = ahead;
  return 0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00);
}

// False for an escape that JSON does not know. `text` begins after the backslash.
bool append_escape(std::string& to, std::string_view& text) {
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  if (text.empty()) return false;
  const char kind = text.front();
  text.remove_prefix(1);
  if (kind == 'u') {
    const auto code_point = take_code_point(text);
    if (code_point) append_utf8(to, *code_point);
    return code_point.has_value();
  }
  const std::size_t which = letters.find(kind);
  if (which == letters.npos) return false;
  to += meanings[which];
  return true;
}

bool is_quoted(raw_json raw) noexcept { return raw.size() >= 2 && raw.front() == '"' && raw.back() == '"'; }

void append_member(std::string& object, std::string_view key, raw_json value) {
  if (object.size() > 1) object += ',';
  object.append(key).append(":").append(value);
}

}  // namespace

transport::result<std::vector<raw_json>> elements(raw_json array, std::size_t max) {
  std::vector<raw_json> found;
  bool too_many = false;
  json_cursor in(array);
  const bool whole = in.each_element([&] {
    too_many = found.size() == max;
    if (too_many) return false;
    found.push_back(in.value());
    return found.back().data() != nullptr;
  });
  if (too_many) return errc::overloaded;
  if (!whole || !in.at_end()) return errc::bad_json;
  return found;
}

raw_json member(raw_json object, std::string_view name) noexcept {
  raw_json found;
  json_cursor in(object);
  in.each_member([&](raw_json key) {
    const raw_json value = in.value();
    if (!names_member(key, name)) return value.data() != nullptr;
    found = value;
    return false;
  });
  return found;
}

std::vector<std::pair<std::string, raw_json>> members(raw_json object) {
  std::vector<std::pair<std::string, raw_json>> found;
  json_cursor in(object);
  in.each_member([&](raw_json key) {
    const raw_json value = in.value();
    if (value.data() != nullptr) found.emplace_back(string_value(key).value_or(std::string()), value);
    return value.data() != nullptr;
  });
  return found;
}

std::optional<std::string> string_value(raw_json raw) {
  if (!is_quoted(raw)) return std::nullopt;
  std::string_view rest = unquoted(raw);
  std::string text;
  text.reserve(rest.size());
  for (;;) {
    const std::size_t backslash = rest.find('\\');
    text.append(rest.substr(0, backslash));
    if (backslash == rest.npos) return text;
    rest.remove_prefix(backslash + 1);
    if (!append_escape(text, rest)) return std::nullopt;
  }
}

std::optional<std::string_view> plain_string(raw_json raw) noexcept {
  if (!is_quoted(raw) || raw.find('\\') != raw.npos) return std::nullopt;
  return unquoted(raw);
}

std::optional<std::int64_t> integer_value(raw_json raw) noexcept {
  std::int64_t value = 0;
  const char* end = raw.data() + raw.size();
  auto [stop, error] = std::from_chars(raw.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::string quote(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  constexpr std::string_view controls = "\b\t\n\f\r";
  std::string quoted;
  quoted.reserve(text.size() + 2);
  quoted += '"';
  const char* end = text.data() + text.size();
  for (const char* p = text.data(); p != end;) {
    const auto byte = static_cast<std::uint8_t>(*p);
    if (byte >= 0x80) {
      const std::size_t size = utf8_sequence(p, end);
      if (size == 0) {
        append_utf8(quoted, replacement_character);
      } else {
        quoted.append(p, size);
      }
      p += size == 0 ? 1 : size;
      continue;
    }
    if (byte == '"' || byte == '\\') {
      quoted += '\\';
      quoted += *p;
    } else if (byte >= 0x20) {
      quoted += *p;
    } else if (const std::size_t which = controls.find(*p); which != controls.npos) {
      quoted += '\\';
      quoted += "btnfr"[which];
    } else {
      quoted.append("\\u00");
      quoted += hex[byte >> 4];
      quoted += hex[byte & 15];
    }
    ++p;
  }
  quoted += '"';
  return quoted;
}

std::string splice(std::string_view whole, std::initializer_list<replacement> replacements) {
  std::size_t size = whole.size();
  for (const auto& r : replacements) size += r.by.size();
  std::string spliced;
  spliced.reserve(size);
  const char* from = whole.data();
  for (const auto& r : replacements) {
    spliced.append(from, static_cast<std::size_t>(r.part.data() - from)).append(r.by);
    from = r.part.data() + r.part.size();
  }
  spliced.append(from, static_cast<std::size_t>(whole.data() + whole.size() - from));
  return spliced;
}

std::string with_member(raw_json object, std::string_view name, raw_json value) {
  std::string kept = "{";
  kept.reserve(object.size() + name.size() + value.size() + 6);
  bool placed = value.data() == nullptr;
  if (!placed && member(object, name).data() == nullptr) {
    append_member(kept, quote(name), value);
    placed = true;
  }
  json_cursor in(object);
  in.each_member([&](raw_json key) {
    const raw_json old = in.value();
    if (old.data() == nullptr) return false;
    if (!names_member(key, name)) {
      append_member(kept, key, old);
    } else if (!placed) {
      // Only once: a duplicate would be read by those for whom the last one counts.
      append_member(kept, key, value);
      placed = true;
    }
    return true;
  });
  kept += '}';
  return kept;
}

}  // namespace holdfast::mcp
