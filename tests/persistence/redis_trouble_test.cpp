#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>

#include "persistence/stores_impl.hpp"
#include "tests/persistence/redis_fixture.hpp"
#include "tests/persistence/redis_writers.hpp"
#include "tests/persistence/store_contract.hpp"
#include "tests/support/tcp_proxy.hpp"

using namespace holdfast;
using namespace holdfast::tests;
using namespace std::chrono_literals;
using persistence::open_redis;
using persistence::store_errc;
using persistence::store_options;
using persistence::verdict;

namespace {

using outcome = persistence::result<verdict>;

/// A store at a server, and an entity in it.
struct client {
  explicit client(const store_options& o) : store(open_redis(o).value()), owner(*store) {}
  explicit client(const redis_server& server) : client(with(server.url())) {}

  persistence::commit next() {
    auto c = owner.next();
    c.snapshot = "state " + std::to_string(c.sequence);
    return c;
  }
  outcome commit() { return try_commit(owner, next()); }

  std::unique_ptr<persistence::store> store;
  owner_harness owner;
};

}  // namespace

TEST_CASE("commits go on when the server forgets its scripts") {
  if (!has_redis()) return;
  redis_server server;
  client c(server);
  writers w(c.owner, 16);
  for (int i = 0; i < 5; ++i) {
    w.run(100);
    REQUIRE(server.command({"SCRIPT", "FLUSH"}) == "OK");
  }
  w.run(100);
  CHECK(w.check() == "");
}

TEST_CASE("each acknowledged commit is there once after restarts of a server that keeps its data") {
  if (!has_redis()) return;
  redis_server server({.keeps = true});
  client c(server);
  writers w(c.owner, 32);
  for (int i = 0; i < 5; ++i) {
    w.run(200);
    server.kill();
    server.start();
  }
  w.run(200);
  CHECK(w.check() == "");
  CHECK(c.store->health().histories == 5);
}

TEST_CASE("each acknowledged commit is there once though connections are cut and replies lost") {
  if (!has_redis()) return;
  redis_server server;
  tcp_proxy proxy(server.port());
  client c(with("redis://127.0.0.1:" + std::to_string(proxy.port())));
  writers w(c.owner, 32);
  for (int i = 0; i < 10; ++i) {
    w.run(100);
    proxy.swallow_replies();
    c.owner.run_until([&, before = proxy.swallowed()] { return proxy.swallowed() > before; });
    proxy.cut();
    c.owner.run_until([&, before = proxy.connections()] { return proxy.connections() > before; });
    proxy.swallow_replies(false);
    proxy.cut();
  }
  w.run(100);
  CHECK(w.check() == "");
  CHECK(c.store->health().histories == 0);
}

TEST_CASE("a commit whose answer was lost is found to be a duplicate") {
  if (!has_redis()) return;
  redis_server server;
  tcp_proxy proxy(server.port());
  client c(with("redis://127.0.0.1:" + std::to_string(proxy.port())));
  // Twice, so that the server knows the script and the only answer to lose is the one that counts.
  REQUIRE(c.commit().value() == verdict::ok);
  REQUIRE(c.commit().value() == verdict::ok);
  proxy.swallow_replies();
  std::optional<outcome> answer;
  c.owner.lane().commit(c.next(), [&](outcome o) { answer = std::move(o); });
  c.owner.run_until([&] { return proxy.swallowed() > 0; });
  proxy.swallow_replies(false);
  proxy.cut();
  c.owner.run_until([&] { return answer.has_value(); });
  CHECK(answer->value() == verdict::duplicate);
  CHECK(c.commit().value() == verdict::ok);
}

