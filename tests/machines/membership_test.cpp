#include "actors/machines/membership.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

using namespace holdfast::actors::machines::membership;

namespace {

constexpr std::uint16_t slots = 1024;

view of(std::initializer_list<const char*> names) {
  view v;
  for (const std::string name : names) v = joined(std::move(v), {name, "i-" + name, name + ":1", false});
  return v;
}

std::map<std::string, int> shares(const view& v) {
  std::map<std::string, int> all;
  for (std::uint16_t s = 0; s < slots; ++s) {
    if (const auto* const who = owner_of(v, s)) ++all[who->name];
  }
  return all;
}

}  // namespace

TEST_CASE("every change of the view is one version") {
  auto v = of({"a", "b"});
  CHECK(v.version == 2);
  CHECK(without(v, "i-b").version == 3);
  CHECK(leaving(v, "i-b").version == 3);
  CHECK(without(v, "nobody") == v);
  CHECK(leaving(leaving(v, "i-b"), "i-b").version == 3);
}

TEST_CASE("a node that is started again takes its own place") {
  const auto v = joined(of({"a", "b"}), {"a", "i-a2", "a:1", false});
  CHECK(v.members.size() == 2);
  CHECK(find(v, "i-a") == nullptr);
  CHECK(find(v, "i-a2") != nullptr);
  CHECK(shares(v) == shares(of({"a", "b"})));
}

TEST_CASE("so does another node that was given its address") {
  const auto v = joined(of({"a", "b"}), {"c", "i-c", "a:1", false});
  CHECK(find(v, "i-a") == nullptr);
  CHECK(v.members.size() == 2);
}

TEST_CASE("nobody owns the slots of nobody") {
  CHECK(owner_of(view(), 7) == nullptr);
  CHECK(owner_of(leaving(of({"a"}), "i-a"), 7) == nullptr);
}

TEST_CASE("slots are shared evenly") {
  for (const auto& s : shares(of({"n1", "n2", "n3", "n4"}))) {
    CAPTURE(s.first);
    CHECK(s.second > 200);
    CHECK(s.second < 312);
  }
}

TEST_CASE("a change of the members moves no slots but those of who came or went") {
  const auto three = of({"n1", "n2", "n3"}), two = without(three, "i-n2"), left = leaving(three, "i-n2");
  for (std::uint16_t s = 0; s < slots; ++s) {
    const auto before = owner_of(three, s)->name;
    CAPTURE(s);
    CHECK(owner_of(two, s) != nullptr);
    if (before != "n2") CHECK(owner_of(two, s)->name == before);
    CHECK(owner_of(left, s)->name == owner_of(two, s)->name);
  }
}

TEST_CASE("a slot stays where an operator has put it, while that node is there") {
  const auto v = of({"a", "b", "c"});
  std::uint16_t slot = 0;
  while (owner_of(v, slot)->name != "a") ++slot;
  const auto put = pinned(v, slot, "b");
  CHECK(put.version == v.version + 1);
  CHECK(pinned(put, slot, "b") == put);
  CHECK(owner_of(put, slot)->name == "b");
  CHECK(owner_of(leaving(put, "i-b"), slot)->name == "a");
  CHECK(owner_of(without(put, "i-b"), slot)->name == "a");
  CHECK(owner_of(joined(without(put, "i-b"), {"b", "i-b2", "b:1", false}), slot)->incarnation == "i-b2");
  CHECK(owner_of(unpinned(put), slot)->name == "a");
  CHECK(unpinned(v) == v);
}

TEST_CASE("a node that was to leave may stay") {
  const auto v = of({"a", "b"});
  const auto back = staying(leaving(v, "i-a"), "i-a");
  CHECK(back.version == v.version + 2);
  CHECK(shares(back) == shares(v));
  CHECK(staying(v, "i-a") == v);
}
