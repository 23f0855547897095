#include "actors/cluster_view.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>

#include "actors/cluster_text.hpp"
#include "tests/persistence/store_harness.hpp"

using namespace holdfast;
using namespace holdfast::actors;
using machines::membership::view;

namespace {

/// A store with the view of a cluster in it, seen by two nodes.
struct shared_view {
  shared_view() : store(persistence::store::open({}).value()), a(*store), b(*store) {}

  static view_outcome read(tests::lane_harness& by) {
    std::optional<view_outcome> answer;
    read_cluster_view(by.lane(), [&](auto r) { answer = std::move(r); });
    by.run_until([&] { return answer.has_value(); });
    return *answer;
  }

  template <class Change>
  static view_outcome change(tests::lane_harness& by, const std::string& who, Change f, const view& known = {}) {
    std::optional<view_outcome> answer;
    change_cluster_view(by.lane(), who, std::make_shared<const view>(known), f, [&](auto r) { answer = std::move(r); });
    by.run_until([&] { return answer.has_value(); });
    return *answer;
  }

  static auto joins(const std::string& name) {
    return [name](view v) {
      return machines::membership::joined(std::move(v), {name, "i-" + name, name + ":1", false});
    };
  }

  const std::unique_ptr<persistence::store> store;
  tests::lane_harness a, b;
};

}  // namespace

TEST_CASE("a view that nobody has written is empty") {
  shared_view s;
  CHECK(s.read(s.a).value() == view{});
}

TEST_CASE("what one writes the other reads") {
  shared_view s;
  const auto written = s.change(s.a, "a", s.joins("a")).value();
  CHECK(written.version == 1);
  CHECK(s.read(s.b).value() == written);
  CHECK(s.change(s.b, "b", s.joins("b")).value().members.size() == 2);
  CHECK(s.read(s.a).value().version == 2);
}

TEST_CASE("a change that changes nothing is not written") {
  shared_view s;
  s.change(s.a, "a", s.joins("a")).value();
  CHECK(s.change(s.b, "b", [](view v) { return v; }).value().version == 1);
}

TEST_CASE("whoever was slower begins again with what the other one has made of it") {
  shared_view s;
  bool first = true;
  const auto slow = [&](view v) {
    if (std::exchange(first, false)) s.change(s.b, "b", s.joins("b")).value();
    return s.joins("a")(std::move(v));
  };
  const auto both = s.change(s.a, "a", slow).value();
  CHECK(both.members.size() == 2);
  CHECK(both.version == 2);
}

TEST_CASE("a store that lost its history is told again what was known") {
  shared_view s;
  s.change(s.a, "a", s.joins("a")).value();
  view known{4, {{"a", "i-a", "a:1", false}, {"b", "i-b", "b:1", false}}};
  const auto after = s.change(s.a, "a", s.joins("c"), known).value();
  CHECK(after.version == 5);
  CHECK(after.members.size() == 3);
}

TEST_CASE("a view of another version of Holdfast is not touched") {
  shared_view s;
  s.a.attempt<persistence::verdict>([](auto& l, auto done) { l.change_view(0, R"({"v":9})", done); }).value();
  CHECK(s.read(s.b).error().detail.find("another version") != std::string::npos);
  CHECK(s.change(s.b, "b", s.joins("b")).has_error());
}
