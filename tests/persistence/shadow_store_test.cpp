#include "persistence/shadow_store.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <thread>

#include "persistence/shadow/mirror_impl.hpp"
#include "persistence/stores_impl.hpp"
#include "tests/persistence/store_contract.hpp"
#include "tests/persistence/store_contract_fixture.hpp"
#include "tests/persistence/wayward_store.hpp"

using namespace std::chrono_literals;
using namespace holdfast::tests;
using holdfast::persistence::entity;
using holdfast::persistence::event;
using holdfast::persistence::record;
using holdfast::persistence::shadow_limits;
using holdfast::persistence::stage;
using holdfast::persistence::store;
using holdfast::persistence::store_options;
using holdfast::persistence::token;
using holdfast::persistence::verdict;

namespace {

std::unique_ptr<store> memory() { return holdfast::persistence::open_memory(store_options{}).value(); }

shadow_limits brisk() {
  shadow_limits l;
  l.loads_compared = 1;
  l.look_again = 20ms;
  return l;
}

// Two stores to look at directly, and their shadowed union, which can be taken away and put up anew.
struct pair_of_stores {
  std::shared_ptr<store> primary = memory();
  std::shared_ptr<store> shadow = memory();
  lane_harness in_primary{*primary};
  lane_harness in_shadow{*shadow};
  wayward_store* before_shadow = nullptr;
  std::unique_ptr<store> both;

  void attach(const shadow_limits& l = brisk(), std::function<void()> before_events = {}) {
    auto wayward = std::make_unique<wayward_store>(shadow);
    before_shadow = wayward.get();
    auto before_primary = std::make_unique<wayward_store>(primary);
    before_primary->before_events = std::move(before_events);
    both = holdfast::persistence::with_shadow(std::move(before_primary), std::move(wayward), l);
  }
  std::uint64_t differences() const { return both->health().differences; }

  bool alike(const entity& of) {
    return in_primary.load(of) == in_shadow.load(of) && in_primary.read_events(of) == in_shadow.read_events(of);
  }
  bool soon_alike(const entity& of) {
    return soon([&] { return alike(of); });
  }

  // Puts an entity of other content into the shadow, past the one who writes there.
  void tamper(const entity& of, std::uint64_t sequence) {
    const token by = in_shadow.claim(of.slot(), "meddler");
    CHECK(in_shadow.restore({of, by, {sequence, "tampered", {}, {}}, {}, {}, 0}) == verdict::ok);
  }
};

}  // namespace

TEST_CASE("a shadowed store keeps the contract") {
  check_store_contract([] { return holdfast::persistence::with_shadow(memory(), memory()); });
}

TEST_CASE("what the primary takes, its shadow takes under tokens of its own") {
  pair_of_stores p;
  const entity of{"session", "e1"};
  for (int n = 0; n < 5; ++n) p.in_shadow.claim(of.slot(), "before");
  p.attach();
  owner_harness o(*p.both);
  CHECK(o.by.epoch == 1);
  CHECK(o.create() == verdict::ok);
  CHECK(p.soon_alike(of));
  CHECK(p.in_shadow.owner(of.slot())->epoch == 6);

  auto c = o.next();
  c.events = {{4, "event 4"}};
  c.journal = {{"x1", {stage::result, "answer"}}};
  c.parts_dropped = {"p1"};
  c.events_dropped_before = 2;
  CHECK(o.commit(c) == verdict::ok);
  CHECK(p.soon_alike(of));
  CHECK(o.extend(of, o.by, 60s) == verdict::ok);
  CHECK(soon([&] { return *p.in_shadow.time_to_live(of) <= 60s; }));
  CHECK(o.restore({of, o.by, {40, "forty", {}, {}}, {{9, "event 9"}}, {}, 0}) == verdict::ok);
  CHECK(p.soon_alike(of));

  SUBCASE("an end by commit") {
    auto last = snapshot_commit(of, o.by, 41, "");
    last.ends = true;
    CHECK(o.commit(last) == verdict::ok);
  }
  SUBCASE("an end by expiry") { CHECK(o.expire(of, o.by) == verdict::ok); }
  CHECK(soon([&] { return !p.in_shadow.load(of); }));
  CHECK(o.release(of.slot(), o.by) == verdict::ok);
  CHECK(soon([&] { return !p.in_shadow.owner(of.slot()); }));
  CHECK(p.differences() == 0);
}

