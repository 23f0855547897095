#include <charconv>
#include <cstdio>
#include <optional>

#include "apps/config/client_file.hpp"

namespace holdfast::apps {
namespace {

constexpr std::string_view blank = " \t\r\n";

bool begins_with_brace(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (;;) {
    const auto start = text.find_first_not_of(blank);
    if (start == std::string_view::npos) return false;
    text.remove_prefix(start);
    if (!text.starts_with("//") && !text.starts_with("/*")) return text.front() == '{';
    const auto end = text[1] == '/' ? text.find('\n') : text.find("*/", 2);
    if (end == std::string_view::npos) return false;
    text.remove_prefix(text[1] == '/' ? end : end + 2);
  }
}

std::optional<unsigned> code_unit(std::string_view text) {
  unsigned unit = 0;
  if (text.size() < 6 || !text.starts_with("\\u")) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  if (error != std::errc{} || end != text.data() + 6) return std::nullopt;
  return unit;
}

/// One `\UXXXXXXXX` for a surrogate pair at the start of `text`: YAML, which reads the result, knows no pairs.
std::optional<std::string> joined_pair(std::string_view text) {
  const auto high = code_unit(text);
  if (!high || *high < 0xd800 || *high > 0xdbff) return std::nullopt;
  const auto low = code_unit(text.substr(6));
  if (!low || *low < 0xdc00 || *low > 0xdfff) return std::nullopt;
  char escape[16];
  std::snprintf(escape, sizeof escape, "\\U%08x", 0x10000 + ((*high - 0xd800) << 10) + (*low - 0xdc00));
  return escape;
}

/// A comment begins only where a token may: in `{url: http://host}`, which is YAML, the slashes belong to the value.
bool comment_starts(std::string_view text, std::size_t at) {
  if (!text.substr(at).starts_with("//") && !text.substr(at).starts_with("/*")) return false;
  return at == 0 || std::string_view(" \t\r\n,{}[]\"/").find(text[at - 1]) != std::string_view::npos;
}

std::size_t comment_end(std::string_view text, std::size_t at) {
  const bool line = text[at + 1] == '/';
  const auto end = line ? text.find('\n', at) : text.find("*/", at + 2);
  return end == std::string_view::npos ? text.size() : line ? end : end + 2;
}

std::size_t copy_string(std::string_view text, std::size_t at, std::string& out) {
  out += text[at++];
  while (at < text.size()) {
    if (const auto pair = joined_pair(text.substr(at))) {
      out += *pair;
      at += 12;
      continue;
    }
    const char c = text[at];
    const std::size_t length = c == '\\' && at + 1 < text.size() ? 2 : 1;
    out += text.substr(at, length);
    at += length;
    if (c == '"') break;
  }
  return at;
}

}  // namespace

std::string plain_json(std::string_view text) {
  if (!begins_with_brace(text)) return std::string(text);
  std::string out;
  std::size_t comma = std::string::npos;  // the last thing in `out`, but for blanks
  for (std::size_t at = 0; at < text.size();) {
    if (comment_starts(text, at)) {
      const std::size_t end = comment_end(text, at);
      for (; at < end; ++at) out += text[at] == '\n' ? '\n' : ' ';
      continue;
    }
    const char c = text[at];
    if ((c == '}' || c == ']') && comma != std::string::npos) out[comma] = ' ';
    if (blank.find(c) == std::string_view::npos) comma = c == ',' ? out.size() : std::string::npos;
    if (c == '"') {
      at = copy_string(text, at, out);
    } else {
      out += c;
      ++at;
    }
  }
  return out;
}

}  // namespace holdfast::apps
