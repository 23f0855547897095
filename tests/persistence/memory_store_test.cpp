#include <doctest/doctest.h>

#include <vector>

#include "persistence/stores_impl.hpp"
#include "tests/persistence/store_contract.hpp"
#include "tests/persistence/store_harness.hpp"

using holdfast::persistence::open_memory;
using holdfast::persistence::store_errc;
using holdfast::persistence::store_options;
using holdfast::persistence::tier;
using holdfast::tests::check_store_contract;
using holdfast::tests::lane_harness;

namespace {

store_options options(std::size_t waiting_max = 1'000) {
  store_options o;
  o.url = "memory:";
  o.waiting_max = waiting_max;
  return o;
}

}  // namespace

TEST_CASE("the memory store keeps the contract") {
  check_store_contract([] { return open_memory(options()).value(); });
}

TEST_CASE("a lane of the memory store takes no more operations than its limit") {
  const auto s = open_memory(options(2)).value();
  lane_harness on(*s);
  std::vector<bool> refused;
  for (int n = 0; n < 4; ++n)
    on.lane().load({"session", "s"},
                   [&](const auto& r) { refused.push_back(!r && r.error().code == store_errc::overloaded); });
  on.run_until([&] { return refused.size() == 4; });
  CHECK(refused == std::vector<bool>{false, false, true, true});
  CHECK_FALSE(on.load({"session", "s"}));
  CHECK(s->health().failures == 2);
}

TEST_CASE("two memory stores share nothing") {
  const auto a = open_memory(options()).value();
  const auto b = open_memory(options()).value();
  CHECK(a->tier() == tier::memory);
  CHECK(a->shown() == "memory:");
  lane_harness on_a(*a);
  lane_harness on_b(*b);
  CHECK(on_a.claim(1, "first").epoch == 1);
  CHECK_FALSE(on_b.owner(1));
}
