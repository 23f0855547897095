#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/admin/desk.hpp"
#include "actors/admin/request.hpp"

/// How the answers of several nodes become one.
namespace holdfast::actors::admin {

/// For the answer of one node: adds the list of those that could not be asked, which is empty.
reply with_unreachable(reply done);

/// Of an entity that lives on one node at most: nodes that have it answer {"id","answer"}, others {"id":null,
/// "matches":[…]}. Several ids may begin as the one that was asked for: 409. Nobody has it: 404, with `title`.
answer only_one(const parts& p, std::string_view title);

/// Who holds which slot, by what all nodes say.
struct slot_picture {
  struct holder {
    std::string node, state;
    std::uint64_t epoch = 0, inflight = 0;
  };
  struct place {
    std::vector<holder> holders;
    std::string wanted;
    bool pinned = false;
  };
  std::vector<place> places;  ///< one for each slot
  std::size_t unowned = 0, contested = 0, moving = 0;
};
slot_picture picture_of(const parts& slots);

/// Where a session's requests go, by what all nodes say.
struct route_picture {
  std::string owner;               ///< that all agree on; else whoever holds its slot, under the newest epoch
  bool agreed = true;              ///< false also where a node knows no owner
  std::vector<std::string> views;  ///< of each node, with `agrees`: it names that owner
};
route_picture route_of(const parts& routes);

/// "ok", "degraded" or "unavailable".
std::string store_state(const node_context& node);

}  // namespace holdfast::actors::admin
