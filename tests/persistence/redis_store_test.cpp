#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "persistence/stores_impl.hpp"
#include "tests/persistence/redis_fixture.hpp"
#include "tests/persistence/store_contract.hpp"

using namespace holdfast;
using namespace holdfast::tests;
using namespace std::chrono_literals;
using persistence::open_redis;
using persistence::store_errc;
using persistence::store_options;
using persistence::verdict;

namespace {

/// An empty store at a server; the contract's cases share the server.
make_store emptied(redis_server& server, store_options o) {
  return [&server, o = std::move(o)] {
    server.command({"FLUSHALL"});
    return open_redis(o).value();
  };
}

store_options over_tls(const redis_server& server, const std::string& host) {
  auto o = with("rediss://" + host + ":" + std::to_string(server.tls_port()), 3s);
  o.ca_file = server.ca_file();
  return o;
}

/// What conf/redis-user.acl allows, which is what operators are told to allow.
std::vector<std::string> least_privileges() {
  std::ifstream file(HOLDFAST_SOURCE_DIR "/conf/redis-user.acl");
  std::vector<std::string> rules;
  bool after_password = false;
  for (std::string word; file >> word;) {
    if (after_password) rules.push_back(word);
    if (word.starts_with('>')) after_password = true;
  }
  return rules;
}

/// How many bytes all keys take together.
std::size_t bytes_in(redis_server& server) {
  std::size_t bytes = 0;
  for (const auto& key : lines_of(server.command({"KEYS", "*"})))
    bytes += std::stoul(server.command({"MEMORY", "USAGE", key, "SAMPLES", "0"}));
  return bytes;
}

}  // namespace

TEST_CASE("a Redis store over TCP keeps the contract") {
  if (!has_redis()) return;
  static redis_server server;
  check_store_contract(emptied(server, with(server.url())));
}

TEST_CASE("a Redis store over a unix socket keeps the contract, in a database of its own") {
  if (!has_redis()) return;
  static redis_server server;
  check_store_contract(emptied(server, with("unix:" + server.socket() + "?db=3")));
}

TEST_CASE("a Redis store over TLS keeps the contract") {
  if (!has_redis()) return;
  static redis_server server({.tls = true});
  check_store_contract(emptied(server, over_tls(server, "localhost")));
}

TEST_CASE("a Redis store keeps the contract as a user with the least privileges") {
  if (!has_redis()) return;
  static redis_server server({.password = "admin's"});
  std::vector<std::string> command{"ACL", "SETUSER", "hold:fast", "on", ">s@cret/1"};
  const auto rules = least_privileges();
  REQUIRE(rules.size() > 20);
  command.insert(command.end(), rules.begin(), rules.end());
  REQUIRE(server.command(command) == "OK");
  check_store_contract(
      emptied(server, with("redis://hold%3afast:s%40cret%2f1@127.0.0.1:" + std::to_string(server.port()))));
}

TEST_CASE("a Redis store with several connections keeps the contract") {
  if (!has_redis()) return;
  static redis_server server;
  auto o = with(server.url());
  o.connections = 3;
  check_store_contract(emptied(server, o));
}

TEST_CASE("an address can be checked by TLS as well as a name") {
  if (!has_redis()) return;
  redis_server server({.tls = true});
  const auto s = open_redis(over_tls(server, "127.0.0.1"));
  REQUIRE(s.has_value());
  CHECK((*s)->shown() == "rediss://127.0.0.1:" + std::to_string(server.tls_port()));
}

TEST_CASE("a server whose certificate is for another name is refused") {
  if (!has_redis()) return;
  redis_server server({.tls = true, .tls_names = "DNS:elsewhere.example"});
  const auto s = open_redis(over_tls(server, "localhost"));
  REQUIRE(!s);
  CHECK(s.error().code == store_errc::rejected);
  CHECK(s.error().detail.find("hostname mismatch") != std::string::npos);
}