TEST_CASE("what was sent over an earlier connection is not carried out after what followed it") {
  if (!has_redis()) return;
  redis_server server;
  tcp_proxy proxy(server.port());
  client c(with("redis://127.0.0.1:" + std::to_string(proxy.port())));
  const auto slot = c.owner.of.slot();
  REQUIRE(c.commit().value() == verdict::ok);
  proxy.hold_requests();
  std::optional<persistence::result<std::optional<persistence::token>>> claimed;
  c.owner.lane().claim(slot, "again", 0, [&](auto t) { claimed = std::move(t); });
  c.owner.run_until([&] { return proxy.held() > 0; });
  proxy.cut_clients();
  c.owner.run_until([&] { return claimed.has_value(); });
  REQUIRE(c.owner.owner(slot) == claimed->value());
  proxy.release();
  c.owner.by = *claimed->value();
  for (int i = 0; i < 20; ++i) CHECK(c.commit().value() == verdict::ok);
  CHECK(c.owner.owner(slot) == claimed->value());
}

TEST_CASE("an ending, an expiry, a release and a lock whose answer was lost have happened") {
  if (!has_redis()) return;
  redis_server server;
  tcp_proxy proxy(server.port());
  client c(with("redis://127.0.0.1:" + std::to_string(proxy.port())));
  auto& h = c.owner;
  const auto losing_the_answer = [&](auto start) {
    const auto before = proxy.swallowed();
    proxy.swallow_replies();
    start();
    h.run_until([&] { return proxy.swallowed() > before; });
    proxy.swallow_replies(false);
    proxy.cut();
  };
  std::optional<outcome> answer;
  const auto keep = [&](outcome o) { answer = std::move(o); };
  const auto answered = [&] { return answer.has_value(); };

  // Once without losing anything, so that the server knows the scripts.
  h.expire(h.of, h.by);
  h.release(h.of.slot(), {});
  auto last = snapshot_commit(h.of, h.by, 1, "");
  last.ends = true;
  h.commit(last);

  REQUIRE(c.commit().value() == verdict::ok);
  last = c.next();
  last.ends = true;
  losing_the_answer([&] { h.lane().commit(last, keep); });
  h.run_until(answered);
  CHECK(answer->value() == verdict::duplicate);

  h.sequence = 0;
  REQUIRE(c.commit().value() == verdict::ok);
  answer.reset();
  losing_the_answer([&] { h.lane().expire(h.of, h.by, keep); });
  h.run_until(answered);
  CHECK(answer->value() == verdict::duplicate);

  answer.reset();
  losing_the_answer([&] { h.lane().release(h.of.slot(), h.by, keep); });
  h.run_until(answered);
  CHECK(answer->value() == verdict::duplicate);

  std::optional<persistence::result<std::optional<std::string>>> word;
  losing_the_answer([&] { h.lane().acquire("l", 1min, [&](auto r) { word = std::move(r); }); });
  h.run_until([&] { return word.has_value(); });
  REQUIRE(word->value().has_value());
  CHECK(h.unlock("l", **word->operator->()));
}

TEST_CASE("a change of the view whose answer was lost has happened, and is not refused") {
  if (!has_redis()) return;
  redis_server server;
  tcp_proxy proxy(server.port());
  client c(with("redis://127.0.0.1:" + std::to_string(proxy.port())));
  client other(server);
  auto& h = c.owner;
  const auto change_unanswered = [&](std::uint64_t expected, const std::string& bytes, auto meanwhile) {
    std::optional<outcome> answer;
    const auto before = proxy.swallowed();
    proxy.swallow_replies();
    h.lane().change_view(expected, bytes, [&](outcome o) { answer = std::move(o); });
    h.run_until([&] { return proxy.swallowed() > before; });
    meanwhile();
    proxy.swallow_replies(false);
    proxy.cut();
    h.run_until([&] { return answer.has_value(); });
    return answer->value();
  };
  const auto nothing = [] {};

  // Once without losing anything, so that the server knows the script.
  REQUIRE(h.change_view(0, "first") == verdict::ok);
  CHECK(change_unanswered(1, "mine", nothing) == verdict::duplicate);
  CHECK(h.read_view() == persistence::versioned{2, "mine"});

  SUBCASE("one that was refused stays refused") {
    CHECK(change_unanswered(1, "late", nothing) == verdict::conflict);
    CHECK(h.read_view() == persistence::versioned{2, "mine"});
  }
  SUBCASE("one that somebody has built upon cannot be told from that") {
    const auto build = [&] { REQUIRE(other.owner.change_view(3, "theirs") == verdict::ok); };
    CHECK(change_unanswered(2, "mine again", build) == verdict::conflict);
    CHECK(h.read_view() == persistence::versioned{4, "theirs"});
  }
}

