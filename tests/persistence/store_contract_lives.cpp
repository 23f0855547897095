#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/persistence/store_contract.hpp"
#include "tests/persistence/store_contract_fixture.hpp"

using namespace std::chrono_literals;
using holdfast::persistence::entity;
using holdfast::persistence::listed;
using holdfast::persistence::record;
using holdfast::persistence::store;
using holdfast::persistence::verdict;

namespace holdfast::tests {
namespace {

constexpr auto forever = std::chrono::milliseconds::max();

// All pages of a list. Fails if there is no end to them or an entity comes twice.
std::map<std::string, listed> whole_list(lane_harness& on, std::string_view kind, std::uint16_t slot, std::size_t max) {
  std::map<std::string, listed> all;
  std::string cursor;
  for (int pages = 0; pages < 1'000; ++pages) {
    const auto page = on.list(kind, slot, cursor, max);
    for (const auto& e : page.entries) CHECK(all.emplace(e.id, e).second);
    if (page.next.empty()) return all;
    cursor = page.next;
  }
  FAIL_CHECK("the list has no end");
  return all;
}

}  // namespace

void check_lifetimes(store& s) {
  owner_harness o(s);

  SUBCASE("an entity without a limit stays, one that is not there has none") {
    CHECK_FALSE(o.time_to_live(o.of));
    CHECK(o.extend(o.of, o.by, 60s) == verdict::conflict);
    CHECK_FALSE(o.load(o.of));
    CHECK(o.create() == verdict::ok);
    CHECK(o.time_to_live(o.of) == forever);
  }

  SUBCASE("a commit sets the time to live, or leaves it as it was") {
    auto c = snapshot_commit(o.of, o.by, 1, "one");
    c.time_to_live = 60s;
    CHECK(o.commit(c) == verdict::ok);
    CHECK(*o.time_to_live(o.of) <= 60s);
    CHECK(*o.time_to_live(o.of) > 50s);
    CHECK(o.commit(snapshot_commit(o.of, o.by, 2, "two")) == verdict::ok);
    CHECK(*o.time_to_live(o.of) <= 60s);
    CHECK(*o.time_to_live(o.of) > 50s);
    c = snapshot_commit(o.of, o.by, 3, "three");
    c.time_to_live = 3'600s;
    CHECK(o.commit(c) == verdict::ok);
    CHECK(*o.time_to_live(o.of) <= 3'600s);
    CHECK(*o.time_to_live(o.of) > 3'500s);
  }

  SUBCASE("extension counts from now, either way") {
    CHECK(o.create() == verdict::ok);
    CHECK(o.extend(o.of, o.by, 3'600s) == verdict::ok);
    CHECK(*o.time_to_live(o.of) > 3'500s);
    CHECK(o.extend(o.of, o.by, 60s) == verdict::ok);
    CHECK(*o.time_to_live(o.of) <= 60s);
    CHECK(*o.time_to_live(o.of) > 50s);
    CHECK(o.load(o.of)->sequence == 1);
    CHECK(o.commit(snapshot_commit(o.of, o.by, 2, "two")) == verdict::ok);
  }

  SUBCASE("when its time is over, an entity is gone with all it had") {
    CHECK(o.create() == verdict::ok);
    CHECK(o.extend(o.of, o.by, 150ms) == verdict::ok);
    CHECK(soon([&] { return !o.load(o.of); }));
    CHECK_FALSE(o.time_to_live(o.of));
    CHECK(o.read_events(o.of).empty());
    CHECK(o.list("session", o.of.slot()).entries.empty());
    CHECK(o.extend(o.of, o.by, 60s) == verdict::conflict);
    CHECK(o.expire(o.of, o.by) == verdict::conflict);
    CHECK(o.commit(snapshot_commit(o.of, o.by, 2, "late")) == verdict::conflict);
    CHECK(o.commit(snapshot_commit(o.of, o.by, 1, "anew")) == verdict::ok);
    CHECK(o.load(o.of) == record{1, "anew", {}, {}});
    CHECK(o.read_events(o.of).empty());
    CHECK(o.time_to_live(o.of) == forever);
  }

  SUBCASE("an entity lives no shorter than it was given") {
    auto c = snapshot_commit(o.of, o.by, 1, "one");
    c.time_to_live = 200ms;
    const auto start = std::chrono::steady_clock::now();
    CHECK(o.commit(c) == verdict::ok);
    CHECK(soon([&] { return !o.load(o.of); }));
    CHECK(std::chrono::steady_clock::now() - start >= 195ms);
  }

  SUBCASE("what was added after an extension lives as long") {
    CHECK(o.create() == verdict::ok);
    CHECK(o.extend(o.of, o.by, 300ms) == verdict::ok);
    auto c = o.next();
    c.events = {{4, "event 4"}};
    c.parts = {{"p4", "part 4"}};
    c.time_to_live = 60s;
    CHECK(o.commit(c) == verdict::ok);
    const auto over = std::chrono::steady_clock::now() + 350ms;
    CHECK(soon([&] { return std::chrono::steady_clock::now() > over; }));
    REQUIRE(o.load(o.of));
    CHECK(o.load(o.of)->parts.size() == 3);
    CHECK(o.load(o.of)->journal.size() == 2);
    CHECK(o.read_events(o.of).size() == 4);
  }
}

void check_lists(store& s) {
  owner_harness o(s);
  const auto ids = ids_beside(o.of.id, 25);
  for (const auto& id : ids) {
    auto c = snapshot_commit({"session", id}, o.by, 1, "one");
    c.open_executions = static_cast<std::uint32_t>(&id - ids.data());
    if (c.open_executions % 2 == 1) c.time_to_live = 60s;
    CHECK(o.commit(c) == verdict::ok);
  }
  CHECK(o.commit(snapshot_commit({"execution", o.of.id}, o.by, 1, "of another kind")) == verdict::ok);
  const entity elsewhere{"session", "elsewhere"};
  REQUIRE(elsewhere.slot() != o.of.slot());
  CHECK(o.commit(snapshot_commit(elsewhere, o.claim(elsewhere.slot(), "first"), 1, "elsewhere")) == verdict::ok);

  SUBCASE("a list holds each entity of a kind and slot once, in pages of any size") {
    for (const std::size_t max : {1, 4, 24, 25, 1'000}) {
      const auto all = whole_list(o, "session", o.of.slot(), max);
      CHECK(all.size() == ids.size());
      for (const auto& id : ids) CHECK(all.contains(id));
    }
    CHECK(whole_list(o, "execution", o.of.slot(), 4).size() == 1);
    CHECK(whole_list(o, "upstream", o.of.slot(), 4).empty());
    CHECK(whole_list(o, "session", elsewhere.slot(), 4).size() == 1);
    CHECK(whole_list(o, "session", (o.of.slot() + 1) % 1024, 4).empty());
  }

  SUBCASE("it says how many executions are open, and how long an entity stays") {
    const auto all = whole_list(o, "session", o.of.slot(), 10);
    for (std::size_t n = 0; n < ids.size(); ++n) {
      const auto& line = all.at(ids[n]);
      CHECK(line.open_executions == n);
      REQUIRE(line.expires_in.has_value() == (n % 2 == 1));
      if (line.expires_in) CHECK(*line.expires_in <= 60s);
      if (line.expires_in) CHECK(*line.expires_in > 50s);
    }
    CHECK(o.commit(snapshot_commit({"session", ids[5]}, o.by, 2, "all closed")) == verdict::ok);
    CHECK(whole_list(o, "session", o.of.slot(), 10).at(ids[5]).open_executions == 0);
  }

  SUBCASE("what ended or expired is in it no more") {
    CHECK(o.expire({"session", ids[3]}, o.by) == verdict::ok);
    CHECK(o.extend({"session", ids[4]}, o.by, 100ms) == verdict::ok);
    CHECK(soon([&] { return whole_list(o, "session", o.of.slot(), 10).size() == ids.size() - 2; }));
    const auto all = whole_list(o, "session", o.of.slot(), 10);
    CHECK_FALSE(all.contains(ids[3]));
    CHECK_FALSE(all.contains(ids[4]));
  }

  SUBCASE("changes between the pages cost no other entity its place") {
    auto page = o.list("session", o.of.slot(), "", 5);
    std::set<std::string> seen;
    const auto note = [&] {
      for (const auto& e : page.entries) seen.insert(e.id);
    };
    note();
    if (!page.entries.empty()) CHECK(o.expire({"session", page.entries.back().id}, o.by) == verdict::ok);
    for (int pages = 0; !page.next.empty() && pages < 1'000; ++pages) {
      page = o.list("session", o.of.slot(), page.next, 5);
      note();
    }
    for (const auto& id : ids)
      if (o.load({"session", id})) CHECK(seen.contains(id));
  }
}

}  // namespace holdfast::tests
