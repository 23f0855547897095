#include "apps/config/node_keys.hpp"

#include <algorithm>
#include <string_view>

#include "apps/config/access_keys.hpp"
#include "apps/config/store_keys.hpp"
#include "apps/config/trace_keys.hpp"
#include "apps/config/units.hpp"
#include "apps/config/upstream_keys.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using actors::admin_config;
using actors::catalogue_config;
using actors::cluster_config;
using actors::execution_limits;
using actors::node_config;
using actors::session_limits;
using transport::http_limits;
using transport::tls_files;

constexpr std::uint64_t kib = 1u << 10, mib = 1u << 20, gib = 1u << 30;
constexpr std::size_t alias_bytes_max = 32;

void read_listen(const value& v, node_config& c) {
  const auto text = v.text();
  if (!text) return;
  const auto address = parse_listen(*text);
  if (!address) return v.wrong(v.shown() + " " + address.error());
  c.listen_host = address->host;
  c.listen_port = address->port;
}

void read_admin_listen(const value& v, admin_config& a) {
  const auto text = v.text();
  if (!text) return;
  a.enabled = *text != "off";
  if (!a.enabled) return;
  const auto address = parse_listen(*text);
  if (!address) return v.wrong(v.shown() + " " + address.error() + ", or off");
  a.host = address->host;
  a.port = address->port;
}

/// Not shown: it lets its holder in.
void read_token(const value& v, admin_config& a) {
  const auto text = v.text();
  if (!text) return;
  if (!text->empty() && !is_usable_secret(*text)) return v.wrong(unusable_secret);
  a.token = *text;
}

void read_admin_socket(const value& v, admin_config& a) {
  const auto text = v.text();
  if (!text) return;
  a.socket = *text == "off" ? std::string() : *text;
  if (!a.socket.empty() && !a.socket.starts_with('/')) v.wrong(v.shown() + " must be an absolute path, or off");
}

void read_cluster_listen(const value& v, cluster_config& c) {
  const auto text = v.text();
  if (!text) return;
  c.enabled = *text != "off";
  if (!c.enabled) return;
  const auto address = parse_listen(*text);
  if (!address) return v.wrong(v.shown() + " " + address.error() + ", or off");
  c.host = address->host;
  c.port = address->port;
}

/// Not shown: it lets its holder in.
void read_secret(const value& v, cluster_config& c) {
  const auto text = v.text();
  if (!text) return;
  if (!text->empty() && !is_usable_secret(*text)) return v.wrong(unusable_secret);
  c.secret = *text;
}

void read_source(const value& v, cluster_config& c) {
  const auto text = v.text();
  if (!text) return;
  if (!text->empty() && !is_ip_address(*text))
    return v.wrong(v.shown() + " must be an IP address of this machine, without a port");
  c.source = *text;
}

bool is_alias(std::string_view alias) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
  };
  return !alias.empty() && alias.size() <= alias_bytes_max && std::all_of(alias.begin(), alias.end(), fits);
}

void read_upstreams(const value& v, node_config& c) {
  if (v.is_list()) return v.wrong("must be a map from a name to its options, not a list");
  v.members([&](const std::string& alias, const value& member) {
    if (!is_alias(alias))
      member.wrong_key("is not a usable name for an upstream: must be 1 to 32 letters, digits, `_` or `-`");
    upstream_draft draft;
    draft.alias = alias;
    if (member.is_map()) read_section(member, draft, upstream_keys());
    finish_upstream(member, std::move(draft), c.upstreams);
  });
}

