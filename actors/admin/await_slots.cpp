#include "actors/admin/await_slots.hpp"

#include <algorithm>

namespace holdfast::actors::admin {
namespace {

using clock = std::chrono::steady_clock;

constexpr milliseconds slots_pause{50};

void look(desk& at, clock::time_point until, const judgement& settled, const finish& over) {
  at.ask_all(true, "slots", "{}", [self = at.shared_from_this(), until, settled, over](const parts& p) {
    const auto e = settled(picture_of(p), p);
    if (e.done || clock::now() >= until) return over(e);
    self->after(slots_pause, [self, until, settled, over] { look(*self, until, settled, over); });
  });
}

}  // namespace

const machines::membership::member* member_named(const machines::membership::view& v, std::string_view name) {
  const auto found = std::find_if(v.members.begin(), v.members.end(), [&](const auto& m) { return m.name == name; });
  return found == v.members.end() ? nullptr : &*found;
}

std::uint64_t held_by(const slot_picture& all, const std::string& node) {
  return static_cast<std::uint64_t>(std::count_if(all.places.begin(), all.places.end(), [&](const auto& p) {
    return std::any_of(p.holders.begin(), p.holders.end(), [&](const auto& h) { return h.node == node; });
  }));
}

void await_slots(desk& at, milliseconds limit, const judgement& settled, const finish& over) {
  look(at, clock::now() + limit, settled, over);
}

}  // namespace holdfast::actors::admin
