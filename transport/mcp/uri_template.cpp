#include "transport/mcp/uri_template.hpp"

#include <algorithm>

namespace holdfast::mcp {
namespace {

// For each place in the URI (the end included) whether what was read of the template so far can end there.
using places = std::vector<bool>;

places after_literal(const places& before, std::string_view uri, std::string_view text) {
  places after(before.size(), false);
  for (std::size_t i = 0; i + text.size() <= uri.size(); ++i) {
    if (before[i] && uri.compare(i, text.size(), text) == 0) after[i + text.size()] = true;
  }
  return after;
}

// An undefined variable expands to nothing at all; else the operator's character comes first, if it has one.
places after_expression(const places& before, std::string_view uri, char lead, bool slashes) {
  places after = before;
  bool within = false;
  for (std::size_t i = 0; i < uri.size(); ++i) {
    if (lead == '\0') within = within || before[i];
    const bool begins = lead != '\0' && before[i] && uri[i] == lead;
    within = begins || (within && (slashes || uri[i] != '/'));
    if (within) after[i + 1] = true;
  }
  return after;
}

}  // namespace

uri_template::uri_template(std::string_view text) {
  if (text.size() > template_bytes_max) return;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    const std::size_t close = text.find('}', std::min(open, text.size()));
    if (close == text.npos) {
      parts_.emplace_back(literal{std::string(text)});
      return;
    }
    if (open > 0) parts_.emplace_back(literal{std::string(text.substr(0, open))});
    // RFC 6570, 2.2: '+' is the one operator whose expansion has no character in front.
    const char op = text[open + 1];
    const bool is_lead = std::string_view("#./;?&").find(op) != text.npos;
    parts_.emplace_back(expression{is_lead ? op : '\0', std::string_view("+#/?&").find(op) != text.npos});
    text.remove_prefix(close + 1);
  }
}

bool uri_template::matches(std::string_view uri) const {
  if (parts_.empty() || uri.size() > uri_bytes_max) return false;
  places reached(uri.size() + 1, false);
  reached[0] = true;
  for (const auto& part : parts_) {
    if (const auto* l = std::get_if<literal>(&part)) {
      reached = after_literal(reached, uri, l->text);
    } else {
      const auto& e = std::get<expression>(part);
      reached = after_expression(reached, uri, e.lead, e.slashes);
    }
  }
  return reached[uri.size()];
}

}  // namespace holdfast::mcp
