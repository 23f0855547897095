#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::actors {

/// Who may be given a result again.
enum class cache_scope : std::uint8_t {
  session,  ///< the session whose call it was
  user,     ///< all sessions of its user
  shared,   ///< everybody
};

/// That results of some tools are kept, and given to calls with the same parameters. Of an upstream.
struct cache_rule {
  std::vector<std::string> tools;    ///< glob patterns of upstream names
  std::chrono::milliseconds ttl{0};  ///< 0 = they are not kept, whatever the upstream says
  cache_scope scope = cache_scope::session;

  bool operator==(const cache_rule&) const = default;
};

/// Of a node.
struct cache_config {
  std::size_t bytes_max = 64u << 20;       ///< in memory; the least recently used go first
  std::size_t entry_bytes_max = 1u << 20;  ///< a larger result is not kept
  bool in_store = true;                    ///< keep results there, too, where other nodes find them
  std::size_t waiting_max = 10'000;        ///< calls that wait for one like them; one more goes to its upstream
  std::chrono::milliseconds blind_max{
      2'000};  ///< without news of what is invalid for so long, nothing is taken from it
};

/// What a tool's results are kept by, as the configuration or the upstream says.
struct tool_cache {
  std::string tool;           ///< `alias/name`
  std::uint64_t version = 0;  ///< of its definition: another one's results are not its own
  std::chrono::milliseconds ttl{0};
  cache_scope scope = cache_scope::session;
};

}  // namespace holdfast::actors
