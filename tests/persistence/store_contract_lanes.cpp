#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <string>
#include <vector>

#include "tests/persistence/store_contract.hpp"
#include "tests/persistence/store_contract_fixture.hpp"

using namespace std::chrono_literals;
using holdfast::persistence::commit;
using holdfast::persistence::entity;
using holdfast::persistence::restoration;
using holdfast::persistence::result;
using holdfast::persistence::store;
using holdfast::persistence::store_lane;
using holdfast::persistence::token;
using holdfast::persistence::verdict;

namespace holdfast::tests {
namespace {

// Starts every operation there is, with arguments of all kinds that are gone when it returns. `completed` is called
// with the place of the operation in the order of their start.
int start_everything(store_lane& lane, const entity& of, const token& by, const std::function<void(int)>& completed) {
  int started = 0;
  const auto done = [&] { return [n = started++, completed](const auto&) { completed(n); }; };
  const entity copy = of;
  const token copied = by;
  const std::string text = "some text that is too long for the space of a small string";
  lane.commit(snapshot_commit(copy, copied, 1, text), done());
  lane.load(copy, done());
  lane.read_events(copy, 0, 10, done());
  lane.time_to_live(copy, done());
  lane.extend(copy, copied, 60s, done());
  lane.list(copy.kind, copy.slot(), "", 10, done());
  lane.expire({copy.kind, text}, copied, done());
  lane.restore({copy, copied, {5, text, {}, {}}, {{1, text}}, {}, 0}, done());
  lane.owner(3, done());
  lane.release(3, copied, done());
  lane.claim(4, text.substr(0, 4) + "incarnation", 0, done());
  lane.owners(0, 5, done());
  lane.owners(0, 0, done());
  lane.read_view(done());
  lane.change_view(0, text, done());
  lane.acquire(text, 60s, done());
  lane.unlock(text, text, done());
  lane.prolong(text, text, 60s, done());
  lane.cache_get(text, done());
  lane.cache_put(text, text, 60s, done());
  return started;
}

// `count` commits of an entity of its own, one after the other; how many were answered `ok`.
int commit_in_a_row(store& s, const std::string& id, const token& by, int count) {
  lane_harness on(s);
  int ok = 0;
  for (int n = 1; n <= count; ++n)
    ok += on.commit(snapshot_commit({"session", id}, by, static_cast<std::uint64_t>(n), std::to_string(n))) ==
          verdict::ok;
  return ok;
}

}  // namespace

void check_lanes(store& s) {
  owner_harness o(s);

  SUBCASE("lanes of several threads work side by side") {
    constexpr int count = 100;
    const auto ids = ids_beside(o.of.id, 3);
    std::vector<std::future<int>> running;
    for (const auto& id : ids)
      running.push_back(std::async(std::launch::async, [&s, &o, id] { return commit_in_a_row(s, id, o.by, count); }));
    for (auto& r : running) CHECK(r.get() == count);
    for (const auto& id : ids) {
      const auto kept = o.load({"session", id});
      REQUIRE(kept);
      CHECK(kept->sequence == count);
      CHECK(kept->snapshot == std::to_string(count));
    }
  }

  SUBCASE("of two that create an entity at the same time, one does") {
    for (int round = 0; round < 20; ++round) {
      const entity of{"session", ids_beside(o.of.id, 21)[static_cast<std::size_t>(round) + 1]};
      const auto create = [&s, &o, &of](std::string snapshot) {
        lane_harness on(s);
        return on.commit(snapshot_commit(of, o.by, 1, std::move(snapshot)));
      };
      auto other = std::async(std::launch::async, create, "there");
      const verdict here = create("here");
      const verdict there = other.get();
      CHECK((here == verdict::ok) != (there == verdict::ok));
      CHECK((here == verdict::conflict) != (there == verdict::conflict));
      CHECK(o.load(of)->snapshot == (here == verdict::ok ? "here" : "there"));
    }
  }

  SUBCASE("of two that claim a slot at the same time, each gets an epoch of its own") {
    const auto claim = [&s](const char* incarnation) {
      lane_harness on(s);
      std::vector<std::uint64_t> epochs;
      for (int n = 0; n < 30; ++n) epochs.push_back(on.claim(11, incarnation).epoch);
      return epochs;
    };
    auto other = std::async(std::launch::async, claim, "there");
    auto all = claim("here");
    for (const auto epoch : other.get()) all.push_back(epoch);
    std::ranges::sort(all);
    CHECK(std::ranges::adjacent_find(all) == all.end());
    CHECK(o.owner(11)->epoch == all.back());
  }

  SUBCASE("what one lane was told to be done, the other sees") {
    lane_harness other(s);
    CHECK(o.create() == verdict::ok);
    CHECK(other.load(o.of)->sequence == 1);
    CHECK(other.commit(snapshot_commit(o.of, o.by, 2, "two")) == verdict::ok);
    CHECK(o.load(o.of)->snapshot == "two");
  }

  SUBCASE("many operations may be under way at once") {
    const auto ids = ids_beside(o.of.id, 200);
    std::size_t ok = 0, answered = 0;
    for (const auto& id : ids)
      o.lane().commit(snapshot_commit({"session", id}, o.by, 1, id), [&](const result<verdict>& r) {
        ++answered;
        ok += r && *r == verdict::ok;
      });
    o.run_until([&] { return answered == ids.size(); });
    CHECK(ok == ids.size());
    CHECK(soon([&] { return s.health().waiting == 0; }));
  }
}

void check_completions(store& s) {
  owner_harness o(s);
  const token by = o.by;

  SUBCASE("each operation completes once, on the loop's thread, and not from within the call") {
    std::vector<int> completed;
    bool within = true, elsewhere = false;
    const auto here = std::this_thread::get_id();
    const int started = start_everything(o.lane(), o.of, by, [&](int n) {
      if (within) completed.push_back(-1);
      elsewhere = elsewhere || std::this_thread::get_id() != here;
      completed.push_back(n);
    });
    within = false;
    o.run_until([&] { return completed.size() >= static_cast<std::size_t>(started); });
    o.io().run_for(50ms);
    std::ranges::sort(completed);
    REQUIRE(completed.size() == static_cast<std::size_t>(started));
    for (int n = 0; n < started; ++n) CHECK(completed[static_cast<std::size_t>(n)] == n);
    CHECK_FALSE(elsewhere);
    CHECK(soon([&] { return s.health().waiting == 0; }));
  }

  SUBCASE("nothing completes once the lane is gone, and what it asked for is let go") {
    int completed = 0;
    const auto witness = std::make_shared<int>(0);
    start_everything(o.lane(), o.of, by, [&completed, witness](int) { ++completed; });
    o.destroy_lane();
    o.io().run_for(50ms);
    CHECK(completed == 0);
    CHECK(soon([&] {
      o.io().poll();
      return witness.use_count() == 1;
    }));
    CHECK(soon([&] { return s.health().waiting == 0; }));
    lane_harness other(s);
    CHECK(other.owner(o.of.slot()) == by);
  }

  SUBCASE("a completion may start the next operation, or destroy the lane") {
    int completed = 0;
    o.lane().claim(5, "first", 0, [&](const result<std::optional<token>>& t) {
      REQUIRE(t.has_value());
      o.lane().release(5, t->value(), [&](const result<verdict>& v) {
        REQUIRE(v.has_value());
        completed += *v == verdict::ok ? 1 : 100;
        o.lane().load(o.of, [&](const auto&) { completed += 100; });
        o.destroy_lane();
      });
    });
    o.run_until([&] { return completed > 0; });
    o.io().run_for(50ms);
    CHECK(completed == 1);
  }

  SUBCASE("a lane may be destroyed and replaced under work") {
    for (int round = 0; round < 20; ++round) {
      lane_harness brief(s);
      start_everything(brief.lane(), o.of, by, [](int) {});
      if (round % 2 == 0) brief.io().run_one_for(5ms);
    }
    CHECK(o.owner(o.of.slot()) == by);
    CHECK(o.expire(o.of, by) != verdict::fenced);
  }
}

}  // namespace holdfast::tests
