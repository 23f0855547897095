#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "persistence/redis/redis_cluster_map.hpp"
#include "persistence/redis/redis_keys.hpp"
#include "persistence/stores_impl.hpp"
#include "tests/persistence/redis_fixture.hpp"
#include "tests/persistence/redis_writers.hpp"
#include "tests/persistence/store_contract.hpp"
#include "tests/support/redis_cluster_group.hpp"

using namespace holdfast;
using namespace holdfast::tests;
using namespace std::chrono_literals;
using persistence::open_redis;
using persistence::redis_reply;
using persistence::store_errc;
using persistence::verdict;

namespace {

std::uint16_t hash_slot_of(const std::string& id) {
  return persistence::redis_keys("hf").hash_slot(persistence::slot_of(id));
}

/// Takes one hash slot from its home to another master.
class move {
 public:
  move(redis_cluster_group& group, std::uint16_t slot)
      : group_(group), slot_(std::to_string(slot)), from(redis_cluster_group::home_of(slot)), to((from + 1) % 3) {}

  void begin() {
    group_.ask(to, {"CLUSTER", "SETSLOT", slot_, "IMPORTING", group_.id_of(from)});
    group_.ask(from, {"CLUSTER", "SETSLOT", slot_, "MIGRATING", group_.id_of(to)});
  }

  void carry(const std::vector<std::string>& keys) {
    std::vector<std::string> command{"MIGRATE", "127.0.0.1", std::to_string(group_.nodes[to]->port()), "", "0",
                                     "5000",    "KEYS"};
    command.insert(command.end(), keys.begin(), keys.end());
    group_.ask(from, command);
  }
  void carry_rest() { carry(lines_of(group_.nodes[from]->command({"CLUSTER", "GETKEYSINSLOT", slot_, "1000"}))); }

  void end() {
    for (const auto node : {to, from, 3 - to - from})
      group_.ask(node, {"CLUSTER", "SETSLOT", slot_, "NODE", group_.id_of(to)});
  }

 private:
  redis_cluster_group& group_;
  std::string slot_;

 public:
  const std::size_t from, to;
};

/// Its slots wander off, for good: each test that moves one takes another.
redis_cluster_group& shared_cluster() {
  static redis_cluster_group group;
  return group;
}

redis_reply text(std::string t) { return {redis_reply::kind::text, 0, std::move(t), {}}; }
redis_reply number(std::int64_t n) { return {redis_reply::kind::integer, n, "", {}}; }
redis_reply array(std::vector<redis_reply> of) { return {redis_reply::kind::array, 0, "", std::move(of)}; }

}  // namespace

