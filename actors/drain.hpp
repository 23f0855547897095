#pragma once

#include <atomic>
#include <chrono>

namespace holdfast::actors {

struct node_context;

/// Brings to an end what clients have asked of a node that is about to stop; blocks the calling thread, none of a
/// shard's. Until they have their answers the node goes on listening, if only to tell balancers, at /readyz, that it
/// leaves: they take a port that refuses connections for a dead node, and cut what that node still works at. For a
/// second everything is served, since they do not notice sooner; then new requests are refused (503), or it would never
/// end under load, though not what clients send for the calls under way. Ends early when `hurry` turns true, and after
/// `drain_timeout`, with whatever is left.
void drain(node_context& node, const std::atomic<bool>& hurry);

/// Waits until no client waits for an answer, or for the rest of one, event streams aside.
void await_answers(const node_context& node, std::chrono::milliseconds at_most);

}  // namespace holdfast::actors
