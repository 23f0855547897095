#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "persistence/stores_impl.hpp"
#include "tests/persistence/redis_fixture.hpp"
#include "tests/persistence/redis_writers.hpp"
#include "tests/persistence/store_contract.hpp"
#include "tests/support/redis_sentinel_group.hpp"

using namespace holdfast;
using namespace holdfast::tests;
using namespace std::chrono_literals;
using persistence::open_redis;
using persistence::store_errc;
using persistence::verdict;

namespace {

/// What a server says when it is asked a second time: a failover cuts all clients off, these as well.
std::string told(redis_server& s, const std::vector<std::string>& command) {
  s.command({"PING"});
  return s.command(command);
}

bool is_master(redis_server& s) { return told(s, {"INFO", "replication"}).find("role:master") != std::string::npos; }

std::uint16_t free_slot(lane_harness& h) {
  const auto owners = h.owners(0, persistence::slot_count);
  return static_cast<std::uint16_t>(std::find(owners.begin(), owners.end(), std::nullopt) - owners.begin());
}

}  // namespace

TEST_CASE("a Redis store behind sentinels keeps the contract") {
  if (!has_redis()) return;
  static redis_sentinel_group group;
  check_store_contract([] {
    group.first.command({"FLUSHALL"});
    return open_redis(with(group.url())).value();
  });
}

TEST_CASE("each commit that a replica had to have is there once after the master was killed") {
  if (!has_redis()) return;
  redis_sentinel_group group;
  auto o = with(group.url(), 20s);
  o.wait_replicas = 1;
  const auto store = open_redis(o).value();
  CHECK(store->tier() == persistence::tier::redis_wait);
  lane_harness h(*store);
  writers w(h, 32);
  w.run(300);
  REQUIRE(h.change_view(0, "first") == verdict::ok);
  // A slot that no writer has.
  const std::uint16_t slot = free_slot(h);
  const auto claimed = h.claim(slot, "i", 5);
  group.first.kill();
  // Two servers are what a commit needs: the one that was lost comes back as the other's replica.
  h.run_until([&] { return is_master(group.second); });
  group.first.start();
  group.first.command({"REPLICAOF", "127.0.0.1", std::to_string(group.second.port())});
  w.run(300);
  CHECK(w.trouble() == "");
  CHECK(h.change_view(0, "first") == verdict::duplicate);
  CHECK_FALSE(h.try_claim(slot, "j", 4));
  CHECK(h.owners(slot, 1).at(0) == claimed);
  CHECK(w.check() == "");
  CHECK(store->health().failures == 0);
  CHECK(store->health().histories == 1);
  CHECK(store->health().detail.find(std::to_string(group.second.port())) != std::string::npos);
}

TEST_CASE("a master that does not answer is left within the deadline of what it owes") {
  if (!has_redis()) return;
  redis_sentinel_group group;
  const auto store = open_redis(with(group.url(), 20s)).value();
  owner_harness h(*store);
  int told = 0;
  h.lane().on_history_changed = [&] { ++told; };
  REQUIRE(h.create() == verdict::ok);
  wait_for("the replica to have it", [&] { return group.second.command({"DBSIZE"}) == "5"; });
  group.first.freeze();
  CHECK(h.commit(h.next()) == verdict::ok);
  CHECK(told == 1);
  CHECK(is_master(group.second));
  group.first.thaw();
}

TEST_CASE("a planned failover is followed though the old master is still there") {
  if (!has_redis()) return;
  redis_sentinel_group group;
  const auto store = open_redis(with(group.url(), 20s)).value();
  owner_harness h(*store);
  REQUIRE(h.create() == verdict::ok);
  wait_for("the replica to have it", [&] { return group.second.command({"DBSIZE"}) == "5"; });
  REQUIRE(group.sentinels.front().command({"SENTINEL", "FAILOVER", "main"}) == "OK");
  const auto to = ":" + std::to_string(group.second.port());
  h.run_until([&] { return store->health().detail.find(to) != std::string::npos && store->health().available; });
  CHECK(h.commit(h.next()) == verdict::ok);
  CHECK(store->health().histories == 1);
  CHECK(told(group.second, {"HGET", "hf:{s" + std::to_string(h.of.slot()) + "}:session:e1", "q"}) == "2");
}

TEST_CASE("the sentinels that are left are asked, with a password if they want one") {
  if (!has_redis()) return;
  redis_sentinel_group group("word", "word");
  group.sentinels.front().kill();
  const auto store = open_redis(with(group.url(":word@")));
  REQUIRE(store.has_value());
  owner_harness h(**store);
  CHECK(h.create() == verdict::ok);
  const auto refused = open_redis(with(group.url(":wrong@"), 2s));
  REQUIRE(!refused);
  CHECK(refused.error().detail.find("password") != std::string::npos);
  CHECK(refused.error().detail.find("wrong") == std::string::npos);
  for (auto& s : group.sentinels) s.kill();
  CHECK(h.commit(h.next()) == verdict::ok);
  const auto silent = open_redis(with(group.url(":word@"), 500ms));
  REQUIRE(!silent);
  CHECK(silent.error().code == store_errc::unavailable);
  CHECK(silent.error().detail.find("sentinel 127.0.0.1") != std::string::npos);
}

TEST_CASE("a master that no sentinel knows is said at once") {
  if (!has_redis()) return;
  redis_sentinel_group group;
  auto url = group.url();
  url.replace(url.rfind('/'), std::string::npos, "/other");
  const auto begin = std::chrono::steady_clock::now();
  const auto s = open_redis(with(url));
  REQUIRE(!s);
  CHECK(s.error().code == store_errc::rejected);
  CHECK(s.error().detail.find("no master other") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - begin < 3s);
}
