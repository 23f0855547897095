#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "actors/cache_config.hpp"
#include "actors/machines/breaker.hpp"
#include "transport/upstream_target.hpp"

namespace holdfast::actors {

/// Who shares a connection to an upstream.
enum class upstream_scope : std::uint8_t {
  automatic,  ///< shared by clients that declare no sampling, elicitation or roots; else one per client session
  shared,     ///< always shared: such clients' capabilities are not declared upstream
  session,    ///< always one per client session
};

/// What becomes of an upstream's calls if the node dies during one.
enum class durability : std::uint8_t {
  journal,  ///< each is journaled before it is sent and its outcome before it is shown: none runs twice unnoticed
  none,     ///< nothing is written; a call that is cut off is unknown afterwards
};

/// How often a request to an upstream is made that has not been taken, or may be made again.
struct retry_config {
  std::uint32_t attempts = 3;            ///< in all
  std::chrono::milliseconds min{100};    ///< the first wait
  std::chrono::milliseconds max{2'000};  ///< waits double up to here

  bool operator==(const retry_config&) const = default;
};

struct upstream_config {
  std::string alias;  ///< [A-Za-z0-9_-]{1,32}, unique among those that a user sees
  std::string user;   ///< whose it is; empty: everybody's
  transport::upstream_target target;
  bool enabled = true;
  bool eager = false;  ///< connect at start instead of at the first need
  upstream_scope scope = upstream_scope::automatic;
  std::vector<std::string> allow_tools;  ///< glob patterns of upstream names; empty = all
  std::vector<std::string> deny_tools;   ///< wins over allow
  std::vector<std::string> allow_prompts, deny_prompts, allow_resources, deny_resources;
  std::chrono::milliseconds call_timeout{300'000};
  std::chrono::milliseconds list_timeout{30'000};
  std::chrono::milliseconds idle_timeout{600'000};   ///< a per-session connection without calls is closed; 0 = never
  std::chrono::milliseconds shared_idle_timeout{0};  ///< the same of a shared one
  std::chrono::milliseconds ping_every{30'000};      ///< a shared connection on which nothing happens; 0 = never
  std::chrono::milliseconds reconnect_min{250};
  std::chrono::milliseconds reconnect_max{30'000};
  transport::upstream_limits limits;
  durability kept = durability::journal;
  std::vector<std::string> unjournaled_tools;  ///< glob patterns of upstream names of tools whose calls need no journal
  bool retry_read_only = false;    ///< believes `readOnlyHint`: a call of such a tool that was cut off is made again
  bool retry_idempotent = false;   ///< believes `idempotentHint` likewise
  std::size_t max_concurrent = 0;  ///< calls at once, of this node; 0 = as many as `limits.in_flight_max`
  std::size_t queue = 1'000;       ///< calls beyond that which wait; one more gets an error
  retry_config retry;
  bool breaker_enabled = true;
  machines::breaker::policy breaker;
  std::vector<cache_rule> cache;  ///< the first one that fits a tool counts

  bool operator==(const upstream_config&) const = default;
};

/// By which operators know it: `alias`, or `user/alias`.
inline std::string name_of(const upstream_config& u) { return u.user.empty() ? u.alias : u.user + "/" + u.alias; }

}  // namespace holdfast::actors
