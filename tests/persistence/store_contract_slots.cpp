#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/persistence/store_contract.hpp"
#include "tests/persistence/store_contract_fixture.hpp"

using namespace std::chrono_literals;
using holdfast::persistence::slot_count;
using holdfast::persistence::store;
using holdfast::persistence::token;
using holdfast::persistence::verdict;

namespace holdfast::tests {
namespace {

using owners_of = std::vector<std::optional<token>>;

}  // namespace

void check_slots(store& s) {
  lane_harness a(s);
  lane_harness b(s);
  constexpr std::uint16_t slot = 7;

  SUBCASE("a slot belongs to nobody until it is claimed") {
    CHECK_FALSE(a.owner(slot));
    const token t = a.claim(slot, "first");
    CHECK(t.epoch >= 1);
    CHECK(t.incarnation == "first");
    CHECK(a.owner(slot) == t);
    CHECK(b.owner(slot) == t);
    CHECK_FALSE(a.owner(slot + 1));
  }

  SUBCASE("each claim raises the epoch, whoever makes it") {
    token last;
    for (const char* incarnation : {"first", "second", "second", "first"}) {
      const token t = (last.epoch % 2 == 0 ? a : b).claim(slot, incarnation);
      CHECK(t.epoch > last.epoch);
      CHECK(a.owner(slot) == t);
      last = t;
    }
  }

  SUBCASE("the epoch outlives the release") {
    const token first = a.claim(slot, "first");
    CHECK(a.release(slot, first) == verdict::ok);
    CHECK_FALSE(b.owner(slot));
    CHECK(a.release(slot, first) == verdict::fenced);
    const token second = b.claim(slot, "first");
    CHECK(second.epoch > first.epoch);
    CHECK(a.release(slot, first) == verdict::fenced);
    CHECK(b.owner(slot) == second);
  }

  SUBCASE("only the current token gives a slot back") {
    const token first = a.claim(slot, "first");
    CHECK(a.release(slot, token{}) == verdict::fenced);
    CHECK(a.release(slot, token{first.epoch, "other"}) == verdict::fenced);
    CHECK(a.release(slot + 1, first) == verdict::fenced);
    const token second = b.claim(slot, "second");
    CHECK(a.release(slot, first) == verdict::fenced);
    CHECK(a.owner(slot) == second);
    CHECK(b.release(slot, second) == verdict::ok);
  }

  SUBCASE("the first and the last slot are like the others") {
    const token first = a.claim(0, "first");
    const token last = a.claim(slot_count - 1, "last");
    CHECK(a.owner(0) == first);
    CHECK(a.owner(slot_count - 1) == last);
    CHECK(a.release(0, first) == verdict::ok);
    CHECK(a.release(slot_count - 1, last) == verdict::ok);
  }

  SUBCASE("the owners of many slots come in their order") {
    CHECK(a.owners(0, slot_count) == owners_of(slot_count));
    const token first = a.claim(0, "first");
    const token seventh = b.claim(slot, "second");
    const token last = b.claim(slot_count - 1, "last");
    const token released = a.claim(5, "first");
    CHECK(a.release(5, released) == verdict::ok);
    auto all = owners_of(slot_count);
    all[0] = first;
    all[slot] = seventh;
    all[slot_count - 1] = last;
    CHECK(a.owners(0, slot_count) == all);
    CHECK(b.owners(4, 4) == owners_of(all.begin() + 4, all.begin() + 8));
    CHECK(b.owners(slot, 1) == owners_of(1, seventh));
    CHECK(b.owners(slot_count - 1, 1) == owners_of(1, last));
    CHECK(b.owners(slot, 0).empty());
    CHECK(b.owners(slot_count, 0).empty());
  }
}

void check_claims(store& s) {
  owner_harness a(s);
  lane_harness b(s);
  const std::uint16_t slot = a.of.slot();
  constexpr std::uint64_t newest = (std::uint64_t{1} << 50) + 1;

  SUBCASE("a claim under an older view is refused, and fences nobody") {
    a.by = a.claim(slot, "first", 10);
    CHECK(a.create() == verdict::ok);
    CHECK_FALSE(b.try_claim(slot, "second", 9));
    CHECK_FALSE(b.try_claim(slot, "second", 0));
    CHECK_FALSE(a.try_claim(slot, "first", 9));
    CHECK(b.owner(slot) == a.by);
    CHECK(a.commit(a.next()) == verdict::ok);
  }

  SUBCASE("a claim under the same or a newer view raises the epoch and fences") {
    const token before = a.by;
    for (const std::uint64_t view : {std::uint64_t{2}, std::uint64_t{2}, std::uint64_t{10}, newest - 1, newest}) {
      const token last = a.by;
      a.by = a.claim(slot, "first", view);
      CHECK(a.by.epoch == last.epoch + 1);
      CHECK(b.owner(slot) == a.by);
    }
    CHECK_FALSE(b.try_claim(slot, "second", newest - 1));
    CHECK(b.commit(snapshot_commit(a.of, before, 1, "fenced")) == verdict::fenced);
    CHECK(a.create() == verdict::ok);
  }

  SUBCASE("the view of the last claim outlives the release") {
    a.by = a.claim(slot, "first", 10);
    CHECK(a.release(slot, a.by) == verdict::ok);
    CHECK_FALSE(b.try_claim(slot, "second", 9));
    CHECK_FALSE(b.owner(slot));
    const token next = b.claim(slot, "second", 10);
    CHECK(next.epoch == a.by.epoch + 1);
    CHECK(a.owner(slot) == next);
  }

  SUBCASE("each slot has a view of its own, whatever the cluster's is") {
    CHECK(a.change_view(0, "view") == verdict::ok);
    a.claim(slot, "first", 10);
    const std::uint16_t other = (slot + 1) % slot_count;
    CHECK(b.try_claim(other, "second", 3));
    CHECK_FALSE(b.try_claim(other, "second", 2));
    CHECK(a.read_view()->version == 1);
  }
}

void check_locks(store& s) {
  lane_harness a(s);
  lane_harness b(s);

  SUBCASE("a lock has one holder at a time") {
    const auto word = a.acquire("view", 60s);
    REQUIRE(word);
    CHECK_FALSE(word->empty());
    CHECK_FALSE(a.acquire("view", 60s));
    CHECK_FALSE(b.acquire("view", 60s));
    CHECK(b.acquire("another", 60s));
    CHECK(a.unlock("view", *word));
    CHECK_FALSE(a.unlock("view", *word));
    const auto next = b.acquire("view", 60s);
    REQUIRE(next);
    CHECK(*next != *word);
  }

  SUBCASE("only its word unlocks or prolongs a lock") {
    const auto word = a.acquire("view", 60s);
    REQUIRE(word);
    CHECK_FALSE(b.unlock("view", "wrong"));
    CHECK_FALSE(b.unlock("view", ""));
    CHECK_FALSE(b.unlock("another", *word));
    CHECK_FALSE(b.prolong("view", "wrong", 60s));
    CHECK_FALSE(b.prolong("another", *word, 60s));
    CHECK_FALSE(b.acquire("view", 60s));
    CHECK(b.unlock("view", *word));
    CHECK_FALSE(a.prolong("view", *word, 60s));
    CHECK(a.acquire("view", 60s));
  }

  SUBCASE("a lock falls by itself, not before its time") {
    const auto start = std::chrono::steady_clock::now();
    const auto word = a.acquire("view", 200ms);
    REQUIRE(word);
    std::optional<std::string> next;
    CHECK(soon([&] { return (next = b.acquire("view", 60s)).has_value(); }));
    CHECK(std::chrono::steady_clock::now() - start >= 195ms);
    CHECK_FALSE(a.prolong("view", *word, 60s));
    CHECK_FALSE(a.unlock("view", *word));
    CHECK(b.unlock("view", next.value()));
  }

  SUBCASE("a lock can be prolonged") {
    const auto word = a.acquire("view", 200ms);
    REQUIRE(word);
    CHECK(a.prolong("view", *word, 60s));
    const auto over = std::chrono::steady_clock::now() + 250ms;
    CHECK(soon([&] { return std::chrono::steady_clock::now() > over; }));
    CHECK_FALSE(b.acquire("view", 60s));
    CHECK(a.prolong("view", *word, 50ms));
    CHECK(soon([&] { return b.acquire("view", 60s).has_value(); }));
  }

  SUBCASE("a lock may have any name") {
    const auto word = a.acquire(awkward_bytes(), 60s);
    REQUIRE(word);
    CHECK_FALSE(b.acquire(awkward_bytes(), 60s));
    CHECK(b.unlock(awkward_bytes(), *word));
  }
}

void check_cache(store& s) {
  lane_harness a(s);
  lane_harness b(s);

  SUBCASE("what was put can be got, by every lane, until it is replaced") {
    CHECK_FALSE(a.cache_get("key"));
    CHECK(a.cache_put("key", "one", 60s));
    CHECK(a.cache_get("key") == "one");
    CHECK(b.cache_get("key") == "one");
    CHECK(b.cache_put("key", "two", 60s));
    CHECK(a.cache_get("key") == "two");
    CHECK_FALSE(a.cache_get("another"));
  }

  SUBCASE("it goes after its time") {
    CHECK(a.cache_put("brief", "one", 100ms));
    CHECK(a.cache_put("long", "one", 60s));
    CHECK(soon([&] { return !a.cache_get("brief"); }));
    CHECK(a.cache_get("long") == "one");
    CHECK(a.cache_put("brief", "two", 60s));
    CHECK(a.cache_get("brief") == "two");
  }

  SUBCASE("any bytes come back as they were, in key and value") {
    const std::string large(1 << 20, '\r');
    CHECK(a.cache_put(awkward_bytes(), awkward_bytes(), 60s));
    CHECK(a.cache_put("large", large, 60s));
    CHECK(a.cache_put("empty", "", 60s));
    CHECK((b.cache_get(awkward_bytes()) == awkward_bytes()));
    CHECK((b.cache_get("large") == large));
    CHECK(b.cache_get("empty") == "");
  }
}

}  // namespace holdfast::tests