const keys<http_limits>& http_keys() {
  using T = http_limits;
  static const keys<T> table = {
      size<T>("body_bytes_max", &T::body_bytes_max, kib, gib),
      size<T>("header_bytes_max", &T::header_bytes_max, kib, mib),
      number<T>("headers_max", &T::headers_max, 10, 10'000),
      number<T>("connections_max", &T::connections_max, 1, 1'000'000),
      size<T>("stream_queue_bytes_max", &T::stream_queue_bytes_max, 4 * kib, gib),
      duration<T>("handshake_timeout", &T::handshake_timeout, 10ms, 1h),
      duration<T>("header_timeout", &T::header_timeout, 10ms, 1h),
      duration<T>("body_timeout", &T::body_timeout, 10ms, 1h),
      duration<T>("keep_alive_timeout", &T::keep_alive_timeout, 10ms, 24h),
      duration<T>("write_timeout", &T::write_timeout, 10ms, 1h),
  };
  return table;
}

const keys<session_limits>& session_keys() {
  using T = session_limits;
  static const keys<T> table = {
      number<T>("sessions_max", &T::sessions_max, 1, 100'000'000),
      number<T>("per_user_max", &T::per_user_max, 0, 100'000'000),
      number<T>("in_flight_max", &T::in_flight_max, 1, 100'000),
      number<T>("server_requests_max", &T::server_requests_max, 1, 100'000),
      number<T>("batch_max", &T::batch_max, 1, 10'000),
      number<T>("replay_events_max", &T::replay_events_max, 0, 1'000'000),
      size<T>("replay_bytes_max", &T::replay_bytes_max, 0, gib),
      number<T>("streams_max", &T::streams_max, 1, 100'000),
      number<T>("shadow_streams_max", &T::shadow_streams_max, 0, 10'000),
      number<T>("subscriptions_max", &T::subscriptions_max, 0, 1'000'000),
      number<T>("history_max", &T::history_max, 0, 100'000),
      duration<T>("replay_age_max", &T::replay_age_max, 0ms, 168h),
      duration<T>("idle_timeout", &T::idle_timeout, 10ms, 720h),
      duration<T>("passivate_after", &T::passivate_after, 0ms, 720h),
      duration<T>("stream_after", &T::stream_after, 0ms, 1h),
      duration<T>("keep_alive", &T::keep_alive, 10ms, 1h),
      duration<T>("retry", &T::retry, 0ms, 1h),
      duration<T>("stream_lifetime", &T::stream_lifetime, 0ms, 24h),
      duration<T>("client_answer_timeout", &T::client_answer_timeout, 10ms, 24h),
      size<T>("tool_state_bytes_max", &T::tool_state_bytes_max, 0, 64 * mib),
  };
  return table;
}

const keys<execution_limits>& execution_keys() {
  using T = execution_limits;
  static const keys<T> table = {
      number<T>("batch_max", &T::batch_max, 1, 10'000),
      number<T>("batch_concurrency", &T::batch_concurrency, 1, 1'000),
      duration<T>("key_lifetime", &T::key_lifetime, 1s, 168h),
      number<T>("keys_max", &T::keys_max, 1, 100'000),
      size<T>("key_bytes_max", &T::key_bytes_max, 0, gib),
      number<T>("steps_max", &T::steps_max, 0, 10'000),
      size<T>("step_bytes_max", &T::step_bytes_max, kib, 64 * mib),
  };
  return table;
}

const keys<tls_files>& cluster_tls_keys() {
  using T = tls_files;
  static const keys<T> table = {text<T>("certificate", &T::certificate), text<T>("key", &T::key), text<T>("ca", &T::ca),
                                text<T>("name", &T::peer_name)};
  return table;
}

const keys<tls_files>& client_tls_keys() {
  using T = tls_files;
  static const keys<T> table = {text<T>("certificate", &T::certificate), text<T>("key", &T::key),
                                text<T>("client_ca", &T::ca)};
  return table;
}

/// The files themselves are looked at, too: a node that starts without them would be refused by the others.
void check_files(const value& v, const tls_files& files, bool needs_ca) {
  if (files == tls_files()) return;
  const auto complete = !files.certificate.empty() && !files.key.empty() && (!needs_ca || !files.ca.empty());
  if (!complete)
    return v.wrong_key(needs_ca ? "needs all of `certificate`, `key` and `ca`" : "needs both `certificate` and `key`");
  if (const auto loaded = transport::tls_identity::load(files); !loaded) v.wrong(loaded.error().detail);
}

void read_cluster_tls(const value& v, cluster_config& c) {
  read_section(v, c.tls, cluster_tls_keys());
  c.tls.among_equals = c.tls != tls_files();
  check_files(v, c.tls, true);
}

/// Of those who are served: clients, operators.
void read_client_tls(const value& v, tls_files& files) {
  read_section(v, files, client_tls_keys());
  check_files(v, files, false);
}

const keys<cluster_config>& cluster_keys() {
  using T = cluster_config;
  static const keys<T> table = {
      {"listen", read_cluster_listen, {}},
      text<T>("advertise", &T::advertise),
      {"source", read_source, {}},
      text<T>("name", &T::name),
      {"secret", read_secret, {}},
      {"tls", read_cluster_tls, paths(cluster_tls_keys())},
      duration<T>("beat", &T::beat, 10ms, 1min),
      duration<T>("silence", &T::silence, 100ms, 10min),
      duration<T>("hold_timeout", &T::hold_timeout, 0ms, 10min),
      number<T>("connections_max", &T::connections_max, 1, 100'000),
  };
  return table;
}

const keys<actors::cache_config>& cache_keys() {
  using T = actors::cache_config;
  static const keys<T> table = {
      size<T>("bytes_max", &T::bytes_max, 0, 1'024 * gib),
      size<T>("entry_bytes_max", &T::entry_bytes_max, 1, gib),
      flag<T>("store", &T::in_store),
      number<T>("waiting_max", &T::waiting_max, 0, 10'000'000),
      duration<T>("blind_max", &T::blind_max, 10ms, 1h),
  };
  return table;
}

const keys<actors::registry_config>& registry_keys() {
  using T = actors::registry_config;
  static const keys<T> table = {
      flag<T>("watch", &T::watch),
      flag<T>("commands", &T::commands),
      number<T>("upstreams_max", &T::upstreams_max, 0, 10'000),
      duration<T>("switch_within", &T::switch_within, 10ms, 10min),
  };
  return table;
}

const keys<catalogue_config>& catalogue_keys() {
  using T = catalogue_config;
  static const keys<T> table = {
      flag<T>("always_prefix", &T::always_prefix),
      number<T>("page_size", &T::page_size, 1, 100'000),
      number<T>("entries_max", &T::entries_max, 1, 1'000'000),
      duration<T>("first_list_wait", &T::first_list_wait, 0ms, 10min),
  };
  return table;
}

}  // namespace

const keys<node_config>& node_keys() {
  using T = node_config;
  static const keys<admin_config> admin = {
      {"listen", read_admin_listen, {}},
      {"token", read_token, {}},
      {"tls", [](const value& v, admin_config& a) { read_client_tls(v, a.tls); }, paths(client_tls_keys())},
      {"socket", read_admin_socket, {}},
      duration<admin_config>("answer_within", &admin_config::answer_within, 10ms, 1min)};
  static const keys<T> log = {
      choice<actors::log_level, T>("level", &T::level, {"debug", "info", "warning", "error"}),
      choice<actors::log_format, T>("format", &T::format, {"auto", "text", "json"}),
      number<T>("repeats_max", &T::log_repeats_max, 0, 1'000'000),
  };
  std::vector<std::string> of_upstreams = {"*"};
  for (const auto& path : paths(upstream_keys())) of_upstreams.push_back("*." + path);
  static const keys<T> table = {
      {"listen", read_listen, {}},
      {"tls", [](const value& v, T& c) { read_client_tls(v, c.tls); }, paths(client_tls_keys())},
      number<T>("threads", &T::threads, 0, 256),
      {"store", [](const value& v, T& c) { read_store(v, c.store); }, paths(store_keys())},
      choice<actors::on_store_loss, T>("on_store_loss", [](T & c) -> auto& { return c.store.on_loss; },
                                       {"hold", "degrade"}),
      section<T>("admin", &T::admin, admin),
      section<T>("cluster", &T::cluster, cluster_keys()),
      section<T, T>(
          "log", [](T& c) -> T& { return c; }, log),
      section<T>("traces", &T::traces, trace_keys()),
      section<T>("http", &T::http, http_keys()),
      section<T, T>(
          "access", [](T& c) -> T& { return c; }, access_keys()),
      section<T>("sessions", &T::sessions, session_keys()),
      section<T>("executions", &T::executions, execution_keys()),
      section<T>("catalogue", &T::catalogue, catalogue_keys()),
      section<T>("cache", &T::cache, cache_keys()),
      section<T>("registry", &T::registry, registry_keys()),
      duration<T>("drain_timeout", &T::drain_timeout, 0ms, 1h),
      {"upstreams", read_upstreams, of_upstreams},
  };
  return table;
}

namespace {

void check_cluster(const value& whole, const node_config& c) {
  const auto& cluster = c.cluster;
  const auto& store = c.store.primary.url;
  if (!cluster.enabled) return;
  if (store.empty() || store.starts_with("memory:") || store.starts_with("sqlite:"))
    return whole.wrong("a cluster needs a store that its nodes share: set `store` to a Redis, or remove `cluster`");
  const auto everywhere = cluster.host == "0.0.0.0" || cluster.host == "::";
  if (everywhere && cluster.advertise.empty())
    return whole.wrong(
        "`cluster.listen` is every address of this machine: set `cluster.advertise` to the HOST:PORT at "
        "which the other nodes reach it");
  if (!is_loopback(cluster.host) && cluster.secret.empty())
    return whole.wrong("`cluster.listen` is reached by other machines: set `cluster.secret`, the same on all nodes");
  const auto at_home = is_loopback(cluster.host) && is_loopback(c.listen_host);
  const auto proves_nodes = !cluster.secret.empty() || cluster.tls != tls_files();
  if (!c.users.empty() && !at_home && !proves_nodes)
    return whole.wrong(
        "with `access.users`, nodes tell each other who asks, and must know each other: set `cluster.secret` or "
        "`cluster.tls`, the same on all nodes");
  if (cluster.silence < 3 * cluster.beat) whole.wrong("`cluster.silence` must be at least three times `cluster.beat`");
}

}  // namespace

void check_node(const value& whole, const node_config& c) {
  check_cluster(whole, c);
  if (!c.admin.enabled) return;
  if (!is_loopback(c.admin.host) && c.admin.token.empty())
    return whole.wrong("`admin.listen` is reached by other machines: set `admin.token`, or a loopback address");
  if (!c.admin.port && c.listen_port == 65535)
    return whole.wrong("the port after 65535 cannot serve operators: set admin.listen, or another port in `listen`");
  if (c.admin.host == c.listen_host && admin_port(c) == c.listen_port && c.listen_port != 0)
    whole.wrong("`listen` and `admin.listen` are the same address; they must differ");
}

}  // namespace holdfast::apps
