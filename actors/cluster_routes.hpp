#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/cluster_text.hpp"
#include "actors/machines/detector.hpp"
#include "actors/machines/membership.hpp"
#include "actors/request_age.hpp"
#include "persistence/store_values.hpp"
#include "transport/http_client.hpp"

namespace holdfast::actors {

/// Where a slot's requests go, as far as this node knows. Immutable.
struct cluster_routes {
  struct peer {
    std::string name, incarnation;
    transport::http_target target;
    std::shared_ptr<const peer_clock> clock{};  ///< null for this node itself
  };
  static constexpr std::uint16_t nobody = 0xffff;

  std::vector<peer> peers;                                     ///< the members; this node is one of them
  std::array<std::uint16_t, persistence::slot_count> slots{};  ///< into `peers`, or `nobody`
  std::vector<std::uint16_t> via;  ///< for each peer, whom to send its requests through: itself, if it can be reached

  const peer* owner_of(std::uint16_t slot) const noexcept {
    return slots[slot] == nobody ? nullptr : &peers[slots[slot]];
  }

  /// True for a member whose requests go to it itself.
  bool reaches(std::string_view incarnation) const noexcept;
};

/// What a node knows of another one.
struct neighbour {
  transport::http_target target;
  std::shared_ptr<peer_clock> clock = std::make_shared<peer_clock>();
  slot_set slots{};        ///< that it held when it was heard last
  view_digests lists{};    ///< that its catalogue showed then
  bool asked = false;      ///< a beat to it is under way
  bool reached = true;     ///< the last one was answered
  bool elsewhere = false;  ///< others hear it, this node does not
};

/// A slot belongs to whoever says that it holds it, which `me` says of `held`; else to whom the view gives it.
/// `neighbours` are the other members, by incarnation; `mine` is where this node itself is reached.
cluster_routes routes_of(const machines::membership::view& view, std::string_view me,
                         const transport::http_target& mine, const slot_set& held,
                         const std::map<std::string, neighbour>& neighbours);

/// Which of them are reached through others only, as far as was found out.
void note_detours(std::map<std::string, neighbour>& neighbours, const machines::detector::state& found);

/// False if there is a slot that nobody says that it holds.
bool all_are_held(slot_set held, const std::map<std::string, neighbour>& neighbours) noexcept;

}  // namespace holdfast::actors
