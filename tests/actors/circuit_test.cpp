#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "actors/call_places.hpp"
#include "actors/circuit_keeper.hpp"
#include "actors/node_config.hpp"
#include "actors/node_store.hpp"
#include "actors/shard.hpp"
#include "tests/persistence/wayward_store.hpp"
#include "tests/support/loop_thread.hpp"

using namespace holdfast;
using namespace holdfast::actors;
using namespace std::chrono_literals;
using machines::breaker::effect;

namespace {

circuit::time_point now() { return std::chrono::steady_clock::now(); }

std::vector<upstream_config> two_upstreams(std::uint32_t probes = 1) {
  upstream_config u;
  u.alias = "up";
  u.breaker.failures = 3;
  u.breaker.open_for = 600s;
  u.breaker.open_max = 3600s;
  u.breaker.probes = probes;
  auto other = u;
  other.alias = "other";
  return {u, other};
}

void fail(circuit& c, int times = 3) {
  for (int i = 0; i < times; ++i) c.failed("connection refused", now());
}

/// A node, as far as it has breakers: a thread with a lane to the store.
struct member {
  member(const std::string& name, const std::shared_ptr<persistence::store>& inner, std::uint32_t probes = 1)
      : home(*loop) {
    auto way = std::make_unique<tests::wayward_store>(inner);
    door = way.get();
    store = std::make_unique<node_store>(std::move(way), persistence::encoding({}), false, 0ms);
    keeper = std::make_shared<circuit_keeper>();
    for (const auto& u : two_upstreams(probes)) keeper->add(u);
    std::promise<void> read;
    loop->post([&] {
      home.use(store->lane(transport::context_of(*loop)));
      keeper->share(home, *store, name, [&] { read.set_value(); });
    });
    read.get_future().get();
  }
  ~member() {
    loop.run([this] { home.use(std::unique_ptr<persistence::store_lane>()); });
  }

  circuit& up() { return keeper->of(0); }

  /// As beats do.
  void hears(const member& other) {
    loop.run([&] { keeper->heard(other.keeper->version()); });
  }

  std::shared_ptr<circuit_probe> probe(circuit::time_point at) {
    const auto may = up().ask(at);
    if (may.todo != effect::probe) return nullptr;
    std::promise<std::shared_ptr<circuit_probe>> granted;
    keeper->grant(0, may.tenure, 1s, *loop, [&](auto p) { granted.set_value(std::move(p)); });
    return granted.get_future().get();
  }

