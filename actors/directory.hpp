#pragma once

#include <array>
#include <bitset>
#include <caf/actor.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "persistence/store_values.hpp"

namespace holdfast::actors {

class shard;

/// How a client reaches its session.
enum class client_transport : std::uint8_t { streamable_http, http_sse };

/// Which actor holds which session. Any thread.
class directory {
 public:
  struct entry {
    caf::actor session;
    shard* home = nullptr;
    /// Who created it; a session of somebody else does not exist for a caller. Empty: it is being read from the store.
    std::string principal;
    client_transport over = client_transport::streamable_http;
  };

  void add(const std::string& id, entry e);
  /// The one that is there, or `make`'s, which is entered then.
  entry find_or_add(const std::string& id, const std::function<entry()>& make);
  /// Whose it has turned out to be, unless the id has become another actor's.
  void tell_principal(std::string_view id, caf::actor_id session, const std::string& principal);
  /// Forgets the id, unless it has become another actor's.
  void remove(std::string_view id, caf::actor_id session);
  std::optional<entry> find(std::string_view id) const;
  std::size_t size() const;
  /// Those of a user.
  std::size_t count_of(std::string_view user) const;
  std::vector<caf::actor> all() const;
  std::vector<caf::actor> of(std::string_view principal) const;
  /// Those that begin with `prefix`, `max` of them at most.
  std::vector<std::string> ids(std::string_view prefix, std::size_t max) const;

  // Of the sessions that can move, which those of the older SSE transport cannot:
  using slot_set = std::bitset<persistence::slot_count>;
  std::vector<caf::actor> in(const slot_set& slots) const;
  slot_set slots_in_use(const slot_set& among) const;

 private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>{}(s); }
  };
  // Parts with a lock each: requests of different sessions hardly ever meet.
  struct part {
    mutable std::mutex lock;
    std::unordered_map<std::string, entry, text_hash, std::equal_to<>> entries;
  };
  template <class F>
  void each(F f) const {
    for (const auto& p : parts_) {
      const std::lock_guard guard(p.lock);
      for (const auto& [id, e] : p.entries) f(id, e);
    }
  }
  part& part_of(std::string_view id) { return parts_[text_hash{}(id) % parts_.size()]; }
  const part& part_of(std::string_view id) const { return parts_[text_hash{}(id) % parts_.size()]; }

  void count(const std::string& principal, int change);

  std::array<part, 64> parts_;
  mutable std::mutex counts_lock_;
  std::unordered_map<std::string, std::size_t, text_hash, std::equal_to<>> counts_;  // by user
};

}  // namespace holdfast::actors