TEST_CASE("a claim whose answer was lost is made again, but not past a newer view") {
  if (!has_redis()) return;
  redis_server server;
  tcp_proxy proxy(server.port());
  client c(with("redis://127.0.0.1:" + std::to_string(proxy.port())));
  client other(server);
  auto& h = c.owner;
  h.claim(7, "mine", 1);
  std::optional<persistence::token> theirs;
  std::optional<persistence::result<std::optional<persistence::token>>> answer;
  proxy.swallow_replies();
  h.lane().claim(7, "mine", 1, [&](auto t) { answer = std::move(t); });
  h.run_until([&] { return proxy.swallowed() > 0; });
  SUBCASE("under which nobody else has claimed") {}
  SUBCASE("under which another process has claimed") { theirs = other.owner.claim(7, "theirs", 2); }
  proxy.swallow_replies(false);
  proxy.cut();
  h.run_until([&] { return answer.has_value(); });
  CHECK(answer->value().has_value() == !theirs);
  CHECK(h.owner(7) == (theirs ? theirs : answer->value()));
}

TEST_CASE("views and claims go on when the server forgets its scripts") {
  if (!has_redis()) return;
  redis_server server;
  client c(server);
  for (std::uint64_t n = 1; n <= 3; ++n) {
    CHECK(c.owner.change_view(n - 1, "version " + std::to_string(n)) == verdict::ok);
    CHECK(c.owner.claim(7, "i", n).epoch == n);
    REQUIRE(server.command({"SCRIPT", "FLUSH"}) == "OK");
  }
}

TEST_CASE("a look at all slots fails once, and as a whole, if the server does not answer") {
  if (!has_redis()) return;
  redis_server server;
  client c(with(server.url(), 200ms));
  server.freeze();
  int failures = 0;
  c.owner.lane().owners(0, persistence::slot_count, [&](const auto& all) { failures += all ? 100 : 1; });
  c.owner.run_until([&] { return failures > 0 && c.store->health().waiting == 0; });
  CHECK(failures == 1);
  server.thaw();
}

