#include <algorithm>
#include <cctype>
#include <optional>

#include "transport/mcp/classify.hpp"

namespace holdfast::mcp {
namespace {

char lower(char c) noexcept { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t from = text.find_first_not_of(" \t");
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

bool consists_of(std::string_view text, bool (*belongs)(unsigned char)) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) { return belongs(c); });
}

bool is_port(std::string_view text) noexcept {
  return text.size() <= 5 && consists_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// The host of HOST[:PORT] in the form of `access_rules::hosts`; nothing if it has another form.
std::optional<std::string> host_of(std::string_view authority) {
  std::string_view host = authority;
  std::string_view rest;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == authority.npos) return std::nullopt;
    host = authority.substr(0, close + 1);
    rest = authority.substr(close + 1);
    const auto is_address = [](unsigned char c) { return std::isxdigit(c) != 0 || c == ':' || c == '.'; };
    if (!consists_of(host.substr(1, close - 1), is_address)) return std::nullopt;
  } else {
    host = authority.substr(0, authority.find(':'));
    rest = authority.substr(host.size());
    if (host.ends_with('.')) host.remove_suffix(1);
    const auto is_name = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_'; };
    if (!consists_of(host, is_name)) return std::nullopt;
  }
  if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return std::nullopt;
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(), lower);
  return name;
}

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

bool host_allowed(const access_rules& rules, std::string_view authority) {
  const auto host = host_of(authority);
  return host && (contains(rules.hosts, *host) || contains(rules.hosts, "*"));
}

// The weight of one element of an Accept header: false only for q=0 (RFC 9110, 12.4.2).
bool is_wanted(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view one = trimmed(parameters.substr(0, parameters.find(';')));
    if (one.size() > 2 && lower(one[0]) == 'q' && one[1] == '=') {
      return one.substr(2).find_first_not_of("0.") != one.npos;
    }
    parameters.remove_prefix(std::min(parameters.size(), parameters.find(';')));
    if (!parameters.empty()) parameters.remove_prefix(1);
  }
  return true;
}

// The length of the first element of a comma-separated list; commas within quotes do not count.
std::size_t element_size(std::string_view list) noexcept {
  bool quoted = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (quoted && list[i] == '\\') {
      ++i;
    } else if (list[i] == '"') {
      quoted = !quoted;
    } else if (list[i] == ',' && !quoted) {
      return i;
    }
  }
  return list.size();
}

// 0: does not match; the higher, the more specific.
int specificity(std::string_view range, std::string_view type) noexcept {
  if (same_ignoring_case(range, type)) return 3;
  const std::size_t slash = range.find('/');
  if (slash == range.npos || range.substr(slash) != "/*") return 0;
  if (range == "*/*") return 1;
  return same_ignoring_case(range.substr(0, slash + 1), type.substr(0, type.find('/') + 1)) ? 2 : 0;
}

}  // namespace

bool allowed(const access_rules& rules, std::string_view host, std::string_view origin) {
  if (!host_allowed(rules, host)) return false;
  if (origin.data() == nullptr || contains(rules.origins, "*")) return true;
  if (!rules.origins.empty()) return contains(rules.origins, origin);
  for (std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme)) return host_allowed(rules, origin.substr(scheme.size()));
  }
  return false;
}

bool accepts(std::string_view accept, std::string_view type) {
  int best = 0;
  bool wanted = false;
  while (!accept.empty()) {
    const std::size_t size = element_size(accept);
    const std::string_view element = accept.substr(0, size);
    const std::size_t semicolon = std::min(size, element.find(';'));
    const int match = specificity(trimmed(element.substr(0, semicolon)), type);
    const bool wants = is_wanted(element.substr(std::min(size, semicolon + 1)));
    if (match > best) {
      best = match;
      wanted = wants;
    } else if (match == best && match > 0) {
      wanted = wanted || wants;
    }
    accept.remove_prefix(std::min(accept.size(), size + 1));
  }
  return wanted;
}

bool is_json(std::string_view content_type) {
  return same_ignoring_case(trimmed(content_type.substr(0, content_type.find(';'))), "application/json");
}

}  // namespace holdfast::mcp
