#include <algorithm>
#include <utility>

#include "persistence/shadow/ask_impl.hpp"
#include "persistence/shadow/copyist_impl.hpp"

namespace holdfast::persistence::shadow {
namespace {

constexpr std::size_t events_at_once = 256;
constexpr int attempts_max = 5;

std::uint32_t open_executions_of(const record& r) {
  const auto open = std::ranges::count_if(r.journal, [](const auto& j) { return j.second.stage == stage::intent; });
  return static_cast<std::uint32_t>(open);
}

}  // namespace

// An entity takes several reads, between which it may change: then the reads are of no use and start over, in the end
// at a later time. Nothing comes of it if the entity has gone meanwhile; if it cannot be read, that is a difference.
boost::asio::awaitable<std::optional<restoration>> copyist::read_whole(const entity& of) {
  store_lane& from = around_.primary;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    auto kept = co_await load(from, of);
    if (!kept) {
      differs();
      co_return std::nullopt;
    }
    if (!*kept) co_return std::nullopt;
    restoration whole;
    whole.of = of;
    whole.kept = std::move(**kept);
    whole.open_executions = open_executions_of(whole.kept);
    bool read = true;
    for (std::uint64_t after = 0; read;) {
      auto some = co_await ask<std::vector<event>>(
          [&](auto done) { from.read_events(of, after, events_at_once, std::move(done)); });
      read = some.has_value();
      if (!read || some->empty()) break;
      after = some->back().number;
      std::ranges::move(*some, std::back_inserter(whole.events));
    }
    const auto left = co_await ask<std::optional<std::chrono::milliseconds>>(
        [&](auto done) { from.time_to_live(of, std::move(done)); });
    const auto again = co_await load(from, of);
    if (!read || !left || !again) {
      differs();
      co_return std::nullopt;
    }
    if (!*again || !*left) co_return std::nullopt;
    if (**again != whole.kept) continue;
    if (**left != std::chrono::milliseconds::max()) whole.time_to_live = **left;
    co_return whole;
  }
  looked_at later{of};
  around_.look_again(std::move(later));
  co_return std::nullopt;
}

}  // namespace holdfast::persistence::shadow