TEST_CASE("a shadow has a view of its own, and is claimed under it") {
  pair_of_stores p;
  const entity of{"session", "e1"};
  REQUIRE(p.in_shadow.change_view(0, "of long ago") == verdict::ok);
  REQUIRE(p.in_shadow.change_view(1, "of its last days as a primary") == verdict::ok);
  p.in_shadow.claim(of.slot(), "before", 2);
  p.attach();
  lane_harness o(*p.both);
  CHECK(o.change_view(0, "now") == verdict::ok);
  const token by = o.claim(of.slot(), "first", 1);
  CHECK(o.commit(snapshot_commit(of, by, 1, "one")) == verdict::ok);
  CHECK(p.soon_alike(of));
  CHECK(p.in_shadow.owner(of.slot())->incarnation == "first");
  CHECK(p.in_shadow.read_view()->version == 2);
  CHECK(p.in_primary.read_view() == o.read_view());

  CHECK_FALSE(o.try_claim(of.slot(), "second", 0));
  CHECK(o.commit(snapshot_commit(of, by, 2, "two")) == verdict::ok);
  CHECK(p.soon_alike(of));
  CHECK(p.in_shadow.owner(of.slot())->incarnation == "first");
  CHECK(o.owners(of.slot(), 1).at(0) == by);
  CHECK(p.differences() == 0);
}

TEST_CASE("what the primary refuses never comes to its shadow") {
  pair_of_stores p;
  p.attach();
  owner_harness o(*p.both);
  CHECK(o.create() == verdict::ok);
  CHECK(o.commit(snapshot_commit(o.of, o.by, 1, "other")) == verdict::conflict);
  CHECK(o.commit(snapshot_commit(o.of, o.by, 7, "gap")) == verdict::conflict);
  CHECK(o.commit(snapshot_commit(o.of, token{9, "x"}, 2, "fenced")) == verdict::fenced);
  const token next = o.claim(o.of.slot(), "first");
  CHECK(o.expire(o.of, o.by) == verdict::fenced);
  CHECK(o.release(o.of.slot(), o.by) == verdict::fenced);
  CHECK(o.commit(snapshot_commit(o.of, next, 2, "two")) == verdict::ok);
  CHECK(p.soon_alike(o.of));
  CHECK(p.in_shadow.owner(o.of.slot()) == token{2, "first"});
  CHECK(p.differences() == 0);
}

TEST_CASE("a shadow that is attached later gets what was there before") {
  pair_of_stores p;
  const auto ids = ids_beside("e1", 40);
  const std::uint16_t slot = holdfast::persistence::slot_of("e1");
  {
    const token by = p.in_primary.claim(slot, "before");
    for (const auto& id : ids) {
      auto c = snapshot_commit({"session", id}, by, 1, id);
      for (std::uint64_t n = 1; n <= 300; ++n) c.events.push_back({n, std::to_string(n)});
      c.journal = {{"open", {stage::intent, ""}}, {"done", {stage::result, ""}}};
      c.open_executions = 1;
      c.time_to_live = 60s;
      CHECK(p.in_primary.commit(c) == verdict::ok);
      CHECK(p.in_primary.commit(snapshot_commit({"session", id}, by, 2, id + "!")) == verdict::ok);
    }
    CHECK(p.in_primary.commit(snapshot_commit({"upstream", "e1"}, by, 1, "up")) == verdict::ok);
  }

  SUBCASE("by the claim alone, with all that belongs to it") {
    p.attach();
    owner_harness o(*p.both);
    for (const auto& id : ids) CHECK(p.soon_alike({"session", id}));
    CHECK(p.soon_alike({"upstream", "e1"}));
    CHECK(*p.in_shadow.time_to_live(o.of) <= 60s);
    CHECK(p.in_shadow.time_to_live({"upstream", "e1"}) == std::chrono::milliseconds::max());
    CHECK(p.in_shadow.list("session", slot, "", 1).entries.at(0).open_executions == 1);
    CHECK(p.differences() == 0);
  }
  SUBCASE("while commits go on") {
    // Long enough for a thread that has to wait for a core between a commit and telling of it.
    auto limits = brisk();
    limits.look_again = 1s;
    p.attach(limits);
    owner_harness o(*p.both);
    for (std::uint64_t n = 3; n < 30; ++n)
      for (std::size_t i = 0; i < 10; ++i)
        CHECK(o.commit(snapshot_commit({"session", ids[i]}, o.by, n, std::to_string(n))) == verdict::ok);
    for (const auto& id : ids) CHECK(p.soon_alike({"session", id}));
    CHECK(p.differences() == 0);
  }
  SUBCASE("and loses what is there no more") {
    const token by = p.in_shadow.claim(slot, "long ago");
    const entity gone{"execution", ids[1]};
    CHECK(p.in_shadow.commit(snapshot_commit(gone, by, 1, "left over")) == verdict::ok);
    CHECK(p.in_shadow.commit(snapshot_commit({"session", ids[3]}, by, 1, "old")) == verdict::ok);
    p.attach();
    owner_harness o(*p.both);
    CHECK(soon([&] { return !p.in_shadow.load(gone); }));
    for (const auto& id : ids) CHECK(p.soon_alike({"session", id}));
    CHECK(p.differences() == 1);
  }
}

