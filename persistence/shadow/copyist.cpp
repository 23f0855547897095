#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "persistence/shadow/ask_impl.hpp"
#include "persistence/shadow/copyist_impl.hpp"

namespace holdfast::persistence::shadow {
namespace {

constexpr std::array<std::string_view, 3> kinds{"session", "execution", "upstream"};
constexpr std::size_t swept_at_once = 16;
constexpr unsigned looks_at_most = 5;

// Tells what an entity was from what it has become.
std::uint64_t fingerprint_of(const record& r) {
  return std::hash<std::string>{}(r.snapshot) ^ (r.sequence * 0x9e3779b97f4a7c15);
}

}  // namespace

boost::asio::awaitable<void> copyist::apply(change c) {
  return std::visit([this](auto& what) { return take(std::move(what)); }, c);
}

void copyist::start_over() {
  for (std::uint16_t slot = 0; slot < slot_count; ++slot) {
    held& h = slots_[slot];
    if (!h.shadow) continue;
    h.shadow.reset();
    around_.next(claimed{slot, h.by});
  }
}

// The shadow's token for a slot. Claimed only if the primary still says that the slot is ours, by this claim or a later
// one that may not have been told yet: a change may come here long after the slot went to another node, whose own
// shadow must not be fenced.
boost::asio::awaitable<std::optional<token>> copyist::claim_as(std::uint16_t slot, const token& by) {
  held& h = slots_[slot];
  if (h.by == by && h.shadow) co_return h.shadow;
  if (by.epoch < h.by.epoch) co_return std::nullopt;
  const auto owner =
      co_await ask<std::optional<token>>([&](auto done) { around_.primary.owner(slot, std::move(done)); });
  if (!owner || !*owner || (*owner)->incarnation != by.incarnation) co_return std::nullopt;
  const auto given = co_await claim_in_shadow(slot, by.incarnation);
  if (!given) co_return std::nullopt;
  h.by = by;
  h.shadow = given;
  co_return h.shadow;
}

// A shadow that was a primary once has claims under views of its own, and its next cluster will count on from those.
boost::asio::awaitable<std::optional<token>> copyist::claim_in_shadow(std::uint16_t slot, std::string incarnation) {
  const auto view =
      co_await ask<std::optional<versioned>>([&](auto done) { around_.shadow.read_view(std::move(done)); });
  if (!view) co_return std::nullopt;
  const std::uint64_t version = *view ? (*view)->version : 0;
  const auto given = co_await ask<std::optional<token>>(
      [&](auto done) { around_.shadow.claim(slot, incarnation, version, std::move(done)); });
  co_return given ? *given : std::nullopt;
}

// The shadow's verdict, or nothing where it could not be written to: such a write counts as a difference. If somebody
// else has claimed there meanwhile, that counts, too, and the write is tried once more.
boost::asio::awaitable<std::optional<verdict>> copyist::write(std::uint16_t slot, const token& by,
                                                              const start_write& start) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto mine = co_await claim_as(slot, by);
    if (!mine) break;
    const auto answer = co_await ask<verdict>([&](auto done) { start(*mine, std::move(done)); });
    if (!answer) break;
    if (*answer != verdict::fenced) co_return *answer;
    differs();
    slots_[slot].shadow.reset();
  }
  differs();
  co_return std::nullopt;
}

boost::asio::awaitable<void> copyist::take(claimed c) {
  const auto mine = co_await claim_as(c.slot, c.by);
  if (mine) around_.next(swept{c.slot, c.by, swept::of_primary, 0, {}});
}

boost::asio::awaitable<void> copyist::take(released c) {
  held& h = slots_[c.slot];
  if (h.by != c.by || !h.shadow) co_return;
  const token mine = *std::exchange(h.shadow, std::nullopt);
  const auto answer = co_await ask<verdict>([&](auto done) { around_.shadow.release(c.slot, mine, std::move(done)); });
  if (!answer || *answer != verdict::ok) differs();
}

boost::asio::awaitable<void> copyist::take(committed c) {
  const token by = c.what.by;
  const start_write start = [&](const token& mine, completion<verdict> done) {
    c.what.by = mine;
    around_.shadow.commit(c.what, std::move(done));
  };
  const auto answer = co_await write(c.what.of.slot(), by, start);
  if (answer == verdict::conflict) co_await settle(c.what);
}

boost::asio::awaitable<void> copyist::take(restored c) {
  const token by = c.what.by;
  const start_write start = [&](const token& mine, completion<verdict> done) {
    c.what.by = mine;
    around_.shadow.restore(c.what, std::move(done));
  };
  co_await write(c.what.of.slot(), by, start);
}