TEST_CASE("a server whose certificate nobody vouches for is refused") {
  if (!has_redis()) return;
  redis_server server({.tls = true});
  auto o = over_tls(server, "localhost");
  o.ca_file.clear();
  const auto s = open_redis(o);
  REQUIRE(!s);
  CHECK(s.error().code == store_errc::rejected);
  CHECK(s.error().detail.find("certificate") != std::string::npos);
}

TEST_CASE("a wrong password is said at once, and not repeated") {
  if (!has_redis()) return;
  redis_server server({.password = "right"});
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string who : {"", ":wrong@", "nobody:wrong@"}) {
    const auto s = open_redis(with("redis://" + who + "127.0.0.1:" + std::to_string(server.port())));
    REQUIRE(!s);
    CHECK(s.error().code == store_errc::rejected);
    CHECK(s.error().detail.find("password") != std::string::npos);
    CHECK(s.error().detail.find("wrong") == std::string::npos);
  }
  CHECK(std::chrono::steady_clock::now() - begin < 3s);
}

TEST_CASE("a missing permission is told as such") {
  if (!has_redis()) return;
  redis_server server;
  REQUIRE(server.command({"ACL", "SETUSER", "reader", "on", ">p", "~*", "+@all", "-evalsha"}) == "OK");
  const auto s = open_redis(with("redis://reader:p@127.0.0.1:" + std::to_string(server.port())));
  REQUIRE(!s);
  CHECK(s.error().code == store_errc::rejected);
  CHECK(s.error().detail.find("evalsha") != std::string::npos);
}

TEST_CASE("a store opens that has no room or no replica at the moment") {
  if (!has_redis()) return;
  redis_server server;
  REQUIRE(server.command({"CONFIG", "SET", "maxmemory", "1"}) == "OK");
  auto o = with(server.url(), 500ms);
  o.wait_replicas = 1;
  CHECK(open_redis(o).has_value());
}

TEST_CASE("a store without room is still told whose contents it has") {
  if (!has_redis()) return;
  redis_server server;
  REQUIRE(server.command({"CONFIG", "SET", "maxmemory", "1"}) == "OK");
  REQUIRE(open_redis(with(server.url())).has_value());
  CHECK(server.command({"GET", "hf:format"}) == "1:1024");
}

TEST_CASE("contents of another number of slots or a newer format are refused, and left alone") {
  if (!has_redis()) return;
  redis_server server;
  const auto refused = [&](const std::string& format) {
    REQUIRE(server.command({"SET", "hf:format", format}) == "OK");
    const auto s = open_redis(with(server.url()));
    REQUIRE(!s);
    CHECK(server.command({"GET", "hf:format"}) == format);
    CHECK(s.error().detail.find(server.url() + " holds under the prefix hf") != std::string::npos);
    return s.error();
  };
  const auto says = [](const persistence::store_failure& f, const char* what) {
    return f.detail.find(what) != std::string::npos;
  };
  const auto other_count = refused("1:512");
  CHECK(other_count.code == store_errc::rejected);
  CHECK(says(other_count, "in 512 slots, and this Holdfast wants 1024"));
  CHECK(says(other_count, "name another prefix"));
  const auto newer = refused("2:1024");
  CHECK(newer.code == store_errc::rejected);
  CHECK(says(newer, "newer Holdfast (format 2, this one knows up to 1)"));
  for (const char* garbage : {"", "1024", "1:", "1:x", "x:1024", "1:1024 "})
    CHECK(refused(garbage).code == store_errc::corrupt);

  auto o = with(server.url());
  o.prefix = "another";
  CHECK(open_redis(o).has_value());
  CHECK(server.command({"DEL", "hf:format"}) == "1");
  CHECK(open_redis(with(server.url())).has_value());
  CHECK(open_redis(with(server.url())).has_value());
}