TEST_CASE("other content in the shadow is found by a load, counted and repaired") {
  pair_of_stores p;
  p.attach();
  owner_harness o(*p.both);
  CHECK(o.create() == verdict::ok);
  CHECK(p.soon_alike(o.of));
  std::uint64_t sequence = 1;
  SUBCASE("under the same number") {}
  SUBCASE("ahead of the primary") { sequence = 9; }
  SUBCASE("behind it") {
    CHECK(o.commit(o.next()) == verdict::ok);
    CHECK(p.soon_alike(o.of));
  }
  p.tamper(o.of, sequence);
  // The meddler's claim fences whoever writes to the shadow, which is found out and counted when it does.
  CHECK(o.load(o.of));
  CHECK(soon([&] { return p.differences() >= 1; }));
  CHECK(o.commit(o.next()) == verdict::ok);
  CHECK(soon([&] {
    o.load(o.of);
    return p.alike(o.of);
  }));
  CHECK(p.differences() >= 2);
}

TEST_CASE("a commit that does not follow on in the shadow is counted and repaired") {
  pair_of_stores p;
  p.attach();
  owner_harness o(*p.both);
  CHECK(o.create() == verdict::ok);
  CHECK(p.soon_alike(o.of));
  p.tamper(o.of, 7);
  CHECK(o.commit(o.next()) == verdict::ok);
  CHECK(p.soon_alike(o.of));
  CHECK(p.differences() >= 2);
}

TEST_CASE("an entity that the shadow has lost is copied anew when it is written to") {
  pair_of_stores p;
  p.attach();
  owner_harness o(*p.both);
  CHECK(o.create() == verdict::ok);
  CHECK(p.soon_alike(o.of));
  CHECK(p.in_shadow.expire(o.of, p.in_shadow.claim(o.of.slot(), "meddler")) == verdict::ok);
  SUBCASE("by a commit") { CHECK(o.commit(o.next()) == verdict::ok); }
  SUBCASE("by an extension") { CHECK(o.extend(o.of, o.by, 60s) == verdict::ok); }
  CHECK(soon([&] { return p.in_shadow.load(o.of).has_value(); }));
  CHECK(p.soon_alike(o.of));
}

TEST_CASE("an entity that changes while it is copied is copied as it was at one time") {
  pair_of_stores p;
  const entity of{"session", "e1"};
  const token before = p.in_primary.claim(of.slot(), "before");
  auto first = snapshot_commit(of, before, 1, "one");
  first.events = {{1, "event 1"}};
  CHECK(p.in_primary.commit(first) == verdict::ok);
  p.attach(brisk(), [&, primary = p.primary] {
    lane_harness on(*primary);
    auto second = snapshot_commit(of, *on.owner(of.slot()), 2, "two");
    second.events = {{2, "event 2"}};
    CHECK(on.commit(second) == verdict::ok);
  });
  lane_harness o(*p.both);
  o.claim(of.slot(), "first");
  CHECK(soon([&] { return p.in_shadow.load(of).has_value(); }));
  CHECK(p.in_shadow.load(of)->sequence == 2);
  CHECK(p.alike(of));
}