boost::asio::awaitable<void> copyist::take(extended c) {
  const start_write start = [&](const token& mine, completion<verdict> done) {
    around_.shadow.extend(c.of, mine, c.to, std::move(done));
  };
  const auto answer = co_await write(c.of.slot(), c.by, start);
  if (answer == verdict::conflict) co_await copy(c.of);
}

boost::asio::awaitable<void> copyist::take(expired c) {
  const start_write start = [&](const token& mine, completion<verdict> done) {
    around_.shadow.expire(c.of, mine, std::move(done));
  };
  co_await write(c.of.slot(), c.by, start);
}

// A difference may only mean that changes are still on their way here. It counts if a second look, which comes after
// all of those, finds the shadow as it was, or again at the sequence of the primary with other content.
boost::asio::awaitable<void> copyist::compare(looked_at c) {
  const auto first = co_await load(around_.primary, c.of);
  const auto second = co_await load(around_.shadow, c.of);
  if (!first || !second || *first == *second) co_return;
  if (*first && !*second) co_return co_await copy(c.of);
  const std::uint64_t seen = fingerprint_of(**second);
  const bool content_alone = *first && (*first)->sequence == (*second)->sequence;
  const bool counts = c.looks > 0 && (seen == c.seen_in_shadow || (content_alone && c.content_alone_differed));
  if (!counts && c.looks < looks_at_most) {
    ++c.looks;
    c.seen_in_shadow = seen;
    c.content_alone_differed = content_alone;
    co_return around_.look_again(std::move(c));
  }
  if (!counts) co_return;
  differs();
  if (*first)
    co_await copy(c.of);
  else
    co_await remove(c.of);
}

boost::asio::awaitable<void> copyist::take(looked_at c) { co_await compare(std::move(c)); }

boost::asio::awaitable<void> copyist::take(swept c) {
  const held& h = slots_[c.slot];
  if (h.by != c.by || !h.shadow) co_return;
  store_lane& from = c.side == swept::of_primary ? around_.primary : around_.shadow;
  const auto found = co_await ask<page>(
      [&](auto done) { from.list(kinds[c.kind], c.slot, c.cursor, swept_at_once, std::move(done)); });
  if (!found) co_return;
  for (const auto& line : found->entries) {
    const entity of{std::string(kinds[c.kind]), line.id};
    if (c.side == swept::of_primary) {
      looked_at look{of};
      co_await compare(std::move(look));
      continue;
    }
    const auto left = co_await ask<std::optional<std::chrono::milliseconds>>(
        [&](auto done) { around_.primary.time_to_live(of, std::move(done)); });
    if (left && !*left) co_await remove(of);
  }
  c.cursor = found->next;
  if (c.cursor.empty() && ++c.kind == kinds.size()) {
    if (c.side == swept::of_shadow) co_return;
    c.side = swept::of_shadow;
    c.kind = 0;
  }
  around_.next(std::move(c));
}

// A commit that the primary took does not follow on what the shadow has. That is as it should be if a copy has brought
// it here before its turn, or if the entity has ended since and perhaps begun anew.
boost::asio::awaitable<void> copyist::settle(const commit& refused) {
  const auto first = co_await load(around_.primary, refused.of);
  const auto second = co_await load(around_.shadow, refused.of);
  if (!first || !second) co_return differs();
  if (!*second) co_return co_await copy(refused.of);
  const bool gap = *first && (*first)->sequence >= refused.sequence && (*second)->sequence < refused.sequence;
  if (!gap) {
    looked_at look{refused.of};
    co_return co_await compare(std::move(look));
  }
  differs();
  co_await copy(refused.of);
}

boost::asio::awaitable<void> copyist::copy(const entity& of) {
  const std::uint16_t slot = of.slot();
  if (!slots_[slot].shadow) co_return;
  auto whole = co_await read_whole(of);
  if (!whole) co_return;
  whole->by = *slots_[slot].shadow;
  const auto answer = co_await ask<verdict>([&](auto done) { around_.shadow.restore(*whole, std::move(done)); });
  if (!answer || *answer != verdict::ok) differs();
}

boost::asio::awaitable<void> copyist::remove(const entity& of) {
  const auto mine = slots_[of.slot()].shadow;
  if (!mine) co_return;
  const auto answer = co_await ask<verdict>([&](auto done) { around_.shadow.expire(of, *mine, std::move(done)); });
  if (!answer || *answer == verdict::fenced) differs();
}

boost::asio::awaitable<result<std::optional<record>>> copyist::load(store_lane& from, const entity& of) {
  return ask<std::optional<record>>([&from, of](auto done) { from.load(of, std::move(done)); });
}

}  // namespace holdfast::persistence::shadow
