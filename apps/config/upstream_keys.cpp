#include "apps/config/upstream_keys.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "transport/mcp/users.hpp"
#include "transport/url.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
namespace machines = actors::machines;
using actors::upstream_config;
using actors::upstream_scope;
using transport::http_endpoint;
using transport::upstream_limits;

constexpr std::uint64_t kib = 1u << 10, gib = 1u << 30;

bool is_token(std::string_view name) {
  const auto is_token_char = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_token_char);
}

bool is_set_by_us(std::string_view header) {
  constexpr std::array<std::string_view, 10> ours = {
      "accept",        "connection", "content-length", "content-type",         "host",
      "last-event-id", "te",         "mcp-session-id", "mcp-protocol-version", "transfer-encoding"};
  std::string lower(header);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::find(ours.begin(), ours.end(), lower) != ours.end();
}

void read_url(const value& v, upstream_draft& d) {
  auto text = v.text();
  if (!text) return;
  d.url = *text;
  if (const auto parsed_url = transport::parse_url(*text); !parsed_url)
    v.wrong("must be an absolute URL such as https://example.com/mcp: " + parsed_url.error().detail);
}

void read_user(const value& v, upstream_draft& d) {
  const auto text = v.text();
  if (!text) return;
  if (!text->empty() && !mcp::is_user_name(*text)) return v.wrong("must be the name of a user of `access.users`");
  d.user = *text;
}

void read_headers(const value& v, upstream_draft& d) { read_header_pairs(v, d.http.headers); }

void read_command(const value& v, upstream_draft& d) {
  auto text = v.text();
  if (!text) return;
  d.command = *text;
  if (text->empty()) return v.wrong("must name a program");
  const auto space = text->find_first_of(" \t");
  if (space != std::string::npos && text->find('/') > space)
    v.wrong("must be the program alone; its arguments go into `args`, one by one (no shell is involved)");
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && name.find('=') == std::string_view::npos && name.find_first_of(" \t\r\n") == name.npos;
}

void read_programs(const value& v, upstream_draft& d) {
  d.programs.emplace();
  if (!v.is_map()) return v.wrong("must be a map with `tools`, or with a `folder` of them");
  read_section(v, *d.programs, program_set_keys());
  d.target = finish_programs(v, std::move(*d.programs));
}

void read_patterns(const value& v, std::vector<std::string>& out) {
  out.clear();
  v.elements([&](const value& element) {
    const auto text = element.text();
    if (!text) return;
    if (text->empty()) return element.wrong("must be a name, or a pattern with * and ?");
    out.push_back(*text);
  });
}

void read_retry_hints(const value& v, upstream_draft& d) {
  d.hints_given = true;
  d.retry_read_only = d.retry_idempotent = false;
  v.elements([&](const value& element) {
    const int hint = read_choice(element, {"readOnlyHint", "idempotentHint"});
    if (hint == 0) d.retry_read_only = true;
    if (hint == 1) d.retry_idempotent = true;
  });
}

using name_list = std::vector<std::string> upstream_config::*;

keys<upstream_draft> filter(name_list allow, name_list deny) {
  return {{"allow", [=](const value& v, upstream_draft& d) { read_patterns(v, d.*allow); }, {}},
          {"deny", [=](const value& v, upstream_draft& d) { read_patterns(v, d.*deny); }, {}}};
}

