#include "persistence/sqlite/result_cache_impl.hpp"

#include <limits>

#include "persistence/sqlite/clock_impl.hpp"

namespace holdfast::persistence::sqlite {

result_cache::result_cache(database& in)
    : in_(in),
      get_(in, "select bytes from cache where key = ? and expires > ?"),
      put_(in,
           "insert into cache (key, expires, bytes) values (?, ?, ?)"
           " on conflict (key) do update set expires = excluded.expires, bytes = excluded.bytes"),
      sweep_(in, "delete from cache where rowid in (select rowid from cache where expires <= ? limit ?)") {}

std::optional<std::string> result_cache::get(std::string_view key) {
  auto row = get_(key, now_ms());
  if (!row.next()) return std::nullopt;
  return std::string(row.bytes(0));
}

void result_cache::put(std::string_view key, std::string_view bytes, std::chrono::milliseconds keep) {
  put_.run(key, from_now(keep).value_or(std::numeric_limits<std::int64_t>::max()), blob{bytes});
}

std::size_t result_cache::sweep(std::size_t max) {
  sweep_.run(now_ms(), static_cast<std::int64_t>(max));
  return in_.ok() ? static_cast<std::size_t>(in_.changes()) : 0;
}

}  // namespace holdfast::persistence::sqlite
