#include "persistence/sqlite/leases_impl.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <limits>
#include <stdexcept>

#include "persistence/sqlite/clock_impl.hpp"

namespace holdfast::persistence::sqlite {
namespace {

constexpr auto forever = std::numeric_limits<std::int64_t>::max();

}  // namespace

leases::leases(database& in)
    : in_(in),
      acquire_(in,
               "insert into lock (name, word, expires) values (?1, ?2, ?3) on conflict (name) do update"
               " set word = ?2, expires = ?3 where lock.expires <= ?4"),
      unlock_(in, "delete from lock where name = ? and word = ? and expires > ?"),
      prolong_(in, "update lock set expires = ? where name = ? and word = ? and expires > ?"),
      sweep_(in, "delete from lock where name in (select name from lock where expires <= ? limit ?)") {}

std::optional<std::string> leases::acquire(std::string_view lock, const std::string& word,
                                           std::chrono::milliseconds limit) {
  acquire_.run(lock, std::string_view(word), from_now(limit).value_or(forever), now_ms());
  if (in_.changes() == 0) return std::nullopt;
  return word;
}

bool leases::unlock(std::string_view lock, std::string_view word) {
  unlock_.run(lock, word, now_ms());
  return in_.changes() > 0;
}

bool leases::prolong(std::string_view lock, std::string_view word, std::chrono::milliseconds limit) {
  prolong_.run(from_now(limit).value_or(forever), lock, word, now_ms());
  return in_.changes() > 0;
}

std::size_t leases::sweep(std::size_t max) {
  sweep_.run(now_ms(), static_cast<std::int64_t>(max));
  return in_.ok() ? static_cast<std::size_t>(in_.changes()) : 0;
}

std::string random_word() {
  std::array<unsigned char, 16> bytes;
  // So few bytes come at once or not at all, once the system's generator has been seeded.
  while (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    if (errno != EINTR) throw std::runtime_error("no random bytes from the system");
  }
  std::string out;
  for (const auto byte : bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

}  // namespace holdfast::persistence::sqlite
