#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Who belongs to a cluster, and who should own which slot: pure values. The one copy that counts is the record in the
/// store, which is changed by compare-and-set.
namespace holdfast::actors::machines::membership {

/// One process of a node. A node that is started again is another member under the same name.
struct member {
  std::string name;         ///< of the node, unique in its cluster
  std::string incarnation;  ///< of the process; dead is final
  std::string address;      ///< HOST:PORT, where the other nodes reach it
  bool leaving = false;     ///< hands its slots over and takes no more
  bool operator==(const member&) const = default;
};

struct view {
  std::uint64_t version = 0;  ///< 0 = nobody has ever joined
  std::vector<member> members;
  std::map<std::uint16_t, std::string> pinned = {};  ///< slots that an operator has put somewhere: the node's name
  bool operator==(const view&) const = default;
};

const member* find(const view& v, std::string_view incarnation) noexcept;

/// The next view with this member in it. It takes the place of one with its name or its address: that process has gone,
/// or this one could not be there.
view joined(view v, member m);

/// The next view with this member about to leave, or gone. Unchanged, version included, if it is not there.
view leaving(view v, std::string_view incarnation);
view without(view v, std::string_view incarnation);

/// The next view with this member not about to leave any more. Unchanged if it is not.
view staying(view v, std::string_view incarnation);

/// The next view with a slot put where an operator wants it, or with none put anywhere.
view pinned(view v, std::uint16_t slot, std::string_view name);
view unpinned(view v);

/// Who should own a slot: where it was put, if that node is there; else rendezvous hashing over the names decides, so
/// that a change of the members moves no slot but those of who came or went. Null if nobody may.
const member* owner_of(const view& v, std::uint16_t slot) noexcept;

}  // namespace holdfast::actors::machines::membership
