#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace holdfast::actors {
class shard;
struct node_context;
}  // namespace holdfast::actors

namespace holdfast::actors::metrics {

/// Counts the sessions that stand in the store alone, of the slots that this node holds: the cold ones, which were not
/// in memory when they were counted. Counting means reading names, so it is done at most once a minute, and only if
/// somebody asks. One thread.
class census {
 public:
  static constexpr auto pause = std::chrono::minutes{1};

  /// The last count; nothing before the first.
  std::optional<std::uint64_t> stored() const noexcept { return stored_; }

  /// Begins another count through this shard, whose thread it is, if one is due. Both outlive it.
  void begin_if_due(node_context& node, shard& via);

 private:
  struct round;

  std::optional<std::uint64_t> stored_;
  std::optional<std::chrono::steady_clock::time_point> begun_;
  bool under_way_ = false;
};

}  // namespace holdfast::actors::metrics
