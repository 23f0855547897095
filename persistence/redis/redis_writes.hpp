#pragma once

#include "persistence/redis/redis_keys.hpp"
#include "persistence/redis/redis_request.hpp"
#include "persistence/store_values.hpp"

/// Requests that change an entity: each fills a blank request with a script and its arguments.
namespace holdfast::persistence {

/// The value of an ownership record. One that matches none if the token is empty.
std::string text_of(const token& t);

/// False if the numbers of the events do not rise from 1 upwards.
bool in_order(const std::vector<event>& events) noexcept;

void write_commit(redis_request& r, const redis_keys& keys, const commit& c);
void write_restoration(redis_request& r, const redis_keys& keys, const restoration& what);
void write_extension(redis_request& r, const redis_keys& keys, const entity& of, const token& by,
                     std::chrono::milliseconds to);
void write_expiry(redis_request& r, const redis_keys& keys, const entity& of, const token& by);

}  // namespace holdfast::persistence
