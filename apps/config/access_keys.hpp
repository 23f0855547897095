#pragma once

#include "actors/node_config.hpp"
#include "apps/config/keys.hpp"

namespace holdfast::apps {

/// The section `access`: who may ask.
const keys<actors::node_config>& access_keys();

}  // namespace holdfast::apps
