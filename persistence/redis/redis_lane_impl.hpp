#pragma once

#include <memory>

#include "persistence/redis/redis_dispatcher_impl.hpp"
#include "persistence/redis/redis_keys.hpp"
#include "persistence/store.hpp"

namespace holdfast::persistence {

/// A lane of a Redis store: verbs become requests, replies become values.
std::unique_ptr<store_lane> make_redis_lane(std::shared_ptr<redis_dispatcher> dispatcher,
                                            std::shared_ptr<const redis_keys> keys);

}  // namespace holdfast::persistence
