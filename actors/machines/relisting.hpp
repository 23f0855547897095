#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

/// When a node reads its upstreams' lists anew because another node shows other ones, as a pure machine. An upstream
/// may tell only one of its sessions that its lists have changed. Each change that another node shows leads to one
/// reading at most: two nodes that see different lists for good do not keep each other busy.
namespace holdfast::actors::machines::relisting {

using time_point = std::chrono::steady_clock::time_point;
using milliseconds = std::chrono::milliseconds;

struct policy {
  milliseconds grace{500};   ///< for this node to hear of the change itself
  milliseconds max{60'000};  ///< the grace doubles up to here while readings bring nothing
};

/// Nothing is to be done.
struct content {
  std::vector<std::uint32_t> read_for{};  ///< what others showed when the lists were last read anew
  std::uint32_t in_vain = 0;              ///< readings in a row that did not bring it
  bool operator==(const content&) const = default;
};
/// Others show something else, and this node may learn of it by itself.
struct doubting {
  std::map<std::string, std::uint32_t> theirs;  ///< by node; not empty
  time_point due;
  std::uint32_t in_vain = 0;
  bool operator==(const doubting&) const = default;
};
using state = std::variant<content, doubting>;

// Events. `ours` is the digest of what this node shows.
struct heard {  ///< what another node shows has changed
  std::string from;
  std::uint32_t theirs, ours;
};
struct due {
  std::uint32_t ours;
};
using event = std::variant<heard, due>;

enum class effect : std::uint8_t {
  none,
  arm,   ///< wake me with `due` at `doubting::due`
  read,  ///< ask the upstreams
};

struct step {
  state next;
  effect todo = effect::none;
  bool operator==(const step&) const = default;
};

step advance(const state& from, const event& what, time_point now, const policy& p);

}  // namespace holdfast::actors::machines::relisting
