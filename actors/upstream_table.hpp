#pragma once

#include <algorithm>
#include <atomic>
#include <caf/actor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/call_places.hpp"
#include "actors/growing.hpp"
#include "actors/published.hpp"
#include "actors/upstream_config.hpp"
#include "transport/upstream_link.hpp"

namespace holdfast::actors {

/// What an operator wants to know about an upstream, kept by the actor of its shared connection.
struct upstream_status {
  std::string state = "idle";              ///< idle, connecting, ready, waiting, disabled
  std::string protocol;                    ///< stdio, streamable-http, sse; empty before the first connection
  std::string error;                       ///< why the last attempt failed; empty after a success
  std::uint64_t connects = 0, losses = 0;  ///< since the start
};

/// One definition of an upstream that this process works with, or has worked with, and what belongs to it.
struct upstream_entry {
  static constexpr std::uint32_t nobody = UINT32_MAX;

  explicit upstream_entry(upstream_config c)
      : config(std::move(c)), places(std::make_shared<call_places>(config.max_concurrent, config.queue)) {}

  const upstream_config config;
  caf::actor shared;  ///< the connection that clients without capabilities share; set before anybody knows the index
  const std::shared_ptr<published<transport::upstream_link>> link =
      std::make_shared<published<transport::upstream_link>>();  ///< of `shared`; null while it is not connected
  published<const upstream_status> status;
  std::atomic<bool> disabled{false};             ///< by an operator
  std::atomic<bool> retired{false};              ///< it is not in force any more: what is under way ends here
  std::atomic<std::uint32_t> successor{nobody};  ///< of a retired one; set before `retired`
  const std::shared_ptr<call_places> places;
};

/// The upstreams of a node. An index stands for one definition for as long as the process lives: where a definition is
/// changed, the new one gets another index, so that whatever began under the old one ends there.
class upstream_table : public growing<upstream_entry> {
 public:
  using indices = std::vector<std::uint32_t>;

  using users = std::set<std::string, std::less<>>;

  /// Those in force, in the order of the catalogue. Never null. Any thread.
  std::shared_ptr<const indices> in_force() const { return in_force_.get(); }
  void put_in_force(indices those) {
    users owners;
    for (const auto u : those) {
      if (!(*this)[u].config.user.empty()) owners.insert((*this)[u].config.user);
    }
    owners_.set(std::make_shared<const users>(std::move(owners)));
    in_force_.set(std::make_shared<const indices>(std::move(those)));
  }

  /// The one in force that operators know by this name (`name_of`). Any thread.
  std::optional<std::uint32_t> find(std::string_view name) const {
    return first([&](const upstream_config& c) { return name_of(c) == name; });
  }

  /// The one in force that this user knows by this alias. Any thread.
  std::optional<std::uint32_t> find(std::string_view alias, std::string_view user) const {
    return first([&](const upstream_config& c) { return c.alias == alias && (c.user.empty() || c.user == user); });
  }

  /// Somebody who has upstreams in force that are theirs alone. Any thread.
  bool has_own(std::string_view user) const { return owners_.get()->contains(user); }

  /// The one in force that has taken this one's place: itself, if none has. Nothing, if it was removed. Any thread.
  std::optional<std::uint32_t> current(std::uint32_t upstream) const noexcept {
    while (upstream < size() && (*this)[upstream].retired) upstream = (*this)[upstream].successor;
    return upstream < size() ? std::optional(upstream) : std::nullopt;
  }

 private:
  template <class F>
  std::optional<std::uint32_t> first(F is_it) const {
    const auto all = in_force();
    const auto found = std::find_if(all->begin(), all->end(), [&](auto u) { return is_it((*this)[u].config); });
    return found == all->end() ? std::nullopt : std::optional(*found);
  }

  published<const indices> in_force_;
  published<const users> owners_;
};

}  // namespace holdfast::actors
