#include "actors/cluster_routes.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

using namespace holdfast::actors;
namespace membership = machines::membership;

namespace {

/// Three nodes as "a" sees them.
struct seen {
  seen() {
    for (const std::string name : {"a", "b", "c"})
      view = membership::joined(std::move(view), {name, "i-" + name, name, false});
    neighbours["i-b"].target.host = "b";
    neighbours["i-c"].target.host = "c";
    mine.host = "a";
  }

  cluster_routes routes() const { return routes_of(view, "i-a", mine, held, neighbours); }

  membership::view view;
  std::map<std::string, neighbour> neighbours;
  holdfast::transport::http_target mine;
  slot_set held;
};

}  // namespace

TEST_CASE("a slot that nobody holds goes to whom the view gives it") {
  const seen s;
  const auto routes = s.routes();
  for (const std::uint16_t slot : {0, 1, 500, 1023})
    CHECK(routes.owner_of(slot)->incarnation == membership::owner_of(s.view, slot)->incarnation);
}

TEST_CASE("a slot goes to who holds it, whatever the view says") {
  seen s;
  s.held.set(1);
  s.neighbours["i-b"].slots.set(2);
  s.neighbours["i-c"].slots.set(3);
  const auto routes = s.routes();
  CHECK(routes.owner_of(1)->target.host == "a");
  CHECK(routes.owner_of(2)->target.host == "b");
  CHECK(routes.owner_of(3)->target.host == "c");
}

TEST_CASE("what this node holds is here, though another one said otherwise before") {
  seen s;
  s.held.set(1);
  s.neighbours["i-b"].slots.set(1);
  s.neighbours["i-c"].slots.set(1);
  CHECK(s.routes().owner_of(1)->target.host == "a");
}

TEST_CASE("a slot of one that has left the view is another's") {
  seen s;
  s.neighbours["i-b"].slots.set();
  s.view = membership::without(s.view, "i-b");
  const auto routes = s.routes();
  CHECK_FALSE(routes.reaches("i-b"));
  CHECK(routes.reaches("i-c"));
  CHECK(routes.owner_of(5)->name != "b");
}

TEST_CASE("requests go through another node where only that reaches the owner") {
  seen s;
  const auto direct = s.routes();
  CHECK(direct.via == std::vector<std::uint16_t>{0, 1, 2});
  s.neighbours["i-b"].elsewhere = true;
  s.neighbours["i-b"].reached = false;
  CHECK(s.routes().via == std::vector<std::uint16_t>{0, 2, 2});
  CHECK(direct.reaches("i-b"));
  CHECK_FALSE(s.routes().reaches("i-b"));
  CHECK(s.routes().reaches("i-c"));
  s.neighbours["i-c"].reached = false;
  CHECK(s.routes().via == std::vector<std::uint16_t>{0, 1, 2});
}

TEST_CASE("without members there is nowhere to go") {
  seen s;
  s.view = {};
  CHECK(s.routes().owner_of(7) == nullptr);
}
