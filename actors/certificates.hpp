#pragma once

#include "actors/node_context.hpp"
#include "transport/result.hpp"

/// The certificates that a node shows, and whom it trusts.
namespace holdfast::actors {

/// Loads those that the configuration names, or says which cannot be used. Before anything listens.
transport::outcome<void> read_certificates(node_context& node);

/// Loads those whose files have changed, or all; what cannot be used is logged, and the one of before stays in use.
void look_at_certificates(node_context& node, bool at_once);

}  // namespace holdfast::actors
