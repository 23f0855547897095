#pragma once

#include <atomic>
#include <caf/actor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "actors/cluster_routes.hpp"
#include "actors/machines/detector.hpp"
#include "actors/machines/membership.hpp"
#include "actors/node_config.hpp"
#include "actors/published.hpp"
#include "transport/http_client.hpp"

namespace holdfast::actors {

/// Paths of the requests that nodes send each other. Those for a session have the client's method, body and headers.
namespace peer_path {
inline constexpr std::string_view prefix = "/peer/";
inline constexpr std::string_view mcp = "/peer/mcp";
inline constexpr std::string_view again = "/peer/again";  ///< may have been carried out before, to no avail
inline constexpr std::string_view relay = "/peer/relay";  ///< to be sent on, where the sender cannot reach the owner
inline constexpr std::string_view relay_again = "/peer/relay/again";  ///< both
inline constexpr std::string_view sse = "/peer/messages";  ///< a client's message on the older HTTP+SSE transport
inline constexpr std::string_view relay_sse = "/peer/messages/relay";
inline constexpr std::string_view beat = "/peer/beat";
inline constexpr std::string_view heard = "/peer/heard";
inline constexpr std::string_view admin = "/peer/admin";  ///< what an operator asks

constexpr bool is_relay(std::string_view path) noexcept { return path == relay || path == relay_again; }
constexpr bool is_again(std::string_view path) noexcept { return path == again || path == relay_again; }
}  // namespace peer_path

/// For secrets: takes the same time wherever the two differ.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

/// What the actors of a node share of its cluster. Any thread.
class cluster {
 public:
  explicit cluster(cluster_config c);

  const cluster_config config;
  std::string address;                           ///< that the others are told; set before the roster joins
  std::shared_ptr<transport::tls_identity> tls;  ///< null: in the clear. Set before anybody listens or asks

  published<const cluster_routes> routes;                  ///< never null
  published<const machines::membership::view> membership;  ///< never null
  caf::actor roster;

  /// The name of this node to the others.
  const std::string& name() const noexcept { return config.name.empty() ? address : config.name; }

  /// What stands for a node where clients see it, who need not know names and addresses: the same on all nodes.
  static std::string tag_of(std::string_view name);

  /// False while this process cannot know whether it was declared dead: it has not run for a while, has not joined, or
  /// nobody has vouched for it of late. Then it must not answer for its sessions.
  bool is_certain() const noexcept;
  /// The same, but for being vouched for, which comes and goes where others are slow or gone.
  bool is_member() const noexcept;
  /// Whether balancers should give it requests: a member, or one that has doubted it for a moment only, as all do that
  /// have heard of a change of the members and not read it yet. Requests wait that long.
  bool is_ready() const noexcept;
  void note_look() noexcept;  ///< the roster is running
  void set_certain(bool to) noexcept;

  /// Another member, or the store, has counted this process among the members: that holds until then. `time_point::max`
  /// where there is nobody to declare it dead.
  void vouch(std::chrono::steady_clock::time_point until) noexcept;

  /// When this process stood still last, if it has: what was to be heard within a time counts from there.
  std::chrono::steady_clock::time_point stood_still_at() const noexcept;
  void note_standstill() noexcept;

  /// It hands its slots over and takes no new sessions.
  std::atomic<bool> leaving{false};

  /// True for requests of another node, which show the common secret.
  bool is_peer(std::string_view authorization) const noexcept;

  /// The header line that shows it; empty without a secret.
  std::string credentials() const;

  /// When another node counts as dead.
  machines::detector::policy detection() const;

  transport::http_target target_of(const std::string& at) const;

 private:
  std::atomic<bool> certain_{false};
  std::atomic<std::int64_t> looked_{0}, doubts_since_{0}, stood_still_{0}, vouched_until_{0};  // ms
};

}  // namespace holdfast::actors
