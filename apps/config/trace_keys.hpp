#pragma once

#include "actors/node_config.hpp"
#include "apps/config/keys.hpp"

namespace holdfast::apps {

/// The keys of `traces`.
const keys<actors::trace_config>& trace_keys();

}  // namespace holdfast::apps
