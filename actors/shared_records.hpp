#pragma once

#include "actors/cluster_text.hpp"

/// The records in the store that all nodes of a cluster share, beside its view: breakers, what is invalid in the cache,
/// registered upstreams. Nodes tell each other with every beat which versions they know. On the home shard's thread.
namespace holdfast::actors {

struct node_context;

void tell_versions(const node_context& node, beat& to);

/// Whatever another node knows better is read.
void hear_versions(node_context& node, const beat& from);

}  // namespace holdfast::actors
