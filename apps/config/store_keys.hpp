#pragma once

#include "actors/node_config.hpp"
#include "apps/config/keys.hpp"

namespace holdfast::apps {

/// The options of a store that is given as a map.
const keys<actors::store_config>& store_keys();

/// Reads a URL, or a map of options. No mistake shows a URL: they hold passwords.
void read_store(const value& v, actors::store_config& into);

}  // namespace holdfast::apps
