#include "apps/config/client_file.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "apps/config/upstream_keys.hpp"

namespace holdfast::apps {
namespace {

using actors::node_config;
using protocol = transport::http_endpoint::protocol;

constexpr std::size_t alias_bytes_max = 32;

/// Fields that say something to the client which wrote the file, and nothing to a gateway.
constexpr const char* ignored_fields[] = {"alwaysAllow", "autoApprove", "autoStart", "comment",  "description", "dev",
                                          "displayName", "gallery",     "icon",      "metadata", "name",        "note",
                                          "notes",       "timeout",     "trust",     "version",  "watchPaths"};

constexpr const char* ignored_top_level[] = {"$schema", "globalShortcut", "inputs", "preferences"};

void ignore(const value&, upstream_draft&) {}

void read_type(const value& v, upstream_draft& d) {
  static const std::vector<std::string> names = {"stdio",           "http", "streamable-http", "streamableHttp",
                                                 "streamable_http", "sse"};
  const int i = read_choice(v, names);
  if (i < 0) return;
  (i == 0 ? d.stdio_only : d.http_only).push_back(v);
  if (i >= 2) d.http.speaks = i == 5 ? protocol::sse : protocol::streamable_http;
}

void read_http_url(const value& v, upstream_draft& d) {
  upstream_key("url").read(v, d);
  d.http.speaks = protocol::streamable_http;
}

key<upstream_draft> unsupported(const std::string& name, const std::string& remedy) {
  return {name, [remedy](const value& v, upstream_draft&) { v.wrong_key("is not supported: " + remedy); }, {}};
}

const keys<upstream_draft>& client_keys() {
  using T = upstream_draft;
  static const keys<T> table = [] {
    keys<T> all;
    for (const char* name : {"command", "args", "env", "cwd", "url", "headers", "enabled"})
      all.push_back(upstream_key(name));
    all.push_back({"type", read_type, {}});
    all.push_back({"serverUrl", upstream_key("url").read, {}});
    all.push_back({"httpUrl", read_http_url, {}});
    all.push_back({"disabled",
                   [](const value& v, T& d) {
                     bool disabled = !d.enabled;
                     read_flag(v, disabled);
                     d.enabled = !disabled;
                   },
                   {}});
    all.push_back(texts<T>("disabledTools", &T::deny_tools));
    all.push_back(texts<T>("excludeTools", &T::deny_tools));
    all.push_back(texts<T>("includeTools", &T::allow_tools));
    all.push_back(unsupported("envFile", "write its variables into `env`"));
    all.push_back(unsupported("oauth", "give the server a token by `headers`"));
    all.push_back(unsupported("auth", "give the server a token by `headers`"));
    for (const char* name : ignored_fields) all.push_back({name, ignore, {}});
    return all;
  }();
  return table;
}

/// Names in such files are free text ("GitHub (work)"), aliases are not.
std::string alias_for(const std::string& name, const std::set<std::string>& taken) {
  std::string base;
  for (const char c : name) {
    const bool fits =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
    if (fits || base.empty() || base.back() != '-') base += fits ? c : '-';
  }
  base = base.substr(0, alias_bytes_max);
  while (!base.empty() && base.back() == '-') base.pop_back();
  if (base.empty()) base = "server";
  std::string alias = base;
  for (int n = 2; taken.count(alias) > 0; ++n) {
    const std::string suffix = "-" + std::to_string(n);
    alias = base.substr(0, alias_bytes_max - suffix.size()) + suffix;
  }
  return alias;
}

void read_servers(const value& v, node_config& c) {
  std::set<std::string> taken;
  v.members([&](const std::string& name, const value& member) {
    upstream_draft draft;
    draft.alias = alias_for(name, taken);
    taken.insert(draft.alias);
    if (member.is_map()) read_section(member, draft, client_keys());
    finish_upstream(member, std::move(draft), c.upstreams);
  });
}

}  // namespace

bool is_client_file(const YAML::Node& document) {
  return document.IsMap() && (document["mcpServers"] || document["servers"]);
}

void read_client_file(const value& document, node_config& c) {
  bool seen = false;
  document.members([&](const std::string& name, const value& member) {
    if (name == "mcpServers" || name == "servers") {
      if (seen) member.wrong_key("stands beside another list of servers; must be the only one");
      if (!seen) read_servers(member, c);
      seen = true;
    } else if (std::find(std::begin(ignored_top_level), std::end(ignored_top_level), name) ==
               std::end(ignored_top_level)) {
      member.wrong_key(
          "cannot stand in a client's list of servers; for Holdfast's own settings write a file with "
          "`upstreams` (see conf/holdfast.yaml)");
    }
  });
}

std::string workspace_of(const std::string& source) {
  auto folder = std::filesystem::absolute(source).lexically_normal().parent_path();
  if (folder.filename() == ".vscode" || folder.filename() == ".cursor") folder = folder.parent_path();
  return folder.string();
}

}  // namespace holdfast::apps