TEST_CASE("what was claimed before claims had views counts as claimed under none") {
  if (!has_redis()) return;
  redis_server server;
  const auto s = open_redis(with(server.url())).value();
  lane_harness h(*s);
  REQUIRE(server.command({"SET", "hf:{s7}:owner", "41:before"}) == "OK");
  CHECK(h.owner(7) == persistence::token{41, "before"});
  CHECK(h.claim(7, "now", 0).epoch == 42);
  CHECK(server.command({"EXISTS", "hf:{s7}:view"}) == "0");
  CHECK(h.claim(7, "now", 3).epoch == 43);
  CHECK_FALSE(h.try_claim(7, "before", 0));
}

TEST_CASE("nothing tells of the view and of claims for a time only") {
  if (!has_redis()) return;
  redis_server server;
  const auto s = open_redis(with(server.url())).value();
  lane_harness h(*s);
  REQUIRE(h.change_view(0, "view") == verdict::ok);
  h.claim(7, "i", 1);
  for (const char* key : {"hf:format", "hf:view", "hf:{s7}:owner", "hf:{s7}:view"})
    CHECK(server.command({"PTTL", key}) == "-1");
}

TEST_CASE("nobody listening is said after the deadline") {
  const auto s = open_redis(with("redis://127.0.0.1:" + std::to_string(free_port()), 300ms));
  REQUIRE(!s);
  CHECK(s.error().code == store_errc::unavailable);
  CHECK(s.error().detail.find("refused") != std::string::npos);
}