TEST_CASE("a shadow that is down costs no answer, and is brought up to date when it is back") {
  pair_of_stores p;
  p.attach();
  owner_harness o(*p.both);
  CHECK(o.create() == verdict::ok);
  CHECK(p.soon_alike(o.of));
  p.before_shadow->be_down();
  for (int n = 0; n < 10; ++n) CHECK(o.commit(o.next()) == verdict::ok);
  CHECK(o.extend(o.of, o.by, 60s) == verdict::ok);
  CHECK(soon([&] { return p.differences() >= 11; }));
  CHECK(p.both->health().available);
  CHECK(p.both->health().detail.find("wayward") != std::string::npos);
  p.before_shadow->be_well();
  CHECK(o.commit(o.next()) == verdict::ok);
  CHECK(p.soon_alike(o.of));
  CHECK(*p.in_shadow.time_to_live(o.of) <= 60s);
  CHECK(p.differences() >= 12);
}

TEST_CASE("a shadow that is down when a slot is claimed gets its entities when it is back") {
  pair_of_stores p;
  p.attach();
  p.before_shadow->be_down();
  owner_harness o(*p.both);
  CHECK(o.create() == verdict::ok);
  CHECK(soon([&] { return p.differences() == 1; }));
  p.before_shadow->be_well();
  CHECK(o.commit(o.next()) == verdict::ok);
  CHECK(p.soon_alike(o.of));
  CHECK(p.differences() == 1);
}

