#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "actors/cache_keys.hpp"
#include "actors/node_store.hpp"
#include "actors/result_cache.hpp"
#include "actors/shard.hpp"
#include "tests/persistence/wayward_store.hpp"
#include "tests/support/loop_thread.hpp"

using namespace holdfast;
using namespace holdfast::actors;
using namespace std::chrono_literals;

namespace {

using clock_type = std::chrono::steady_clock;

const tool_cache look{"up/look", 1, 60s, cache_scope::shared};
const tool_cache other{"up/other", 1, 60s, cache_scope::shared};

template <class Condition>
bool within(Condition c, std::chrono::seconds limit = 20s) {
  const auto end = clock_type::now() + limit;
  while (!c()) {
    if (clock_type::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

cached_result result(const std::string& text) { return std::make_shared<const std::string>('"' + text + '"'); }

/// A node, as far as it has a cache: a thread with a lane to the store that it shares with others.
struct member {
  explicit member(const std::shared_ptr<persistence::store>& inner, cache_config config = {}) : home(*loop) {
    auto way = std::make_unique<tests::wayward_store>(inner);
    door = way.get();
    store = std::make_unique<node_store>(std::move(way), persistence::encoding({}), false, 0ms);
    keys = std::make_shared<cache_keys>(config.blind_max);
    cache = std::make_shared<result_cache>(config);
    cache->share(store.get(), true);
    loop.run([&] {
      home.use(store->lane(transport::context_of(*loop)));
      keys->share(home, *store, true);
    });
  }
  ~member() {
    loop.run([this] {
      cache = nullptr;
      home.use(std::unique_ptr<persistence::store_lane>());
    });
  }

  std::string key(const tool_cache& what = look) {
    std::optional<std::string> k;
    if (!within([&] { return (k = keys->key_of(what, "", "{}", clock_type::now())).has_value(); })) return {};
    return *k;
  }

  std::string invalidate(const std::string& tool = {}) {
    std::promise<std::string> done;
    loop.run([&] { keys->invalidate(tool, [&](std::string trouble) { done.set_value(std::move(trouble)); }); });
    return done.get_future().get();
  }

  /// As an operator's node has it done.
  void learns(const member& from) {
    std::promise<void> done;
    loop.run([&] { keys->learn(from.keys->version(), [&] { done.set_value(); }); });
    done.get_future().get();
  }

  struct told {
    cached_result result;
    cache_lead_ptr lead;
  };
  /// What a call is told, once it is.
  std::future<told> asks(const std::string& with) {
    auto answer = std::make_shared<std::promise<told>>();
    auto there = answer->get_future();
    loop.run([&] {
      cache->ask(with, look, clock_type::now() + 60s, home, [answer](auto r, auto l) {
        answer->set_value({std::move(r), std::move(l)});
      });
    });
    return there;
  }
  void fill(cache_lead_ptr lead, const std::string& text) {
    loop.run([&] { std::exchange(lead, nullptr)->fill(result(text)); });
  }

  tests::loop_thread loop;
  shard home;
  tests::wayward_store* door = nullptr;
  std::unique_ptr<node_store> store;
  std::shared_ptr<cache_keys> keys;
  std::shared_ptr<result_cache> cache;
};

std::shared_ptr<persistence::store> one_store() { return persistence::store::open({}).value(); }

bool waits(const std::future<member::told>& f) { return f.wait_for(150ms) == std::future_status::timeout; }

}  // namespace

TEST_CASE("the record of generations can be read again") {
  const cache_generations g{3, {{"up/look", 2}, {"a \"b\"/c", 9}}};
  CHECK(read_cache_generations(to_json(g, "n1")).value_or(cache_generations()) == g);
  for (const auto* text : {"", "{}", "[]", R"({"v":2,"all":1})", R"({"v":1)"})
    CHECK_FALSE(read_cache_generations(text));
}

TEST_CASE("a key says what is asked, of what, and of whom") {
  const cache_keys keys(2s);
  const auto now = clock_type::now();
  const auto of = [&](const tool_cache& what, std::string_view whose, std::string_view arguments) {
    return keys.key_of(what, whose, arguments, now).value_or("");
  };
  const auto first = of(look, "", "{}");
  CHECK(first.size() == 32);
  CHECK(of(look, "", "{}") == first);
  CHECK(of(other, "", "{}") != first);
  CHECK(of(look, "ann", "{}") != first);
  CHECK(of(look, "", R"({"a":1})") != first);
  CHECK(of(look, "a", "b{}") != of(look, "ab", "{}"));
  CHECK(of({"up/look", 2, 60s, cache_scope::shared}, "", "{}") != first);
}

TEST_CASE("what one node has invalidated has another key everywhere, and only that") {
  const auto store = one_store();
  member a(store), b(store);
  const auto before = a.key(), beside = a.key(other);
  CHECK(b.key() == before);
  CHECK(a.invalidate("up/look").empty());
  CHECK(a.key() != before);
  CHECK(a.key(other) == beside);
  b.learns(a);
  CHECK(b.key() == a.key());
  CHECK(b.invalidate().empty());
  CHECK(b.key(other) != beside);
  a.learns(b);
  CHECK(a.key() == b.key());
  member c(store);
  CHECK(within([&] { return c.key() == a.key(); }));
}

TEST_CASE("of two nodes that invalidate at once each is heard") {
  const auto store = one_store();
  member a(store), b(store);
  for (int i = 0; i < 50; ++i) {
    const auto of_a = a.key(), of_b = b.key();
    auto other_one = std::async(std::launch::async, [&] { return b.invalidate("up/look"); });
    CHECK(a.invalidate("up/look").empty());
    // Kept by whoever knows the first of the two only, and begun before the second: nobody may find it.
    CHECK(other_one.get().empty());
    a.learns(b);
    b.learns(a);
    CHECK(a.key() == b.key());
    CHECK(a.key() != of_a);
    CHECK(b.key() != of_b);
  }
  CHECK(a.keys->generations().tools.at("up/look") >= 100);
}

TEST_CASE("a node that does not know what is invalid takes nothing from the cache") {
  const auto store = one_store();
  cache_config config;
  config.blind_max = 200ms;
  member a(store, config), b(store, config);
  const auto before = a.key();
  REQUIRE_FALSE(before.empty());
  a.door->be_down();
  CHECK(within([&] { return !a.keys->key_of(look, "", "{}", clock_type::now()); }));
  CHECK(a.invalidate("up/look") == "the store does not answer; this node alone has forgotten the results");
  CHECK(b.key() == before);
  a.door->be_well();
  CHECK(within([&] { return b.key() != before && b.key() == a.key(); }));
}

TEST_CASE("one of several calls that are alike is made, and all get its result") {
  const auto store = one_store();
  member a(store), b(store);
  auto first = a.asks("k");
  auto lead = first.get();
  REQUIRE(lead.lead);
  auto beside = a.asks("k"), elsewhere = b.asks("k");
  CHECK(waits(beside));
  CHECK(waits(elsewhere));
  a.fill(std::move(lead.lead), "done");
  CHECK(*beside.get().result == "\"done\"");
  CHECK(*elsewhere.get().result == "\"done\"");
  CHECK(*a.cache->find("k", look, clock_type::now()) == "\"done\"");
  CHECK(a.cache->find("k", look, clock_type::now() + 61s) == nullptr);
  const auto counted = b.cache->count();
  CHECK(counted.tools.at("up/look").store == 1);
  CHECK(counted.waiting == 0);
}

TEST_CASE("a call that ends between the look for its result and the lock is not made again") {
  const auto store = one_store();
  member a(store), b(store);
  auto lead = a.asks("k").get();
  REQUIRE(lead.lead);
  b.door->before_acquire = [&] {
    a.fill(std::move(lead.lead), "done");
    std::this_thread::sleep_for(100ms);  // until the lock has gone
  };
  const auto elsewhere = b.asks("k").get();
  CHECK_FALSE(elsewhere.lead);
  REQUIRE(elsewhere.result);
  CHECK(*elsewhere.result == "\"done\"");
}

TEST_CASE("a call that comes to nothing leaves the lead to the next one, at last on another node") {
  const auto store = one_store();
  member a(store), b(store);
  auto lead = a.asks("k").get();
  auto second = a.asks("k");
  auto elsewhere = b.asks("k");
  CHECK(waits(elsewhere));
  lead.lead = nullptr;
  auto next = second.get();
  REQUIRE(next.lead);
  CHECK(waits(elsewhere));
  next.lead = nullptr;
  auto last = elsewhere.get();
  REQUIRE(last.lead);
  b.fill(std::move(last.lead), "at last");
  CHECK(*a.asks("k").get().result == "\"at last\"");
}

TEST_CASE("a lead whose node has gone falls to another one") {
  const auto store = one_store();
  auto a = std::make_unique<member>(store);
  member b(store);
  auto lead = a->asks("k").get();
  REQUIRE(lead.lead);
  // It can tell nobody any more, and prolong nothing.
  a->door->be_silent();
  auto elsewhere = b.asks("k");
  CHECK(waits(elsewhere));
  CHECK(elsewhere.wait_for(20s) == std::future_status::ready);
  CHECK(elsewhere.get().lead != nullptr);
  lead.lead = nullptr;
}

TEST_CASE("memory is bounded, and what was used last stays") {
  cache_config config;
  config.bytes_max = 64 << 10;
  config.entry_bytes_max = 4 << 10;
  tests::loop_thread loop;
  shard home(*loop);
  const auto cache = std::make_shared<result_cache>(config);
  loop.run([&] {
    for (int i = 0; i < 500; ++i) {
      cache->put("k" + std::to_string(i), look, result(std::string(500, 'x')), home);
      CHECK(cache->find("k0", look, clock_type::now()) != nullptr);
    }
    cache->put("large", look, result(std::string(5'000, 'x')), home);
  });
  CHECK(cache->find("large", look, clock_type::now()) == nullptr);
  CHECK(cache->find("k1", look, clock_type::now()) == nullptr);
  const auto now = cache->count();
  CHECK(now.bytes <= config.bytes_max);
  CHECK(now.evicted + now.entries == 500);
  cache->forget_all();
  CHECK(cache->count().entries == 0);
}

TEST_CASE("without room to wait a call is made itself") {
  cache_config config;
  config.waiting_max = 1;
  tests::loop_thread loop;
  shard home(*loop);
  const auto cache = std::make_shared<result_cache>(config);
  loop.run([&] {
    cache_lead_ptr lead;
    const auto ask = [&] {
      return cache->ask("k", look, clock_type::now() + 1s, home, [&](auto, auto l) { lead = std::move(l); });
    };
    CHECK(ask());
    CHECK(ask());
    CHECK_FALSE(ask());
    lead->fill(result("x"));
    CHECK(cache->count().waiting == 0);
  });
}
