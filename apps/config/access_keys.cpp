#include "apps/config/access_keys.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>

#include "actors/principal.hpp"
#include "apps/config/units.hpp"

namespace holdfast::apps {
namespace {

using actors::node_config;

void read_hosts(const value& v, node_config& c) {
  auto& a = c.access;
  a.hosts.clear();
  v.elements([&](const value& element) {
    auto text = element.text();
    if (!text) return;
    const bool bracketed = text->size() > 2 && text->front() == '[' && text->back() == ']';
    if (text->empty() || (!bracketed && text->find_first_of(":/ []") != std::string::npos))
      return element.wrong(element.shown() +
                           " must be a host name or address without port, such as mcp.example.com or [::1], or *");
    std::transform(text->begin(), text->end(), text->begin(),
                   [](char ch) { return ch >= 'A' && ch <= 'Z' ? static_cast<char>(ch - 'A' + 'a') : ch; });
    a.hosts.push_back(std::move(*text));
  });
}

void read_origins(const value& v, node_config& c) {
  auto& a = c.access;
  a.origins.clear();
  v.elements([&](const value& element) {
    const auto text = element.text();
    if (!text) return;
    const auto scheme = text->find("://");
    const bool origin = scheme != std::string::npos && scheme > 0 && text->size() > scheme + 3 &&
                        text->find_first_of("/ ", scheme + 3) == std::string::npos;
    if (*text != "*" && *text != "null" && !origin)
      return element.wrong(element.shown() + " must be an origin without path, such as https://app.example.com, or *");
    a.origins.push_back(*text);
  });
}

/// One of the list, as far as it has been read.
struct user_draft {
  std::string name;
  std::optional<mcp::token_digest> token;
  bool has_name = false, has_token = false, has_digest = false;
};

void read_user_name(const value& v, user_draft& d) {
  d.has_name = true;
  const auto text = v.text();
  if (!text) return;
  if (!mcp::is_user_name(*text)) return v.wrong(v.shown() + " must be 1 to 64 letters, digits, `.`, `_`, `@` or `-`");
  if (*text == actors::anonymous_principal)
    return v.wrong(v.shown() + " is who clients are where there are no users: choose another name");
  d.name = *text;
}

/// Not shown: it lets its holder in.
void read_user_token(const value& v, user_draft& d) {
  d.has_token = true;
  const auto text = v.text();
  if (!text) return;
  if (!is_usable_secret(*text)) return v.wrong(unusable_secret);
  d.token = mcp::digest_of(*text);
}

void read_token_digest(const value& v, user_draft& d) {
  d.has_digest = true;
  const auto text = v.text();
  if (!text) return;
  d.token = mcp::read_digest(*text);
  if (!d.token) v.wrong("must be 64 hexadecimal digits, such as `printf %s \"$TOKEN\" | sha256sum` prints");
}

const keys<user_draft>& user_keys() {
  static const keys<user_draft> table = {
      {"name", read_user_name, {}}, {"token", read_user_token, {}}, {"token_sha256", read_token_digest, {}}};
  return table;
}

void read_users(const value& v, node_config& c) {
  c.users.clear();
  if (v.is_map()) return v.wrong("must be a list: `- {name: NAME, token: \"${TOKEN}\"}`");
  std::unordered_set<std::string> names;
  std::set<mcp::token_digest> tokens;
  v.elements([&](const value& element) {
    if (!element.is_map()) return element.wrong("must be a map with `name` and `token`");
    user_draft d;
    read_section(element, d, user_keys());
    if (!d.has_name) return element.wrong_key("must have a `name`");
    if (d.has_token == d.has_digest)
      return element.wrong_key(d.has_token ? "has both `token` and `token_sha256`: remove one of them"
                                           : "must have a `token`, or its `token_sha256`");
    if (d.name.empty() || !d.token) return;
    if (!names.insert(d.name).second) return element.wrong_key("has the name of another user");
    if (!tokens.insert(*d.token).second) return element.wrong_key("has the token of another user");
    c.users.push_back({d.name, *d.token});
  });
}

}  // namespace

const keys<node_config>& access_keys() {
  static const keys<node_config> table = {
      {"hosts", read_hosts, {}}, {"origins", read_origins, {}}, {"users", read_users, {}}};
  return table;
}

}  // namespace holdfast::apps
