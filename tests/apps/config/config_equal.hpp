#pragma once

#include <tuple>

#include "actors/node_config.hpp"

namespace holdfast::apps {

// The bindings name every member, so that a new one breaks the build here instead of going unchecked.

inline auto parts(const transport::tls_files& l) {
  const auto& [a, b, c, d, e] = l;
  return std::make_tuple(a, b, c, d, e);
}

inline auto parts(const transport::http_limits& l) {
  const auto& [a, b, c, d, e, f, g, h, i, j] = l;
  return std::make_tuple(a, b, c, d, e, f, g, h, i, j);
}

inline auto parts(const mcp::access_rules& r) {
  const auto& [a, b] = r;
  return std::make_tuple(a, b);
}

inline auto parts(const transport::upstream_limits& l) {
  const auto& [a, b, c, d, e, f, g] = l;
  return std::make_tuple(a, b, c, d, e, f, g);
}

inline auto parts(const actors::session_limits& l) {
  const auto& [a, b, c, d, e, f, g, h, i, j, k, m, n, o, p, q, r, s, t, u] = l;
  return std::make_tuple(a, b, c, d, e, f, g, h, i, j, k, m, n, o, p, q, r, s, t, u);
}

inline auto parts(const actors::execution_limits& l) {
  const auto& [a, b, c, d, e, f, g] = l;
  return std::make_tuple(a, b, c, d, e, f, g);
}

inline auto parts(const actors::catalogue_config& l) {
  const auto& [a, b, c, d] = l;
  return std::make_tuple(a, b, c, d);
}

inline auto parts(const actors::admin_config& l) {
  const auto& [a, b, c, tls, d, e, f] = l;
  return std::tuple_cat(std::make_tuple(a, b, c, d, e, f), parts(tls));
}

inline auto parts(const actors::cluster_config& l) {
  const auto& [a, b, c, d, source, e, f, tls, g, h, i, j] = l;
  return std::tuple_cat(std::make_tuple(a, b, c, d, source, e, f, g, h, i, j), parts(tls));
}

inline auto parts(const actors::trace_config& l) {
  const auto& [a, b, c, d, e, f] = l;
  return std::make_tuple(a, b, c, d, e, f);
}

inline auto parts(const persistence::store_options& l) {
  const auto& [a, b, c, d, e, f, g] = l;
  return std::make_tuple(a, b, c, d, e, f, g);
}

inline auto parts(const actors::store_config& l) {
  const auto& [primary, a, b, c, d, e, f] = l;
  return std::tuple_cat(parts(primary), std::make_tuple(a, b, c, d, e, f));
}

inline auto parts(const actors::retry_config& r) {
  const auto& [a, b, c] = r;
  return std::make_tuple(a, b, c);
}

inline auto parts(const actors::machines::breaker::policy& p) {
  const auto& [a, b, c, d, e, f] = p;
  return std::make_tuple(a, b, c, d, e, f);
}

inline auto parts(const actors::registry_config& r) {
  const auto& [watch, commands, most, within] = r;
  return std::tie(watch, commands, most, within);
}
inline auto parts(const actors::cache_config& c) {
  const auto& [a, b, d, e, f] = c;
  return std::make_tuple(a, b, d, e, f);
}

/// All but alias and target.
inline bool same_options(const actors::upstream_config& x, const actors::upstream_config& y) {
  const auto options = [](const actors::upstream_config& u) {
    const auto& [alias, user, target, enabled, eager, scope, at, dt, ap, dp, ar, dr, call, list, idle, shared, ping,
                 rmin, rmax, limits, kept, unjournaled, read_only, idempotent, concurrent, queue, retry, breaks,
                 breaker, cache] = u;
    return std::make_tuple(user, enabled, eager, scope, at, dt, ap, dp, ar, dr, call, list, idle, shared, ping, rmin,
                           rmax, parts(limits), kept, unjournaled, read_only, idempotent, concurrent, queue,
                           parts(retry), breaks, parts(breaker), cache);
  };
  return options(x) == options(y);
}

/// All but the upstreams, of which only the count must be the same.
inline bool same(const actors::node_config& x, const actors::node_config& y) {
  const auto settings = [](const actors::node_config& c) {
    const auto& [host, port, tls, threads, store, admin, cluster, traces, http, access, users, sessions, executions,
                 catalogue, cache, registry, upstreams, drain, level, format, repeats] = c;
    return std::make_tuple(host, port, parts(tls), threads, parts(store), parts(admin), parts(cluster), parts(traces),
                           parts(http), parts(access), users, parts(sessions), parts(executions), parts(catalogue),
                           parts(cache), parts(registry), upstreams.size(), drain, level, format, repeats);
  };
  return settings(x) == settings(y);
}

}  // namespace holdfast::apps