TEST_CASE("an idle session takes at most 3 KiB in Redis") {
  if (!has_redis()) return;
  redis_server server;
  const auto s = open_redis(with(server.url())).value();
  lane_harness h(*s);
  const persistence::entity of{"session", "6b2a9d1c-3c3e-4f6e-9e57-0d0f3c2b1a99"};
  const auto by = h.claim(of.slot(), "0123456789abcdef0123456789abcdef");
  auto c = snapshot_commit(of, by, 1, std::string(1'024, 's'));
  c.time_to_live = 1h;
  REQUIRE(h.commit(c) == verdict::ok);
  // Having been busy must not make it larger than that.
  c.sequence = 2;
  c.journal["x1"] = {persistence::stage::intent, std::string(400, 'i')};
  for (std::uint64_t n = 1; n <= 20; ++n) c.events.push_back({n, std::string(200, 'e')});
  REQUIRE(h.commit(c) == verdict::ok);
  auto idle = snapshot_commit(of, by, 3, std::string(1'024, 't'));
  idle.journal_dropped = {"x1"};
  idle.events_dropped_before = 21;
  REQUIRE(h.commit(idle) == verdict::ok);
  const auto bytes = bytes_in(server);
  MESSAGE("an idle session takes " << bytes << " bytes in Redis");
  CHECK(bytes <= 3 * 1'024);
}

TEST_CASE("nothing stays of an ended session but its slot's owner") {
  if (!has_redis()) return;
  redis_server server;
  const auto s = open_redis(with(server.url())).value();
  lane_harness h(*s);
  const persistence::entity of{"session", "a"};
  const auto by = h.claim(of.slot(), "i");
  for (const bool by_commit : {true, false}) {
    auto c = snapshot_commit(of, by, 1, "s");
    c.parts["p"] = "part";
    c.journal["x"] = {};
    c.events = {{1, "e"}};
    c.time_to_live = 1h;
    REQUIRE(h.commit(c) == verdict::ok);
    CHECK(server.command({"DBSIZE"}) == "5");
    auto last = snapshot_commit(of, by, 2, "s");
    last.ends = true;
    CHECK((by_commit ? h.commit(last) : h.expire(of, by)) == verdict::ok);
    CHECK(server.command({"KEYS", "hf:{*"}) == "hf:{s" + std::to_string(of.slot()) + "}:owner");
    CHECK(server.command({"DBSIZE"}) == "2");
  }
}

TEST_CASE("events expire with their session, whenever they were added") {
  if (!has_redis()) return;
  redis_server server;
  const auto s = open_redis(with(server.url())).value();
  lane_harness h(*s);
  const persistence::entity of{"session", "a"};
  const auto by = h.claim(of.slot(), "i");
  const std::string tag = "hf:{s" + std::to_string(of.slot()) + "}:";
  const auto expiry = [&](const std::string& key) { return server.command({"PEXPIRETIME", tag + key}); };
  auto c = snapshot_commit(of, by, 1, "s");
  c.time_to_live = 1h;
  REQUIRE(h.commit(c) == verdict::ok);
  c = snapshot_commit(of, by, 2, "s");
  c.events = {{1, "e"}};
  REQUIRE(h.commit(c) == verdict::ok);
  CHECK(std::stoll(expiry("session:a")) > 0);
  CHECK(expiry("events:session:a") == expiry("session:a"));
  CHECK(server.command({"ZSCORE", tag + "index:session", "a"}) == expiry("session:a"));
  REQUIRE(h.extend(of, by, 2h) == verdict::ok);
  CHECK(expiry("events:session:a") == expiry("session:a"));
  REQUIRE(h.extend(of, by, std::chrono::milliseconds::max()) == verdict::ok);
  CHECK(expiry("session:a") == "-1");
  CHECK(expiry("events:session:a") == "-1");
  CHECK(server.command({"ZSCORE", tag + "index:session", "a"}) == "inf");
}

TEST_CASE("a list forgets what has expired") {
  if (!has_redis()) return;
  redis_server server;
  const auto s = open_redis(with(server.url())).value();
  lane_harness h(*s);
  const persistence::entity of{"session", "a"};
  const auto by = h.claim(of.slot(), "i");
  auto c = snapshot_commit(of, by, 1, "s");
  c.time_to_live = 1ms;
  REQUIRE(h.commit(c) == verdict::ok);
  h.run_until([&] { return !h.load(of).has_value(); });
  CHECK(h.list("session", of.slot()).entries.empty());
  CHECK(server.command({"DBSIZE"}) == "2");
}

TEST_CASE("a list goes on behind its cursor though the entry there is gone") {
  if (!has_redis()) return;
  redis_server server;
  const auto s = open_redis(with(server.url())).value();
  lane_harness h(*s);
  const auto ids = ids_in_one_slot(7);
  const auto slot = persistence::slot_of(ids[0]);
  const auto by = h.claim(slot, "i");
  for (const auto& id : ids) REQUIRE(h.commit(snapshot_commit({"session", id}, by, 1, "s")) == verdict::ok);
  std::vector<std::string> seen;
  persistence::page p;
  do {
    p = h.list("session", slot, p.next, 2);
    for (const auto& e : p.entries) {
      seen.push_back(e.id);
      CHECK(h.expire({"session", e.id}, by) == verdict::ok);
    }
  } while (!p.next.empty());
  std::sort(seen.begin(), seen.end());
  CHECK(seen == ids);
}

TEST_CASE("an entity of thousands of fields is committed, loaded and restored") {
  if (!has_redis()) return;
  redis_server server;
  const auto s = open_redis(with(server.url())).value();
  lane_harness h(*s);
  const persistence::entity of{"session", "a"};
  const auto by = h.claim(of.slot(), "i");
  auto c = snapshot_commit(of, by, 1, "s");
  for (int i = 0; i < 12'000; ++i) c.journal["x" + std::to_string(i)] = {persistence::stage::result, "r"};
  REQUIRE(h.commit(c) == verdict::ok);
  const auto kept = h.load(of);
  REQUIRE(kept.has_value());
  CHECK(kept->journal == c.journal);
  persistence::restoration r{of, by, *kept, {}, std::nullopt, 0};
  CHECK(h.restore(r) == verdict::ok);
  CHECK(h.load(of) == kept);
  auto drop = snapshot_commit(of, by, 2, "s");
  for (const auto& [id, entry] : c.journal) drop.journal_dropped.push_back(id);
  CHECK(h.commit(drop) == verdict::ok);
  CHECK(h.load(of)->journal.empty());
}