const keys<upstream_limits>& limit_keys() {
  using T = upstream_limits;
  static const keys<T> table = {
      size<T>("message_bytes_max", &T::message_bytes_max, kib, gib),
      size<T>("queue_bytes_max", &T::queue_bytes_max, kib, gib),
      number<T>("in_flight_max", &T::in_flight_max, 1, 1'000'000),
      number<T>("connections_max", &T::connections_max, 1, 65'535),
      duration<T>("connect_timeout", &T::connect_timeout, 1ms, 1h),
      duration<T>("keep_alive", &T::keep_alive, 1ms, 24h),
      duration<T>("shutdown_grace", &T::shutdown_grace, 1ms, 10min),
  };
  return table;
}

void read_percent(const value& v, std::uint32_t& out) {
  std::uint64_t n = out;
  read_number(v, n, 1, 100);
  out = static_cast<std::uint32_t>(n);
}

const keys<machines::breaker::policy>& breaker_policy_keys() {
  using T = machines::breaker::policy;
  static const keys<T> table = {
      number<T>("failures", &T::failures, 1, 10'000),
      {"failure_rate", [](const value& v, T& p) { read_percent(v, p.failure_rate); }, {}},
      duration<T>("window", &T::window, 1s, 1h),
      duration<T>("open_for", &T::open_for, 1ms, 1h),
      duration<T>("open_max", &T::open_max, 1ms, 24h),
      number<T>("probes", &T::probes, 1, machines::breaker::probes_max),
  };
  return table;
}

/// Its own switch, and the policy's keys beside it.
const keys<upstream_draft>& breaker_keys() {
  using T = upstream_draft;
  static const keys<T> table = [] {
    keys<T> all = {flag<T>("enabled", &T::breaker_enabled)};
    for (const auto& k : breaker_policy_keys())
      all.push_back({k.name, [k](const value& v, T& d) { k.read(v, d.breaker); }, {}});
    return all;
  }();
  return table;
}

const keys<actors::cache_rule>& cache_rule_keys() {
  using T = actors::cache_rule;
  static const keys<T> table = {
      {"tools", [](const value& v, T& r) { read_patterns(v, r.tools); }, {}},
      duration<T>("ttl", &T::ttl, 0ms, 720h),
      choice<actors::cache_scope, T>("scope", &T::scope, {"session", "user", "shared"}),
  };
  return table;
}

void read_cache_rules(const value& v, upstream_draft& d) {
  d.cache.clear();
  if (v.is_map()) return v.wrong("must be a list of rules: `- {tools: [NAME], ttl: 60s}`");
  v.elements([&](const value& element) {
    actors::cache_rule r;
    bool has_ttl = false;
    if (!element.is_map()) return element.wrong("must be a map with `tools` and `ttl`");
    element.members([&](const std::string& name, const value&) { has_ttl |= name == "ttl"; });
    read_section(element, r, cache_rule_keys());
    if (r.tools.empty()) return element.wrong_key("must have `tools`: names, or patterns with * and ?");
    if (!has_ttl) return element.wrong_key("must have a `ttl`: for how long results are kept, 0s for not at all");
    d.cache.push_back(std::move(r));
  });
}

const keys<actors::retry_config>& retry_keys() {
  using T = actors::retry_config;
  static const keys<T> table = {
      number<T>("attempts", &T::attempts, 1, 100),
      duration<T>("min", &T::min, 1ms, 1h),
      duration<T>("max", &T::max, 1ms, 1h),
  };
  return table;
}

key<upstream_draft> of_http(const key<upstream_draft>& k) {
  return {k.name,
          [k](const value& v, upstream_draft& d) {
            d.http_only.push_back(v);
            k.read(v, d);
          },
          k.below};
}

key<upstream_draft> of_stdio(const key<upstream_draft>& k) {
  return {k.name,
          [k](const value& v, upstream_draft& d) {
            d.stdio_only.push_back(v);
            k.read(v, d);
          },
          k.below};
}

}  // namespace

void read_header_pairs(const value& v, std::vector<std::pair<std::string, transport::secret>>& out) {
  out.clear();
  v.members([&](const std::string& name, const value& member) {
    const auto text = member.text();
    if (!is_token(name)) return member.wrong_key("is not a header name");
    if (is_set_by_us(name)) return member.wrong_key("cannot be given: Holdfast sets this header itself");
    if (!text) return;
    if (text->find_first_of("\r\n") != std::string::npos) return member.wrong("must be a single line");
    out.emplace_back(name, *text);
  });
}

void read_variables(const value& v, std::vector<std::pair<std::string, transport::secret>>& out) {
  out.clear();
  if (v.is_list()) return v.wrong("must be a map of names and values: `NAME: value`");
  v.members([&](const std::string& name, const value& member) {
    const auto text = member.text();
    if (!is_variable_name(name)) return member.wrong_key("is not a name of an environment variable");
    if (text) out.emplace_back(name, *text);
  });
}

void read_variable_names(const value& v, std::vector<std::string>& out) {
  out.clear();
  v.elements([&](const value& element) {
    const auto text = element.text();
    if (!text) return;
    if (!is_variable_name(*text)) return element.wrong("must be the name alone of an environment variable to hand on");
    out.push_back(*text);
  });
}

const keys<upstream_draft>& upstream_keys() {
  using T = upstream_draft;
  static const keys<T> tools = filter(&T::allow_tools, &T::deny_tools);
  static const keys<T> prompts = filter(&T::allow_prompts, &T::deny_prompts);
  static const keys<T> resources = filter(&T::allow_resources, &T::deny_resources);
  const auto same = [](T& d) -> T& { return d; };
  static const keys<T> table = {
      {"url", read_url, {}},
      of_http({"headers", read_headers, {}}),
      of_http(choice<http_endpoint::protocol, T>("transport", [](T & d) -> auto& { return d.http.speaks; },
                                                 {"detect", "streamable-http", "sse"})),
      of_http(text<T>(
          "ca_file", [](T & d) -> auto& { return d.http.ca_file; })),
      {"command", read_command, {}},
      of_stdio(texts<T>(
          "args", [](T & d) -> auto& { return d.stdio.args; })),
      of_stdio({"env", [](const value& v, T& d) { read_variables(v, d.stdio.env); }, {}}),
      of_stdio({"env_pass", [](const value& v, T& d) { read_variable_names(v, d.stdio.env_pass); }, {}}),
      of_stdio(text<T>(
          "cwd", [](T & d) -> auto& { return d.stdio.directory; })),
      {"exec", read_programs, paths(program_set_keys())},
      flag<T>("enabled", &T::enabled),
      flag<T>("eager", &T::eager),
      {"user", read_user, {}},
      choice<upstream_scope, T>("scope", &T::scope, {"auto", "shared", "session"}),
      section<T, T>("tools", same, tools),
      section<T, T>("prompts", same, prompts),
      section<T, T>("resources", same, resources),
      choice<actors::durability, T>("durability", &T::kept, {"journal", "none"}),
      {"unjournaled_tools", [](const value& v, T& d) { read_patterns(v, d.unjournaled_tools); }, {}},
      {"retry_hints", read_retry_hints, {}},
      duration<T>("call_timeout", &T::call_timeout, 1ms, 24h),
      duration<T>("list_timeout", &T::list_timeout, 1ms, 1h),
      duration<T>("idle_timeout", &T::idle_timeout, 0ms, 168h),
      duration<T>("shared_idle_timeout", &T::shared_idle_timeout, 0ms, 168h),
      duration<T>("ping_every", &T::ping_every, 0ms, 24h),
      duration<T>("reconnect_min", &T::reconnect_min, 1ms, 1h),
      duration<T>("reconnect_max", &T::reconnect_max, 1ms, 24h),
      number<T>("max_concurrent", &T::max_concurrent, 0, 1'000'000),
      number<T>("queue", &T::queue, 0, 1'000'000),
      section<T>("retry", &T::retry, retry_keys()),
      section<T, T>("breaker", same, breaker_keys()),
      {"cache", read_cache_rules, {}},
      section<T>("limits", &T::limits, limit_keys()),
  };
  return table;
}

const key<upstream_draft>& upstream_key(const std::string& name) {
  const auto& table = upstream_keys();
  return *std::find_if(table.begin(), table.end(), [&](const auto& k) { return k.name == name; });
}

void finish_upstream(const value& whole, upstream_draft d, std::vector<upstream_config>& out) {
  if (!whole.is_map()) return whole.wrong("must be a map with a `url`, a `command` or `exec`");
  const int kinds = (d.url ? 1 : 0) + (d.command ? 1 : 0) + (d.programs ? 1 : 0);
  if (kinds > 1 && !d.programs) return whole.wrong_key("has both `url` and `command`; must have exactly one of them");
  if (kinds > 1) return whole.wrong_key("has `exec` and a `url` or `command`; must have exactly one of them");
  if (kinds == 0) return whole.wrong_key("must have a `url`, a `command` or `exec`");
  const std::string has = d.url ? "a `url`" : d.command ? "a `command`" : "`exec`";
  if (!d.command) {
    for (const auto& v : d.stdio_only) v.wrong_key("is for upstreams with a `command`, but this one has " + has);
  }
  if (!d.url) {
    for (const auto& v : d.http_only) v.wrong_key("is for upstreams with a `url`, but this one has " + has);
  }
  if (d.reconnect_min > d.reconnect_max)
    whole.wrong_key("has a `reconnect_min` (" + duration_text(d.reconnect_min) + ") over its `reconnect_max` (" +
                    duration_text(d.reconnect_max) + ")");
  if (d.retry.min > d.retry.max)
    whole.wrong_key("has a `retry.min` (" + duration_text(d.retry.min) + ") over its `retry.max` (" +
                    duration_text(d.retry.max) + ")");
  if (d.breaker.open_for > d.breaker.open_max)
    whole.wrong_key("has a `breaker.open_for` (" + duration_text(d.breaker.open_for) +
                    ") over its `breaker.open_max` (" + duration_text(d.breaker.open_max) + ")");
  if (d.url) {
    d.http.url = *d.url;
    d.target = std::move(d.http);
  } else if (d.command) {
    d.stdio.command = *d.command;
    d.target = std::move(d.stdio);
  } else if (!d.hints_given) {
    // Manifests are as trustworthy as the configuration that names them.
    d.retry_read_only = d.retry_idempotent = true;
  }
  out.push_back(static_cast<upstream_config&&>(d));
}

}  // namespace holdfast::apps
