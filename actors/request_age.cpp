#include "actors/request_age.hpp"

#include <algorithm>
#include <charconv>

#include "actors/cluster.hpp"
#include "transport/http_server.hpp"

namespace holdfast::actors {
namespace {

using time_point = request_age::time_point;
using std::chrono::microseconds;

constexpr std::chrono::seconds moment{1};
// By so much two clocks drift apart within two of them, at a thousandth.
constexpr std::chrono::milliseconds drift{2};

std::int64_t number_of(time_point t) { return std::chrono::floor<microseconds>(t.time_since_epoch()).count(); }

std::optional<time_point> take_time(std::string_view& text) {
  std::int64_t n = 0;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, n);
  constexpr std::int64_t most = microseconds{std::chrono::years{100}}.count();  // so that no sum of two is too large
  if (error != std::errc() || n < 0 || n > most) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(at - text.data()));
  return time_point(microseconds{n});
}

}  // namespace

std::string to_text(const request_age& a) {
  return std::to_string(number_of(a.came)) + "," + std::to_string(number_of(a.awaited));
}

std::optional<request_age> read_request_age(std::string_view text) {
  const auto came = take_time(text);
  if (!came || text.empty() || text.front() != ',') return std::nullopt;
  text.remove_prefix(1);
  const auto awaited = take_time(text);
  if (!awaited || !text.empty()) return std::nullopt;
  return request_age{*came, *awaited};
}

std::optional<request_age> age_of(const transport::http_request& r) {
  return r.path.starts_with(peer_path::prefix) ? read_request_age(r.awaited) : std::nullopt;
}

void peer_clock::heard(time_point theirs, time_point here) noexcept {
  const auto ahead = (theirs - here).count();
  if (here - since_ > moment) {
    best_before_ = best_;
    best_ = unknown;
    since_ = here;
  }
  best_ = std::max(best_, ahead);
  ahead_.store(std::max(best_, best_before_), std::memory_order_relaxed);
}

time_point peer_clock::shown(time_point here) const noexcept {
  const auto ahead = ahead_.load(std::memory_order_relaxed);
  return ahead == unknown ? time_point() : std::max(time_point(), here + duration{ahead} - drift);
}

}  // namespace holdfast::actors
