#include <algorithm>

#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"

// Whether what nodes believe to own is what the store says.

namespace holdfast::actors::admin {
namespace {

using persistence::slot_count;

std::string checked(desk& at, const std::vector<std::optional<persistence::token>>& owners) {
  const auto& store = *at.node().store;
  std::size_t held = 0;
  std::vector<std::string> faults;
  for (std::uint16_t s = 0; s < slot_count; ++s) {
    const auto mine = store.token_of(s, store.tenure_of(s));
    if (!store.has(s) || mine.epoch == 0) continue;
    ++held;
    const auto& theirs = owners[s];
    if (theirs && *theirs == mine) continue;
    faults.push_back(json_object()
                         .text("node", at.name())
                         .number("slot", s)
                         .number("epoch", mine.epoch)
                         .number("storeEpoch", theirs ? theirs->epoch : 0)
                         .text_or_null("storeOwner", theirs ? theirs->incarnation : std::string())
                         .str());
  }
  return json_object().number("checked", held).list("faults", faults).flag("storeRead", true).str();
}

}  // namespace

void ask_fence(desk& at, const std::string&, reply done) {
  if (!at.node().store) return done(R"({"checked":0,"faults":[],"storeRead":true})");
  const auto once = std::make_shared<reply>(std::move(done));
  const auto finish = [once](answer a) {
    if (const auto f = std::exchange(*once, nullptr)) f(std::move(a));
  };
  at.after(at.answer_within() * 5 / 6, [finish] { finish(R"({"checked":0,"faults":[],"storeRead":false})"); });
  at.home().lane()->owners(0, slot_count, [self = at.shared_from_this(), finish](const auto& owners) {
    if (self->closed()) return;
    if (!owners) return finish(R"({"checked":0,"faults":[],"storeRead":false})");
    finish(checked(*self, *owners));
  });
}

void see_fences(desk& at, const request& r, reply done) {
  at.ask_all(r.whole_cluster(), "fence", "{}", [done = std::move(done)](const parts& p) {
    std::uint64_t checked = 0;
    bool read = true;
    for (const auto& each : p.all) {
      checked += number_of(each.json, "checked");
      read = read && flag_of(each.json, "storeRead");
    }
    done(json_object()
             .number("checked", checked)
             .list("faults", p.joined("faults"))
             .flag("storeRead", read)
             .texts("unreachable", p.unreachable)
             .str());
  });
}

}  // namespace holdfast::actors::admin
