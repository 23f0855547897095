#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "persistence/redis/redis_reply.hpp"
#include "persistence/store_format.hpp"
#include "persistence/store_values.hpp"

/// What replies say. `corrupt` where they are not what was written here.
namespace holdfast::persistence {

result<verdict> read_verdict(const redis_reply& reply);
result<std::optional<record>> read_record(redis_reply& fields);
result<std::vector<event>> read_events(redis_reply& entries);
result<page> read_page(redis_reply& reply);

/// Of an ownership record; nothing if nobody holds the slot.
result<std::optional<token>> read_owner(const redis_reply& reply);

/// Of the view's record; nothing if there is none.
result<std::optional<versioned>> read_view(const redis_reply& reply);

/// Of what INFO says about replication.
result<standing> read_standing(const redis_reply& reply);

/// Of the format's record; also `corrupt` if there is none.
result<store_format> read_format(const redis_reply& reply);

}  // namespace holdfast::persistence