  tests::loop_thread loop;
  shard home;
  tests::wayward_store* door = nullptr;
  std::unique_ptr<node_store> store;
  std::shared_ptr<circuit_keeper> keeper;
};

std::shared_ptr<persistence::store> one_store() { return persistence::store::open({}).value(); }

template <class Condition>
bool within(Condition c, std::chrono::seconds limit = 20s) {
  const auto end = now() + limit;
  while (!c()) {
    if (now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

/// `b` knows what `a` has found.
bool told(member& a, member& b) {
  return within([&] {
    b.hears(a);
    return a.keeper->version() == b.keeper->version() && a.up().is_closed() == b.up().is_closed() &&
           a.up().standing() == b.up().standing();
  });
}

}  // namespace

TEST_CASE("a breaker counts successes that were told together as those of their time") {
  circuit c("up", true, machines::breaker::policy{});
  const auto t = now();
  for (int i = 0; i < 100; ++i) c.succeeded(t);
  CHECK(c.look(t).seen.succeeded == 100);
  fail(c, 4);
  CHECK(c.is_closed());
  CHECK(c.look(t).seen.in_a_row == 4);
  c.succeeded(now());
  CHECK(c.look(now()).seen.in_a_row == 0);
  fail(c, 4);
  CHECK(c.is_closed());
  fail(c, 1);
  CHECK_FALSE(c.is_closed());
  CHECK(c.standing().reason == "connection refused");
}

TEST_CASE("a breaker that is disabled never opens") {
  circuit c("up", false, machines::breaker::policy{});
  fail(c, 100);
  CHECK(c.is_closed());
}

TEST_CASE("what one node finds the others know, and whoever comes later") {
  const auto store = one_store();
  member a("a", store), b("b", store);
  fail(a.up());
  REQUIRE(told(a, b));
  CHECK(b.up().standing().by == "a");
  CHECK(b.up().ask(now()).todo == effect::refuse);
  CHECK(b.keeper->of(1).is_closed());
  member c("c", store);
  CHECK_FALSE(c.up().is_closed());
  CHECK(c.up().look(now()).next_probe_in > 500s);
  c.up().reset(now());
  REQUIRE(told(c, a));
  CHECK(a.up().is_closed());
  CHECK(a.up().standing().reason == "reset by an operator");
}

TEST_CASE("all nodes together let one probe through; its outcome counts for all") {
  const auto store = one_store();
  member a("a", store), b("b", store);
  fail(a.up());
  REQUIRE(told(a, b));
  const auto due = now() + 601s;
  auto first = a.probe(due);
  REQUIRE(first);
  CHECK_FALSE(b.probe(due));
  CHECK_FALSE(a.probe(due));
  SUBCASE("it fails") {
    first->failed("timed out");
    REQUIRE(told(a, b));
    CHECK(b.up().standing().times == 2);
    CHECK(b.up().look(now()).next_probe_in > 1000s);
  }
  SUBCASE("it passes") {
    first->passed();
    REQUIRE(told(a, b));
    CHECK(b.up().is_closed());
  }
  SUBCASE("it comes to nothing") {
    first = nullptr;
    std::shared_ptr<circuit_probe> second;
    CHECK(within([&] { return (second = b.probe(now() + 700s)) != nullptr; }));
    CHECK_FALSE(a.probe(now() + 700s));
  }
}

TEST_CASE("probes that pass at several nodes are counted together") {
  const auto store = one_store();
  member a("a", store, 2), b("b", store, 2);
  fail(a.up());
  REQUIRE(told(a, b));
  const auto due = now() + 601s;
  auto one = a.probe(due), two = b.probe(due);
  REQUIRE(one);
  REQUIRE(two);
  CHECK_FALSE(a.probe(due));
  CHECK_FALSE(b.probe(due));
  one->passed();
  CHECK_FALSE(a.up().is_closed());
  two->passed();
  CHECK(within([&] {
    a.hears(b);
    b.hears(a);
    return a.up().is_closed() && b.up().is_closed();
  }));
}

TEST_CASE("what a node has found without the store gives way to what the others have changed there meanwhile") {
  const auto store = one_store();
  member a("a", store), b("b", store);
  fail(a.up());
  REQUIRE(told(a, b));
  b.door->be_down();
  b.up().reset(now());
  fail(b.up());
  b.up().reset(now());
  CHECK(b.up().is_closed());
  auto probe = a.probe(now() + 601s);
  REQUIRE(probe);
  const auto before = a.keeper->version();
  probe->failed("timed out");
  CHECK(within([&] { return a.keeper->version() > before; }));
  b.door->be_well();
  REQUIRE(told(a, b));
  CHECK_FALSE(b.up().is_closed());
  CHECK(b.up().standing().times == 2);
}

TEST_CASE("while the store does not answer each node decides alone, and tells what it has found once it does") {
  const auto store = one_store();
  member a("a", store), b("b", store);
  a.door->be_down();
  fail(a.up());
  CHECK_FALSE(a.up().is_closed());
  auto probe = a.probe(now() + 601s);
  REQUIRE(probe);
  CHECK_FALSE(a.probe(now() + 601s));
  probe->failed("timed out");
  CHECK(b.up().is_closed());
  a.door->be_well();
  REQUIRE(told(a, b));
  CHECK(b.up().standing().times == 2);
}

TEST_CASE("the record of the breakers is read as it was written, and nothing that makes no sense") {
  circuit_record r;
  r["up"] = {
      7, {true, true, circuit_standing::timestamp(5ms), circuit_standing::timestamp(9ms), 3, 5, "it \"hung\"", "n1"}};
  r["idle"] = {1, {}};
  const auto text = to_json(r, "n1/1");
  CHECK(read_circuits(text) == r);
  CHECK(to_json(r, "n1/2") != text);
  for (const auto* bad : {"", "[]", "{}", R"({"v":2,"upstreams":[]})", R"({"v":1})", R"({"v":1,"upstreams":[})"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_circuits(bad));
  }
  CHECK(read_circuits(R"({"v":1,"upstreams":[7,{},{"name":"x"},{"epoch":1}],"more":1})")->empty());
  CHECK(read_circuits(R"({"v":1,"upstreams":[{"name":"x","epoch":2,"times":-4,"until":"soon"}]})")->at("x").epoch == 2);
}

TEST_CASE("places are given in turn, no more than there are, and what does not fit is refused") {
  const auto places = std::make_shared<call_places>(2, 2);
  std::vector<int> turns;
  auto a = places->enter([] {}), b = places->enter([] {});
  auto c = places->enter([&] { turns.push_back(1); });
  auto d = places->enter([&] { turns.push_back(2); });
  CHECK(b->is_taken());
  CHECK_FALSE(c->is_taken());
  CHECK(places->enter([] {}) == nullptr);
  CHECK((places->count().taken == 2 && places->count().waiting == 2));
  c = nullptr;  // gives up
  auto e = places->enter([&] { turns.push_back(3); });
  REQUIRE(e);
  a = nullptr;
  CHECK(turns == std::vector{2});
  CHECK(d->is_taken());
  b = nullptr;
  CHECK(turns == std::vector{2, 3});
  d = nullptr;
  e = nullptr;
  CHECK((places->count().taken == 0 && places->count().waiting == 0));
}