TEST_CASE("a shadow that never answers holds up neither answers nor the end, and takes bounded room") {
  pair_of_stores p;
  auto limits = brisk();
  limits.last_writes_max = 50ms;
  std::uint64_t missed = 0;
  SUBCASE("bounded by count") {
    limits.waiting_max = 20;
    missed = 81;  // of a claim and 100 commits
  }
  SUBCASE("bounded by bytes") {
    limits.bytes_max = 100'000;
    missed = 90;
  }
  p.attach(limits);
  p.before_shadow->be_silent();
  owner_harness o(*p.both);
  for (int n = 0; n < 100; ++n) {
    auto c = o.next();
    c.snapshot = std::string(10'000, 's');
    CHECK(o.commit(c) == verdict::ok);
    CHECK(o.load(o.of)->sequence == o.sequence);
  }
  CHECK(p.differences() >= missed);
  const auto start = std::chrono::steady_clock::now();
  o.destroy_lane();
  p.both.reset();
  CHECK(std::chrono::steady_clock::now() - start < 5s);
}

TEST_CASE("the last writes come to the shadow before a store is closed") {
  pair_of_stores p;
  p.attach();
  owner_harness o(*p.both);
  for (int n = 0; n < 200; ++n) CHECK(o.commit(o.next()) == verdict::ok);
  o.destroy_lane();
  p.both.reset();
  CHECK(p.alike(o.of));
  CHECK(p.in_shadow.load(o.of)->sequence == 200);
}

TEST_CASE("when the shadow's history changes, its slots are claimed and compared anew") {
  pair_of_stores p;
  p.attach();
  owner_harness o(*p.both);
  CHECK(o.create() == verdict::ok);
  CHECK(p.soon_alike(o.of));
  const token lost = p.in_shadow.claim(o.of.slot(), "of another history");
  CHECK(p.in_shadow.expire(o.of, lost) == verdict::ok);
  p.before_shadow->change_history();
  CHECK(p.soon_alike(o.of));
  CHECK(p.in_shadow.owner(o.of.slot())->incarnation == "first");
  CHECK(p.differences() == 0);
}

TEST_CASE("what is on its way to the shadow is no difference") {
  pair_of_stores p;
  const entity of{"session", "e1"};
  holdfast::persistence::shadow::mirror m(*p.primary, *p.shadow, brisk());
  const auto write = [&](const token& by, std::uint64_t sequence) {
    auto c = snapshot_commit(of, by, sequence, "s" + std::to_string(sequence));
    CHECK(p.in_primary.commit(c) == verdict::ok);
    return c;
  };
  const token by = p.in_primary.claim(of.slot(), "first");
  const auto one = write(by, 1);

  SUBCASE("a claim") {
    CHECK(p.in_primary.claim(of.slot(), "first").epoch == 2);
    m.tell(holdfast::persistence::shadow::claimed{of.slot(), by});
    m.tell(holdfast::persistence::shadow::committed{one});
    CHECK(p.soon_alike(of));
    CHECK(m.differences() == 0);
  }
  SUBCASE("a commit") {
    m.tell(holdfast::persistence::shadow::claimed{of.slot(), by});
    m.tell(holdfast::persistence::shadow::committed{one});
    CHECK(p.soon_alike(of));
    auto expected = m.expect(of.slot());
    const auto two = write(by, 2);
    m.tell(holdfast::persistence::shadow::looked_at{of});
    std::this_thread::sleep_for(10 * brisk().look_again);
    CHECK(m.differences() == 0);
    SUBCASE("that is told") {
      m.tell(holdfast::persistence::shadow::committed{two});
      expected.reset();
      CHECK(p.soon_alike(of));
      std::this_thread::sleep_for(10 * brisk().look_again);
      CHECK(m.differences() == 0);
    }
    SUBCASE("that is never told") {
      expected.reset();
      CHECK(soon([&] { return m.differences() == 1; }));
      CHECK(p.soon_alike(of));
    }
  }
}

TEST_CASE("a node that joins anew goes on in its shadow as another incarnation") {
  pair_of_stores p;
  p.attach();
  owner_harness o(*p.both);
  CHECK(o.create() == verdict::ok);
  CHECK(p.soon_alike(o.of));
  const token anew = o.claim(o.of.slot(), "second");
  CHECK(o.commit(snapshot_commit(o.of, anew, 2, "two")) == verdict::ok);
  CHECK(p.soon_alike(o.of));
  CHECK(p.in_shadow.owner(o.of.slot()) == token{2, "second"});
  CHECK(p.differences() == 0);
}

TEST_CASE("a node that lost its slot does not fence the new owner's shadow") {
  pair_of_stores p;
  p.attach();
  owner_harness o(*p.both);
  CHECK(o.create() == verdict::ok);
  CHECK(p.soon_alike(o.of));
  p.before_shadow->be_silent();
  CHECK(o.extend(o.of, o.by, 60s) == verdict::ok);
  CHECK(o.commit(o.next()) == verdict::ok);

  const auto elsewhere = holdfast::persistence::with_shadow(std::make_unique<wayward_store>(p.primary),
                                                            std::make_unique<wayward_store>(p.shadow), brisk());
  lane_harness other(*elsewhere);
  const token theirs = other.claim(o.of.slot(), "second");
  CHECK(other.commit(snapshot_commit(o.of, theirs, 3, "theirs")) == verdict::ok);
  CHECK(p.soon_alike(o.of));
  p.before_shadow->be_well();
  CHECK(soon([&] { return p.differences() >= 3; }));
  CHECK(p.in_shadow.owner(o.of.slot())->incarnation == "second");
  CHECK(other.commit(snapshot_commit(o.of, theirs, 4, "and still theirs")) == verdict::ok);
  CHECK(p.soon_alike(o.of));
}

TEST_CASE("after any writes from several lanes, the shadow is like the primary") {
  pair_of_stores p;
  p.attach();
  const std::uint32_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto upto = [&](std::uint32_t n) { return random() % n; };
  owner_harness first(*p.both);
  lane_harness second(*p.both);
  // Six at a time; an id does not come back once its entity has ended.
  auto spare = ids_beside(first.of.id, 200);
  const auto next_id = [&] {
    const auto id = spare.back();
    spare.pop_back();
    return id;
  };
  std::vector<std::string> used, ids;
  while (ids.size() < 6) used.push_back(ids.emplace_back(next_id()));
  std::vector<std::uint64_t> sequences(ids.size());
  const auto ends = [&](std::size_t i) {
    used.push_back(ids[i] = next_id());
    sequences[i] = 0;
  };
  token by = first.by;
  for (int n = 0; n < 600; ++n) {
    const std::size_t i = upto(static_cast<std::uint32_t>(ids.size()));
    // An entity has its writer, as its actor would be.
    lane_harness& on = i % 2 == 0 ? first : second;
    const entity of{"session", ids[i]};
    if (upto(10) != 0 || sequences[i] == 0) {
      auto c = snapshot_commit(of, by, ++sequences[i], std::to_string(random()));
      c.events = {{sequences[i], std::to_string(n)}};
      c.events_dropped_before = sequences[i] > 5 ? sequences[i] - 5 : 0;
      c.parts = {{std::to_string(upto(4)), "part"}};
      c.ends = sequences[i] > 1 && upto(20) == 0;
      CHECK(on.commit(c) == verdict::ok);
      if (c.ends) ends(i);
    } else if (upto(2) == 0) {
      CHECK(on.expire(of, by) == verdict::ok);
      ends(i);
    } else {
      CHECK(on.load(of));
    }
    if (upto(100) == 0) by = on.claim(of.slot(), "first");
  }
  for (const auto& id : used) CHECK(p.soon_alike({"session", id}));
  CHECK(p.differences() == 0);
}
