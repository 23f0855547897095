#include "actors/uri_rewrite.hpp"

#include "transport/mcp/envelope.hpp"

namespace holdfast::actors {
namespace {

constexpr std::string_view key = "\"uri\"";

/// The next raw string that is the value of a "uri" member, from `at` on. Inside a JSON string a quote is escaped, so
/// the key followed by a colon cannot be part of one.
std::optional<std::string_view> next_uri(std::string_view json, std::size_t at) {
  while ((at = json.find(key, at)) != std::string_view::npos) {
    at += key.size();
    auto begin = json.find_first_not_of(" \t\r\n", at);
    if (begin == std::string_view::npos || json[begin] != ':') continue;
    begin = json.find_first_not_of(" \t\r\n", begin + 1);
    if (begin == std::string_view::npos || json[begin] != '"') continue;
    auto end = begin + 1;
    while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
    if (end >= json.size()) return std::nullopt;
    return json.substr(begin, end + 1 - begin);
  }
  return std::nullopt;
}

}  // namespace

void for_each_uri(std::string_view json, const std::function<void(const std::string&)>& f) {
  std::size_t at = 0;
  while (const auto raw = next_uri(json, at)) {
    if (const auto uri = mcp::string_value(*raw)) f(*uri);
    at = static_cast<std::size_t>(raw->data() - json.data()) + raw->size();
  }
}

std::string rewrite_uris(std::string_view json,
                         const std::function<std::optional<std::string>(const std::string&)>& f) {
  std::string out;
  std::size_t copied = 0, at = 0;
  while (const auto raw = next_uri(json, at)) {
    const auto begin = static_cast<std::size_t>(raw->data() - json.data());
    at = begin + raw->size();
    const auto uri = mcp::string_value(*raw);
    const auto other = uri ? f(*uri) : std::nullopt;
    if (!other) continue;
    out += json.substr(copied, begin - copied);
    out += mcp::quote(*other);
    copied = at;
  }
  return out += json.substr(copied);
}

}  // namespace holdfast::actors
