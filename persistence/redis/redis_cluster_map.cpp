#include "persistence/redis/redis_cluster_map.hpp"

#include <limits>
#include <optional>
#include <utility>

namespace holdfast::persistence {
namespace {

std::optional<redis_place> read_place(const redis_reply& reply, const std::string& own_host) {
  const auto& of = reply.elements;
  if (of.size() < 3 || of[1].integer <= 0 || of[1].integer > std::numeric_limits<std::uint16_t>::max())
    return std::nullopt;
  auto host = of[0].text.empty() ? own_host : of[0].text;
  if (host == "?") return std::nullopt;
  return redis_place{of[2].text, {std::move(host), static_cast<std::uint16_t>(of[1].integer), {}}};
}

}  // namespace

std::vector<redis_range> read_cluster_slots(const redis_reply& reply, const std::string& own_host) {
  std::vector<redis_range> ranges;
  for (const auto& entry : reply.elements) {
    const auto& of = entry.elements;
    if (of.size() < 3 || of[0].integer < 0 || of[1].integer < of[0].integer || of[1].integer >= hash_slot_count)
      continue;
    auto master = read_place(of[2], own_host);
    if (!master) continue;
    redis_range range{
        static_cast<std::uint16_t>(of[0].integer), static_cast<std::uint16_t>(of[1].integer), std::move(*master), {}};
    for (std::size_t i = 3; i < of.size(); ++i)
      if (auto replica = read_place(of[i], own_host)) range.replicas.push_back(std::move(*replica));
    ranges.push_back(std::move(range));
  }
  return ranges;
}

}  // namespace holdfast::persistence