TEST_CASE("a view does not count while the replica lacks it") {
  if (!has_redis()) return;
  redis_server master;
  auto o = with(master.url(), 1'500ms);
  o.wait_replicas = 1;
  redis_server replica({.replica_of = master.port()});
  client c(o);
  REQUIRE(c.owner.change_view(0, "first") == verdict::ok);
  CHECK(replica.command({"GET", "hf:view"}) == "1:first");
  replica.freeze();
  const auto refused =
      c.owner.attempt<verdict>([](auto& l, auto done) { l.change_view(1, "second", std::move(done)); });
  REQUIRE(!refused);
  CHECK(refused.error().code == store_errc::unavailable);
  replica.thaw();
  CHECK(c.owner.change_view(1, "second") == verdict::duplicate);
  CHECK(replica.command({"GET", "hf:view"}) == "2:second");
}

TEST_CASE("a pause of the server is waited for") {
  if (!has_redis()) return;
  redis_server server;
  client c(server);
  REQUIRE(c.commit().value() == verdict::ok);
  REQUIRE(server.command({"CLIENT", "PAUSE", "1000"}) == "OK");
  const auto begin = std::chrono::steady_clock::now();
  CHECK(c.commit().value() == verdict::ok);
  CHECK(std::chrono::steady_clock::now() - begin > 500ms);
  CHECK(c.store->health().failures == 0);
}

TEST_CASE("a server without room says so, and lets go of what is ended") {
  if (!has_redis()) return;
  redis_server server;
  client c(server);
  REQUIRE(c.commit().value() == verdict::ok);
  REQUIRE(server.command({"CONFIG", "SET", "maxmemory", "1"}) == "OK");
  const auto refused = c.commit();
  REQUIRE(!refused);
  CHECK(refused.error().code == store_errc::full);
  const auto cached =
      c.owner.attempt<bool>([](auto& l, auto done) { l.cache_put("k", "v", std::chrono::minutes(1), done); });
  REQUIRE(!cached);
  CHECK(cached.error().code == store_errc::full);
  CHECK(c.owner.load(c.owner.of)->sequence == 1);
  CHECK(c.owner.expire(c.owner.of, c.owner.by) == verdict::ok);
  REQUIRE(server.command({"CONFIG", "SET", "maxmemory", "0"}) == "OK");
  c.owner.sequence = 0;
  CHECK(c.commit().value() == verdict::ok);
}

TEST_CASE("a replica is not written to until it is a master again") {
  if (!has_redis()) return;
  redis_server server;
  client c(with(server.url(), 700ms));
  REQUIRE(c.commit().value() == verdict::ok);
  REQUIRE(server.command({"REPLICAOF", "127.0.0.1", "1"}) == "OK");
  const auto second = c.next();
  const auto refused = try_commit(c.owner, second);
  REQUIRE(!refused);
  CHECK(refused.error().code == store_errc::unavailable);
  CHECK(refused.error().detail.find("replica") != std::string::npos);
  CHECK(!c.store->health().available);
  CHECK(open_redis(with(server.url(), 300ms)).error().detail.find("replica") != std::string::npos);
  REQUIRE(server.command({"REPLICAOF", "NO", "ONE"}) == "OK");
  CHECK(try_commit(c.owner, second).value() == verdict::ok);
  CHECK(c.store->health().available);
}

TEST_CASE("a server that is loading its data is waited for") {
  if (!has_redis()) return;
  redis_server server({.keeps = true, .arguments = {"--key-load-delay", "500"}});
  client c(server);
  for (int i = 0; i < 1'000; ++i) server.command({"SET", "k" + std::to_string(i), "v"});
  REQUIRE(c.commit().value() == verdict::ok);
  server.kill();
  server.start();
  CHECK(c.commit().value() == verdict::ok);
}

TEST_CASE("no more operations wait than are allowed") {
  if (!has_redis()) return;
  redis_server server;
  auto o = with(server.url());
  o.waiting_max = 10;
  client c(o);
  server.freeze();
  std::map<std::string, int> ends;
  for (int i = 0; i < 15; ++i)
    c.owner.lane().owner(
        1, [&](const auto& r) { ++ends[r ? "answered" : std::to_string(static_cast<int>(r.error().code))]; });
  CHECK(ends.empty());
  c.owner.run_until([&] { return !ends.empty(); });
  CHECK(c.store->health().waiting == 10);
  server.thaw();
  c.owner.run_until([&] { return ends["answered"] == 10; });
  CHECK(ends[std::to_string(static_cast<int>(store_errc::overloaded))] == 5);
  CHECK(c.store->health().waiting == 0);
}

TEST_CASE("a server that does not answer is given up, and taken up again when it does") {
  if (!has_redis()) return;
  redis_server server;
  client c(with(server.url(), 200ms));
  REQUIRE(c.commit().value() == verdict::ok);
  server.freeze();
  const auto second = c.next();
  for (int i = 0; i < 3; ++i) {
    const auto r = try_commit(c.owner, second);
    REQUIRE(!r);
    CHECK(r.error().code == store_errc::unavailable);
  }
  CHECK(c.store->health().circuit_open);
  CHECK(!c.store->health().available);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(!try_commit(c.owner, second));
  CHECK(std::chrono::steady_clock::now() - begin < 100ms);
  server.thaw();
  c.owner.run_until([&] { return !c.store->health().circuit_open; });
  CHECK(c.store->health().available);
  const auto again = try_commit(c.owner, second);
  REQUIRE(again.has_value());
  CHECK((*again == verdict::ok || *again == verdict::duplicate));
}

TEST_CASE("a server that is down for good fails operations at once, until it is back") {
  if (!has_redis()) return;
  redis_server server({.keeps = true});
  client c(with(server.url(), 200ms));
  REQUIRE(c.commit().value() == verdict::ok);
  server.kill();
  c.owner.run_until([&] {
    (void)c.owner.attempt<bool>([](auto& l, auto done) { l.unlock("l", "w", done); });
    return c.store->health().circuit_open;
  });
  CHECK(c.store->health().connections == 0);
  CHECK(c.store->health().detail.find("127.0.0.1") != std::string::npos);
  server.start();
  c.owner.run_until([&] { return c.store->health().available; });
  CHECK(c.commit().value() == verdict::ok);
}

TEST_CASE("another history is told before anything else is answered") {
  if (!has_redis()) return;
  redis_server server;
  client c(server);
  REQUIRE(c.commit().value() == verdict::ok);
  int told = 0;
  c.owner.lane().on_history_changed = [&] { ++told; };
  for (const auto& line : lines_of(server.command({"CLIENT", "LIST", "TYPE", "normal"})))
    if (line.find("name=holdfast") != line.npos)
      server.command({"CLIENT", "KILL", "ID", line.substr(3, line.find(' ') - 3)});
  REQUIRE(c.commit().value() == verdict::ok);
  CHECK(told == 0);
  server.kill();
  server.start();
  // It kept nothing: who owned the slot is forgotten.
  CHECK(c.commit().value() == verdict::fenced);
  CHECK(told == 1);
  CHECK(c.store->health().histories == 1);
}

TEST_CASE("a lane may be destroyed from within a completion, and with operations under way") {
  if (!has_redis()) return;
  redis_server server;
  client c(server);
  bool answered = false;
  int late = 0;
  for (int i = 0; i < 3; ++i)
    c.owner.lane().owner(1, [&](const auto&) {
      if (std::exchange(answered, true)) ++late;
      c.owner.destroy_lane();
    });
  c.owner.run_until([&] { return answered; });
  for (int i = 0; i < 20; ++i) c.owner.io().poll();
  CHECK(late == 0);
  CHECK(c.store->health().waiting == 0);
}

TEST_CASE("commits that a replica must have keep the contract") {
  if (!has_redis()) return;
  static redis_server master;
  static redis_server replica({.replica_of = master.port()});
  auto o = with(master.url());
  o.wait_replicas = 1;
  check_store_contract([o] {
    master.command({"FLUSHALL"});
    auto s = open_redis(o).value();
    CHECK(s->tier() == persistence::tier::redis_wait);
    return s;
  });
}

TEST_CASE("a commit does not count while the replica lacks it") {
  if (!has_redis()) return;
  redis_server master;
  auto o = with(master.url(), 1'500ms);
  o.wait_replicas = 1;
  auto replica = std::make_unique<redis_server>(redis_setup{.replica_of = master.port()});
  REQUIRE(soon([&] { return master.command({"INFO", "replication"}).find("state=online") != std::string::npos; }));
  REQUIRE(soon([&] { return replica->command({"INFO", "replication"}).find("link_status:up") != std::string::npos; }));
  client c(o);
  REQUIRE(c.commit().value() == verdict::ok);
  CHECK(replica->command({"DBSIZE"}) == "4");
  replica->freeze();
  const auto second = c.next();
  const auto refused = try_commit(c.owner, second);
  REQUIRE(!refused);
  CHECK(refused.error().code == store_errc::unavailable);
  CHECK(refused.error().detail.find("replicas") != std::string::npos);
  // It stands at the master, but that is not enough yet.
  CHECK(c.owner.load(c.owner.of)->sequence == 2);
  replica->thaw();
  CHECK(try_commit(c.owner, second).value() == verdict::duplicate);
  CHECK(replica->command({"HGET", "hf:{s" + std::to_string(c.owner.of.slot()) + "}:session:e1", "q"}) == "2");
  replica.reset();
  CHECK(!c.commit());
}

TEST_CASE("waiting for replicas takes whole batches of commits") {
  if (!has_redis()) return;
  redis_server master;
  redis_server replica({.replica_of = master.port()});
  auto o = with(master.url());
  o.wait_replicas = 1;
  client c(o);
  writers w(c.owner, 64);
  w.run(5'000);
  CHECK(w.check() == "");
  const auto waits = master.command({"INFO", "commandstats"});
  const auto at = waits.find("cmdstat_wait:calls=");
  REQUIRE(at != waits.npos);
  CHECK(std::stoul(waits.substr(at + 19)) < w.acknowledged() / 4);
}
