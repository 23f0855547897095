#include "persistence/redis/redis_format.hpp"

#include "persistence/redis/redis_answers.hpp"
#include "persistence/redis/redis_scripts.hpp"
#include "persistence/store_format.hpp"

namespace holdfast::persistence {
namespace {

// Raised when builds of before must not touch any more what this one writes.
constexpr std::uint64_t version = 1;

}  // namespace

void write_mark(redis_request& r, const redis_keys& keys) {
  const auto key = keys.format();
  r.hash_slot = hash_slot_of(key);
  begin_script(r, scripts().mark, 1, 1).add(key).join({std::to_string(version), ":", std::to_string(slot_count)});
}

std::optional<store_failure> check_mark(const redis_reply& answer, const std::string& place) {
  const auto found = read_format(answer);
  if (!found) return store_failure{found.error().code, place + ": " + found.error().detail};
  return why_unusable(*found, version, place, "prefix");
}

}  // namespace holdfast::persistence
