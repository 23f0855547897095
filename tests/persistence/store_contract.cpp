#include "tests/persistence/store_contract.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/persistence/store_contract_fixture.hpp"

using namespace std::chrono_literals;
using holdfast::persistence::entity;
using holdfast::persistence::event;
using holdfast::persistence::journal_entry;
using holdfast::persistence::record;
using holdfast::persistence::restoration;
using holdfast::persistence::stage;
using holdfast::persistence::store;
using holdfast::persistence::token;
using holdfast::persistence::verdict;

namespace holdfast::tests {
namespace {

// What a look at the entity of `o` shows, to find that nothing has changed.
struct sight {
  std::optional<record> kept;
  std::vector<event> events;
  bool limited = false;
  bool operator==(const sight&) const = default;
};

sight look_at(owner_harness& o) {
  const auto left = o.time_to_live(o.of);
  return {o.load(o.of), o.read_events(o.of), left && *left != std::chrono::milliseconds::max()};
}

// A commit that would change everything.
persistence::commit thorough(owner_harness& o, std::uint64_t sequence) {
  auto c = snapshot_commit(o.of, o.by, sequence, "refused");
  c.parts = {{"p3", "part 3"}};
  c.parts_dropped = {"p1"};
  c.journal = {{"x1", {stage::result, "refused"}}, {"x3", {stage::intent, "refused"}}};
  c.journal_dropped = {"x2"};
  c.events = {{10, "refused"}};
  c.events_dropped_before = 3;
  c.time_to_live = 60s;
  return c;
}

}  // namespace

void check_store_contract(const make_store& make) {
  const auto s = make();
  REQUIRE(s != nullptr);
  SUBCASE("commits") { check_commits(*s); }
  SUBCASE("refusals") { check_refusals(*s); }
  SUBCASE("contents") { check_contents(*s); }
  SUBCASE("events") { check_events(*s); }
  SUBCASE("endings") { check_endings(*s); }
  SUBCASE("restorations") { check_restorations(*s); }
  SUBCASE("lifetimes") { check_lifetimes(*s); }
  SUBCASE("lists") { check_lists(*s); }
  SUBCASE("slots") { check_slots(*s); }
  SUBCASE("claims") { check_claims(*s); }
  SUBCASE("view") { check_view(*s); }
  SUBCASE("locks") { check_locks(*s); }
  SUBCASE("cache") { check_cache(*s); }
  SUBCASE("lanes") { check_lanes(*s); }
  SUBCASE("completions") { check_completions(*s); }
}

void check_commits(store& s) {
  owner_harness o(s);

  SUBCASE("the first commit creates an entity") {
    CHECK_FALSE(o.load(o.of));
    CHECK(o.commit(snapshot_commit(o.of, o.by, 1, "hello")) == verdict::ok);
    CHECK(o.load(o.of) == record{1, "hello", {}, {}});
  }

  SUBCASE("only a commit numbered 1 creates one") {
    CHECK(o.commit(snapshot_commit(o.of, o.by, 0, "zero")) == verdict::conflict);
    CHECK(o.commit(snapshot_commit(o.of, o.by, 2, "two")) == verdict::conflict);
    CHECK_FALSE(o.load(o.of));
  }

  SUBCASE("a commit numbered 1 must not find an entity") {
    CHECK(o.create() == verdict::ok);
    const auto before = look_at(o);
    CHECK(o.commit(thorough(o, 1)) == verdict::conflict);
    CHECK(look_at(o) == before);
  }

  SUBCASE("commits follow each other without a gap") {
    for (std::uint64_t n = 1; n <= 12; ++n) {
      CHECK(o.commit(snapshot_commit(o.of, o.by, n, std::to_string(n))) == verdict::ok);
      CHECK(o.commit(snapshot_commit(o.of, o.by, n + 2, "gap")) == verdict::conflict);
    }
    CHECK(o.load(o.of) == record{12, "12", {}, {}});
  }

  SUBCASE("a repeated commit is a duplicate and happens once") {
    CHECK(o.create() == verdict::ok);
    auto c = o.next();
    c.events = {{4, "event 4"}};
    c.journal = {{"x1", {stage::result, "answer"}}};
    CHECK(o.commit(c) == verdict::ok);
    const auto before = look_at(o);
    CHECK(o.commit(c) == verdict::duplicate);
    c.time_to_live = 60s;  // says nothing about the content
    CHECK(o.commit(c) == verdict::duplicate);
    CHECK(look_at(o).kept == before.kept);
    CHECK(o.read_events(o.of).size() == 4);
    CHECK(o.commit(snapshot_commit(o.of, o.by, 3, "after")) == verdict::ok);
    CHECK(o.commit(c) == verdict::conflict);
  }

  SUBCASE("entities of one slot or of one id do not meet") {
    const auto ids = ids_beside(o.of.id, 2);
    const entity beside{"session", ids[1]};
    const entity namesake{"execution", o.of.id};
    CHECK(o.create() == verdict::ok);
    CHECK(o.commit(snapshot_commit(beside, o.by, 1, "beside")) == verdict::ok);
    CHECK(o.commit(snapshot_commit(namesake, o.by, 1, "namesake")) == verdict::ok);
    CHECK(o.load(o.of)->snapshot == "one");
    CHECK(o.load(beside) == record{1, "beside", {}, {}});
    CHECK(o.load(namesake) == record{1, "namesake", {}, {}});
    CHECK(o.read_events(beside).empty());
    CHECK(o.expire(beside, o.by) == verdict::ok);
    CHECK(o.load(o.of)->sequence == 1);
    CHECK(o.load(namesake)->sequence == 1);
  }

  SUBCASE("health counts what was done") {
    CHECK(o.create() == verdict::ok);
    const auto h = s.health();
    CHECK(h.available);
    CHECK_FALSE(h.circuit_open);
    CHECK(soon([&] { return s.health().waiting == 0; }));
    CHECK(h.commits >= 1);
    CHECK(h.operations >= 2);
    CHECK(h.failures == 0);
    CHECK_FALSE(s.shown().empty());
  }
}

void check_refusals(store& s) {
  owner_harness o(s);
  CHECK(o.create() == verdict::ok);
  const auto before = look_at(o);

  SUBCASE("other content under the same number is refused as a whole") {
    CHECK(o.commit(thorough(o, 1)) == verdict::conflict);
  }
  SUBCASE("a commit that is not the next is refused as a whole") {
    CHECK(o.commit(thorough(o, 3)) == verdict::conflict);
    CHECK(o.commit(thorough(o, 0)) == verdict::conflict);
  }
  SUBCASE("whoever held the slot before is fenced, even for what stands already") {
    lane_harness other(s);
    const auto old = o.by;
    o.by = other.claim(o.of.slot(), "second");
    auto late = thorough(o, 2);
    late.by = old;
    CHECK(o.commit(late) == verdict::fenced);
    late.sequence = 1;
    CHECK(o.commit(late) == verdict::fenced);
    late.sequence = 2;
    late.ends = true;
    CHECK(o.commit(late) == verdict::fenced);
    CHECK(o.extend(o.of, old, 60s) == verdict::fenced);
    CHECK(o.expire(o.of, old) == verdict::fenced);
    CHECK(o.restore({o.of, old, {7, "old", {}, {}}, {}, {}, 0}) == verdict::fenced);
  }
  SUBCASE("a token must be right in both of its parts") {
    for (const token& wrong : {token{}, token{o.by.epoch, "other"}, token{o.by.epoch, ""},
                               token{o.by.epoch + 1, o.by.incarnation}, token{0, o.by.incarnation}}) {
      auto c = thorough(o, 2);
      c.by = wrong;
      CHECK(o.commit(c) == verdict::fenced);
      CHECK(o.expire(o.of, wrong) == verdict::fenced);
    }
  }
  SUBCASE("a slot that nobody has claimed fences everybody") {
    const entity elsewhere{"session", "elsewhere"};
    REQUIRE(elsewhere.slot() != o.of.slot());
    for (const token& wrong : {token{}, token{1, "first"}, o.by}) {
      CHECK(o.commit(snapshot_commit(elsewhere, wrong, 1, "refused")) == verdict::fenced);
      CHECK(o.restore({elsewhere, wrong, {1, "refused", {}, {}}, {}, {}, 0}) == verdict::fenced);
      CHECK(o.extend(elsewhere, wrong, 60s) == verdict::fenced);
      CHECK(o.expire(elsewhere, wrong) == verdict::fenced);
    }
    CHECK_FALSE(o.load(elsewhere));
  }
  SUBCASE("a slot that was given back fences its last owner") {
    CHECK(o.release(o.of.slot(), o.by) == verdict::ok);
    CHECK(o.commit(thorough(o, 2)) == verdict::fenced);
    CHECK(o.expire(o.of, o.by) == verdict::fenced);
    auto creation = snapshot_commit({"execution", o.of.id}, o.by, 1, "refused");
    CHECK(o.commit(creation) == verdict::fenced);
  }
  CHECK(look_at(o) == before);
}

void check_contents(store& s) {
  owner_harness o(s, "a{b}c:\r\n \xc3\xa9*?[");
  CHECK(o.create() == verdict::ok);

  SUBCASE("what is not mentioned stays") {
    CHECK(o.commit(o.next()) == verdict::ok);
    const auto now = o.load(o.of);
    REQUIRE(now);
    CHECK(*now == record{2,
                         "one",
                         {{"p1", "part 1"}, {"p2", "part 2"}},
                         {{"x1", {stage::intent, "call 1"}}, {"x2", {stage::intent, "call 2"}}}});
    CHECK(o.read_events(o.of).size() == 3);
  }

  SUBCASE("the snapshot is replaced, parts and journal are added to, replaced in and dropped from") {
    auto c = o.next();
    c.snapshot = "two";
    c.parts = {{"p3", "part 3"}};
    c.parts_dropped = {"p1", "never there"};
    c.journal = {{"x1", {stage::result, "answer 1"}}, {"x3", {stage::intent, "call 3"}}};
    c.journal_dropped = {"x2", "never there"};
    CHECK(o.commit(c) == verdict::ok);
    CHECK(o.load(o.of) == record{2,
                                 "two",
                                 {{"p2", "part 2"}, {"p3", "part 3"}},
                                 {{"x1", {stage::result, "answer 1"}}, {"x3", {stage::intent, "call 3"}}}});
  }

  SUBCASE("empty is not absent") {
    auto c = o.next();
    c.snapshot = "";
    c.parts = {{"empty", ""}};
    c.journal = {{"x1", {stage::result, ""}}};
    c.events = {{4, ""}};
    CHECK(o.commit(c) == verdict::ok);
    const auto now = o.load(o.of);
    REQUIRE(now);
    CHECK(now->snapshot.empty());
    CHECK(now->parts.at("empty").empty());
    CHECK(now->journal.at("x1") == journal_entry{stage::result, ""});
    CHECK(o.read_events(o.of, 3) == std::vector<event>{{4, ""}});
  }

  SUBCASE("any bytes come back as they were") {
    const std::string bytes = awkward_bytes();
    auto c = o.next();
    c.snapshot = bytes;
    c.parts = {{"p\r\n:3", bytes}};
    c.journal = {{"x:\r\n{3}", {stage::intent, bytes}}};
    c.events = {{4, bytes}};
    CHECK(o.commit(c) == verdict::ok);
    CHECK(o.commit(c) == verdict::duplicate);
    const auto now = o.load(o.of);
    REQUIRE(now);
    CHECK((now->snapshot == bytes));
    CHECK((now->parts.at("p\r\n:3") == bytes));
    CHECK((now->journal.at("x:\r\n{3}").bytes == bytes));
    CHECK((o.read_events(o.of, 3) == std::vector<event>{{4, bytes}}));
  }

  SUBCASE("a megabyte is not too much") {
    std::string large(1 << 20, '\0');
    for (std::size_t n = 0; n < large.size(); ++n) large[n] = static_cast<char>(n * 31 + n / 257);
    auto c = o.next();
    c.snapshot = large;
    c.parts = {{"large", large + "p"}};
    c.journal = {{"large", {stage::result, large + "j"}}};
    c.events = {{4, large + "e"}, {5, "small"}};
    CHECK(o.commit(c) == verdict::ok);
    const auto now = o.load(o.of);
    REQUIRE(now);
    CHECK((now->snapshot == large));
    CHECK((now->parts.at("large") == large + "p"));
    CHECK((now->journal.at("large").bytes == large + "j"));
    CHECK((o.read_events(o.of, 3, 1) == std::vector<event>{{4, large + "e"}}));
  }
}

void check_events(store& s) {
  owner_harness o(s);
  CHECK(o.read_events(o.of).empty());

  // Numbers with gaps, and some that sort differently as text.
  std::vector<event> all;
  for (const std::uint64_t n : {1, 2, 9, 10, 11, 99, 100, 101}) all.push_back({n, "event " + std::to_string(n)});
  all.push_back({std::uint64_t{1} << 50, "far away"});
  all.push_back({(std::uint64_t{1} << 50) + 1, "and next to it"});
  for (const auto& e : all) {
    auto c = o.next();
    c.events = {e};
    CHECK(o.commit(c) == verdict::ok);
  }

  SUBCASE("events come in the order of their numbers, after any of them") {
    CHECK(o.read_events(o.of) == all);
    for (std::size_t n = 0; n < all.size(); ++n)
      CHECK(o.read_events(o.of, all[n].number) == std::vector<event>(all.begin() + n + 1, all.end()));
    CHECK(o.read_events(o.of, 50) == std::vector<event>(all.begin() + 5, all.end()));
    CHECK(o.read_events(o.of, std::uint64_t{1} << 60).empty());
  }

  SUBCASE("events come in pages") {
    CHECK(o.read_events(o.of, 0, 3) == std::vector<event>(all.begin(), all.begin() + 3));
    std::vector<event> read;
    for (auto page = o.read_events(o.of, 0, 3); !page.empty(); page = o.read_events(o.of, read.back().number, 3)) {
      CHECK(page.size() <= 3);
      read.insert(read.end(), page.begin(), page.end());
    }
    CHECK(read == all);
  }

  SUBCASE("many events travel in one commit") {
    auto c = o.next();
    for (std::uint64_t n = 1; n <= 500; ++n) c.events.push_back({all.back().number + n, std::to_string(n)});
    CHECK(o.commit(c) == verdict::ok);
    CHECK(o.read_events(o.of, all.back().number) == c.events);
  }

  SUBCASE("events below a number are dropped, new ones too") {
    auto c = o.next();
    c.events_dropped_before = 10;
    CHECK(o.commit(c) == verdict::ok);
    CHECK(o.read_events(o.of) == std::vector<event>(all.begin() + 3, all.end()));
    c = o.next();
    const std::uint64_t far = std::uint64_t{1} << 51;
    c.events = {{far, "gone at once"}, {far + 1, "stays"}};
    c.events_dropped_before = far + 1;
    CHECK(o.commit(c) == verdict::ok);
    CHECK(o.read_events(o.of) == std::vector<event>{{far + 1, "stays"}});
  }
}

void check_endings(store& s) {
  owner_harness o(s);
  CHECK(o.create() == verdict::ok);
  auto last = o.next();
  last.snapshot = "last words";
  last.events = {{4, "last event"}};
  last.ends = true;

  SUBCASE("a commit that ends an entity removes all it has") {
    CHECK(o.commit(last) == verdict::ok);
    CHECK(o.commit(last) == verdict::duplicate);
    CHECK(o.extend(o.of, o.by, 60s) == verdict::conflict);
    CHECK(o.expire(o.of, o.by) == verdict::conflict);
  }
  SUBCASE("it must be the next one") {
    last.sequence = 3;
    CHECK(o.commit(last) == verdict::conflict);
    CHECK(o.load(o.of)->sequence == 1);
    last.sequence = 2;
    CHECK(o.commit(last) == verdict::ok);
  }
  SUBCASE("an entity ends by expiry whatever its number is") {
    CHECK(o.expire(o.of, o.by) == verdict::ok);
    CHECK(o.expire(o.of, o.by) == verdict::conflict);
  }
  CHECK_FALSE(o.load(o.of));
  CHECK(o.read_events(o.of).empty());
  CHECK_FALSE(o.time_to_live(o.of));
  CHECK(o.list("session", o.of.slot()).entries.empty());
  CHECK(o.commit(snapshot_commit(o.of, o.by, 3, "late")) == verdict::conflict);
  CHECK(o.commit(snapshot_commit(o.of, o.by, 1, "anew")) == verdict::ok);
  CHECK(o.load(o.of) == record{1, "anew", {}, {}});
  CHECK(o.read_events(o.of).empty());
}

void check_restorations(store& s) {
  owner_harness o(s);
  restoration r{o.of,
                o.by,
                {40, "forty", {{"p9", awkward_bytes()}}, {{"x9", {stage::result, "answer"}}}},
                {{7, "event 7"}, {9, "event 9"}},
                std::nullopt,
                3};

  SUBCASE("an entity is created at any number") {}
  SUBCASE("an entity is replaced wholesale") {
    CHECK(o.create() == verdict::ok);
    CHECK(o.extend(o.of, o.by, 60s) == verdict::ok);
  }
  SUBCASE("a restoration can be repeated") { CHECK(o.restore(r) == verdict::ok); }
  SUBCASE("and put an entity back to where it was") {
    auto later = r;
    later.kept.sequence = 50;
    later.events.push_back({12, "event 12"});
    CHECK(o.restore(later) == verdict::ok);
  }
  CHECK(o.restore(r) == verdict::ok);
  CHECK((o.load(o.of) == r.kept));
  CHECK(o.read_events(o.of) == r.events);
  CHECK(o.time_to_live(o.of) == std::chrono::milliseconds::max());
  const auto page = o.list("session", o.of.slot());
  REQUIRE(page.entries.size() == 1);
  CHECK(page.entries[0].open_executions == 3);
  CHECK_FALSE(page.entries[0].expires_in);
  CHECK(o.commit(snapshot_commit(o.of, o.by, 40, "again")) == verdict::conflict);
  CHECK(o.commit(snapshot_commit(o.of, o.by, 1, "first")) == verdict::conflict);
  CHECK(o.commit(snapshot_commit(o.of, o.by, 41, "on")) == verdict::ok);
  CHECK(o.load(o.of)->snapshot == "on");

  r.time_to_live = 60s;
  CHECK(o.restore(r) == verdict::ok);
  CHECK(*o.time_to_live(o.of) <= 60s);
}

}  // namespace holdfast::tests
