#include "actors/admin/upstream_text.hpp"

#include <algorithm>
#include <array>

namespace holdfast::actors::admin {

std::string target_of(const upstream_config& u) {
  if (const auto* command = std::get_if<transport::stdio_command>(&u.target)) return command->command;
  if (const auto* programs = std::get_if<transport::program_set>(&u.target))
    return std::to_string(programs->tools.size()) + " programs";
  return shown_url(std::get<transport::http_endpoint>(u.target).url);
}

std::string shown_url(const std::string& url) {
  const auto scheme = url.find("://");
  const auto host = scheme == std::string::npos ? 0 : scheme + 3;
  const auto path = std::min(url.find_first_of("/?#", host), url.size());
  const auto at = url.rfind('@', path);
  const auto begin = at == std::string::npos || at < host ? host : at + 1;
  return url.substr(0, host) + url.substr(begin, url.find_first_of("?#", begin) - begin);
}

json_object described(const node_context& node, std::size_t u) {
  constexpr std::array<const char*, 3> scopes{"auto", "shared", "session"};
  const auto& config = node.upstreams[u].config;
  const auto index = static_cast<std::uint32_t>(u);
  const auto known = node.upstreams[u].status.get();
  const auto view = node.views[0].get();
  const auto count = [&](list_kind kind) { return view ? view->size_of(kind, index) : 0; };
  const auto listing = view ? view->listing_of(index) : nullptr;
  const auto revision = listing ? listing->revision : std::string();
  json_object o;
  o.text("name", name_of(config)).text("protocol", known ? known->protocol : std::string());
  o.text("target", target_of(config)).flag("enabled", config.enabled && !(known && known->state == "disabled"));
  o.text("scope", scopes[static_cast<std::size_t>(config.scope)]).flag("eager", config.eager);
  o.number("tools", count(list_kind::tools)).number("prompts", count(list_kind::prompts));
  o.number("resources", count(list_kind::resources)).text_or_null("revision", revision);
  return o;
}

std::optional<std::size_t> upstream_index(const node_context& node, const std::string& name) {
  return node.upstreams.find(name);
}

}  // namespace holdfast::actors::admin
