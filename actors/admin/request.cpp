#include "actors/admin/request.hpp"

#include <charconv>

#include "actors/admin/json.hpp"

namespace holdfast::actors::admin {
namespace {

std::vector<std::string> texts_of(mcp::raw_json object, std::string_view name) {
  std::vector<std::string> all;
  for (const auto raw : list_of(object, name)) all.push_back(mcp::string_value(raw).value_or(std::string()));
  return all;
}

}  // namespace

std::string to_json(const problem& p) {
  json_object o;
  o.text("title", p.title).number("status", p.status);
  if (!p.detail.empty()) o.text("detail", p.detail);
  if (!p.matches.empty()) o.texts("matches", p.matches);
  if (!p.unreachable.empty()) o.texts("unreachable", p.unreachable);
  return o.str();
}

problem read_problem(int status, std::string_view json) {
  if (!mcp::elements("[" + std::string(json) + "]"))
    return {status, "The node answered " + std::to_string(status), {}, {}, {}};
  return {status, text_of(json, "title"), text_of(json, "detail"), texts_of(json, "matches"),
          texts_of(json, "unreachable")};
}

std::string request::text(const std::string& name, std::string_view otherwise) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string(otherwise) : found->second;
}

std::uint64_t request::number(const std::string& name, std::uint64_t otherwise) const {
  const auto found = query.find(name);
  if (found == query.end()) return otherwise;
  std::uint64_t n = otherwise;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), n);
  return n;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned byte = 0;
    const auto* const digits = text.data() + i + 1;
    if (text.size() - i < 3 || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  for (const char c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) return std::nullopt;
  }
  // Whatever is no UTF-8 could not be written into an answer.
  if (mcp::string_value(mcp::quote(out)) != out) return std::nullopt;
  return out;
}

std::optional<std::map<std::string, std::string>> read_query(std::string_view query) {
  std::map<std::string, std::string> all;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const auto name = decoded(pair.substr(0, equals));
    const auto value = equals == std::string_view::npos ? std::string() : decoded(pair.substr(equals + 1));
    if (!name || !value || !all.emplace(*name, *value).second) return std::nullopt;
  }
  return all;
}

}  // namespace holdfast::actors::admin
