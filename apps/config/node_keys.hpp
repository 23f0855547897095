#pragma once

#include "actors/node_config.hpp"
#include "apps/config/keys.hpp"

namespace holdfast::apps {

/// The top level of Holdfast's own format.
const keys<actors::node_config>& node_keys();

/// Checks what concerns several keys. `whole` is the document.
void check_node(const value& whole, const actors::node_config& c);

}  // namespace holdfast::apps
