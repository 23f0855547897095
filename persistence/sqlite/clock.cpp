#include <limits>

#include "persistence/sqlite/clock_impl.hpp"

namespace holdfast::persistence::sqlite {

std::int64_t now_ms() noexcept {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::optional<std::int64_t> from_now(std::chrono::milliseconds limit) noexcept {
  const auto now = now_ms();
  if (limit.count() > std::numeric_limits<std::int64_t>::max() - now) return std::nullopt;
  return now + limit.count();
}

}  // namespace holdfast::persistence::sqlite
