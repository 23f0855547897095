#pragma once

#include <optional>
#include <string>

#include "persistence/redis/redis_keys.hpp"
#include "persistence/redis/redis_reply.hpp"
#include "persistence/redis/redis_request.hpp"
#include "persistence/store_values.hpp"

/// The record that says how everything under a prefix is laid out, so that no other build spoils it.
namespace holdfast::persistence {

/// Fills a blank request that asks what stands there, and writes what this build wants where nothing does.
void write_mark(redis_request& r, const redis_keys& keys);

/// Why this build must leave alone what the answer tells of; nothing if it can use it. `place` is for an operator.
std::optional<store_failure> check_mark(const redis_reply& answer, const std::string& place);

}  // namespace holdfast::persistence