TEST_CASE("a cluster's map is read, but for what makes no sense") {
  const auto a = array({text("h1"), number(7001), text("id1"), array({})}),
             b = array({text(""), number(7002), text("id2"), array({})}),
             unknown = array({text("?"), number(7003), text("id3")});
  const auto map = array({array({number(0), number(99), a, b, unknown}), array({number(100), number(16'383), b}),
                          array({number(1), number(2), unknown}), array({number(5), number(4), a}),
                          array({number(0), number(16'384), a}), array({number(1)}), number(7),
                          array({number(1), number(2), array({text("h"), number(70'000), text("id")})})});
  const auto read = persistence::read_cluster_slots(map, "asked");
  REQUIRE(read.size() == 2);
  CHECK(read[0].first == 0);
  CHECK(read[0].last == 99);
  CHECK(read[0].master.id == "id1");
  CHECK(shown(read[0].master.at) == "h1:7001");
  REQUIRE(read[0].replicas.size() == 1);
  CHECK(shown(read[0].replicas[0].at) == "asked:7002");
  CHECK(shown(read[1].master.at) == "asked:7002");
  CHECK(persistence::read_cluster_slots(text("no"), "asked").empty());
}

TEST_CASE("a Redis store in a cluster of three masters keeps the contract") {
  if (!has_redis()) return;
  check_store_contract([] {
    shared_cluster().flush();
    return open_redis(with(shared_cluster().url())).value();
  });
}

TEST_CASE("commits go on while a slot moves from master to master") {
  if (!has_redis()) return;
  auto& group = shared_cluster();
  group.flush();
  const auto store = open_redis(with(group.url(), 10s)).value();
  lane_harness h(*store);
  writers elsewhere(h, 16);
  writers moving(h, ids_beside("m", 8));
  moving.run(100);
  const auto slot = persistence::slot_of("m");
  move m(group, hash_slot_of("m"));
  m.begin();
  moving.run(100);

  // Half of what a commit needs is gone: it waits.
  m.carry({"hf:{s" + std::to_string(slot) + "}:owner"});
  h.run_until([&] { return group.errors(m.from, "TRYAGAIN") > 0; });
  CHECK(h.owner(slot).has_value());
  m.carry_rest();
  moving.run(100);
  CHECK(group.errors(m.from, "ASK") > 0);
  m.end();
  moving.run(100);
  CHECK(group.errors(m.from, "MOVED") > 0);
  elsewhere.run(100);

  CHECK(moving.check() == "");
  CHECK(elsewhere.check() == "");
  CHECK(h.list("session", slot).entries.size() == 8);
  CHECK(store->health().failures == 0);
  CHECK(store->health().histories == 0);
}

TEST_CASE("a list does not take for gone what is being moved") {
  if (!has_redis()) return;
  auto& group = shared_cluster();
  const auto store = open_redis(with(group.url(), 10s)).value();
  lane_harness h(*store);
  for (const bool index_first : {true, false}) {
    CAPTURE(index_first);
    const auto ids = ids_beside(index_first ? "i" : "e", 4);
    const auto slot = persistence::slot_of(ids[0]);
    const std::string head = "hf:{s" + std::to_string(slot) + "}:";
    const auto by = h.claim(slot, "i");
    for (const auto& id : ids) REQUIRE(h.commit(snapshot_commit({"session", id}, by, 1, "s")) == verdict::ok);
    move m(group, hash_slot_of(ids[0]));
    m.begin();
    m.carry({head + (index_first ? "index:session" : "session:" + ids[1])});
    std::optional<persistence::result<persistence::page>> page;
    const auto refusals = [&] { return group.errors(m.from, "ASK") + group.errors(m.from, "ERR"); };
    const auto before = refusals();
    h.lane().list("session", slot, "", 10, [&](auto p) { page = std::move(p); });
    h.run_until([&] { return page || refusals() > before + 4; });
    CHECK(!page);
    m.carry_rest();
    m.end();
    h.run_until([&] { return page.has_value(); });
    REQUIRE(page->has_value());
    CHECK(page->value().entries.size() == 4);
  }
}

TEST_CASE("each commit that a replica had to have is there once after its master in the cluster was killed") {
  if (!has_redis()) return;
  redis_cluster_group group(true);
  auto o = with(group.url(), 20s);
  o.wait_replicas = 1;
  const auto store = open_redis(o).value();
  lane_harness h(*store);
  std::vector<std::string> ids;
  for (int i = 0; ids.size() < 16; ++i)
    if (const auto id = "w" + std::to_string(i); redis_cluster_group::home_of(hash_slot_of(id)) == 0) ids.push_back(id);
  writers w(h, ids);
  w.run(300);
  SUBCASE("and comes back as a replica") {
    group.nodes[0]->kill();
    h.run_until([&] { return group.nodes[3]->command({"ROLE"}).starts_with("master"); });
    group.nodes[0]->start();
  }
  SUBCASE("or stopped for a while, its connections open") {
    group.nodes[0]->freeze();
    h.run_until([&] { return group.nodes[3]->command({"ROLE"}).starts_with("master"); });
    h.run_until([&] { return store->health().histories == 1; });
    group.nodes[0]->thaw();
  }
  w.run(300);
  CHECK(w.check() == "");
  CHECK(store->health().failures == 0);
  CHECK(store->health().histories == 1);
}

TEST_CASE("a cluster that misses a master is waited for, within the deadline") {
  if (!has_redis()) return;
  redis_cluster_group group;
  const auto store = open_redis(with(group.url(), 500ms)).value();
  owner_harness h(*store);
  REQUIRE(h.create() == verdict::ok);
  int told = 0;
  h.lane().on_history_changed = [&] { ++told; };
  auto& home = *group.nodes[redis_cluster_group::home_of(hash_slot_of(h.of.id))];
  home.kill();
  const auto refused = try_commit(h, h.next());
  REQUIRE(!refused);
  CHECK(refused.error().code == store_errc::unavailable);
  home.start();
  h.run_until([&] {
    const auto o =
        h.attempt<std::optional<persistence::token>>([&](auto& l, auto done) { l.owner(h.of.slot(), done); });
    return o.has_value() && store->health().available;
  });
  // It kept nothing.
  CHECK(try_commit(h, h.next()).value() == verdict::fenced);
  CHECK(told == 1);
}

TEST_CASE("a server alone is told from a cluster, and a cluster's node from a server alone") {
  if (!has_redis()) return;
  redis_server alone;
  const auto s = open_redis(with("redis+cluster://127.0.0.1:" + std::to_string(alone.port()), 2s));
  REQUIRE(!s);
  CHECK(s.error().code == store_errc::rejected);
  CHECK(s.error().detail.find("cluster support disabled") != std::string::npos);
  auto& group = shared_cluster();
  const auto open_node = [&](std::size_t n) {
    return open_redis(with("redis://127.0.0.1:" + std::to_string(group.nodes[n]->port())));
  };
  // Only one has what is looked at first.
  const auto home = redis_cluster_group::home_of(persistence::hash_slot_of("hf:format"));
  const auto elsewhere = open_node((home + 1) % 3);
  REQUIRE(!elsewhere);
  CHECK(elsewhere.error().code == store_errc::rejected);
  CHECK(elsewhere.error().detail.find("redis+cluster://") != std::string::npos);
  const auto node = open_node(home).value();
  lane_harness h(*node);
  for (std::uint16_t slot = 0; slot < 20; ++slot) {
    const auto claimed =
        h.attempt<std::optional<persistence::token>>([&](auto& l, auto done) { l.claim(slot, "i", 0, done); });
    if (claimed) continue;
    CHECK(claimed.error().code == store_errc::rejected);
    CHECK(claimed.error().detail.find("redis+cluster://") != std::string::npos);
    return;
  }
  FAIL("one node cannot have all these slots");
}
