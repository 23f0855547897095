#include "apps/config/yaml_json.hpp"

#include <cctype>
#include <string_view>

#include "transport/mcp/envelope.hpp"

namespace holdfast::apps {
namespace {

/// As JSON writes it (RFC 8259, section 6).
bool is_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const auto from = at;
    while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0) ++at;
    return at - from;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const auto first = at;
  const auto whole = digits();
  if (whole == 0 || (whole > 1 && text[first] == '0')) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

std::string scalar(const YAML::Node& node) {
  const auto& text = node.Scalar();
  const bool is_plain = node.Tag() == "?";
  if (is_plain && (text == "true" || text == "false" || is_number(text))) return text;
  return mcp::quote(text);
}

}  // namespace

std::string to_json(const YAML::Node& node) {
  std::string out;
  if (node.IsMap()) {
    for (const auto& entry : node)
      out += (out.empty() ? "" : ",") + mcp::quote(entry.first.Scalar()) + ":" + to_json(entry.second);
    return "{" + out + "}";
  }
  if (node.IsSequence()) {
    for (const auto& element : node) out += (out.empty() ? "" : ",") + to_json(element);
    return "[" + out + "]";
  }
  return node.IsScalar() ? scalar(node) : "null";
}

}  // namespace holdfast::apps
