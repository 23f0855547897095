#include "actors/recent_events.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <mutex>

#include "transport/mcp/envelope.hpp"

namespace holdfast::actors::recent_events {
namespace {

constexpr std::array<std::string_view, 6> kinds{"audit.", "breaker.", "cluster.", "node.", "store.", "upstream."};
constexpr std::array<std::string_view, 6> single{"call.interrupted",  "log.level",        "session.lost",
                                                 "session.recovered", "session.reseeded", "session.unreadable"};

struct {
  std::mutex lock;
  std::deque<event> all;
  std::uint64_t last = 0;
} ring;

bool is_kept(std::string_view name) {
  return std::any_of(kinds.begin(), kinds.end(), [&](auto k) { return name.starts_with(k); }) ||
         std::find(single.begin(), single.end(), name) != single.end();
}

}  // namespace

void note(log_level level, std::string_view name, std::initializer_list<log::field> fields) {
  if (level < log_level::info || !is_kept(name)) return;
  event e;
  e.at_ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
                .count();
  e.level = level;
  e.name = name;
  e.fields = "{";
  for (const auto& f : fields) {
    if (!f.name.empty()) e.fields += (e.fields.size() > 1 ? "," : "") + mcp::quote(f.name) + ":" + mcp::quote(f.value);
  }
  e.fields += "}";
  const std::lock_guard guard(ring.lock);
  e.sequence = ++ring.last;
  if (ring.all.size() == kept_max) ring.all.pop_front();
  ring.all.push_back(std::move(e));
}

std::vector<event> after(std::uint64_t sequence, std::size_t max, std::string_view name_prefix) {
  std::vector<event> found;
  const std::lock_guard guard(ring.lock);
  for (auto e = ring.all.rbegin(); e != ring.all.rend() && e->sequence > sequence && found.size() < max; ++e) {
    if (e->name.starts_with(name_prefix)) found.push_back(*e);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

}  // namespace holdfast::actors::recent_events
