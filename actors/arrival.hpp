#pragma once

#include <caf/fwd.hpp>

namespace holdfast::actors {

class shard;
struct node_context;

/// Returns once this node may take sessions from others that serve them: when its catalogue has its first lists, or has
/// waited for them as a first client would (`catalogue.first_list_wait`). At once where nobody else is in the cluster,
/// where the store does not tell, or once the process has been told to stop. Not on a shard's thread; `first` is the
/// one whose way to the store it uses.
void await_first_lists(caf::actor_system& system, shard& first, node_context& node);

}  // namespace holdfast::actors
