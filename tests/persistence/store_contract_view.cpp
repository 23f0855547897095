#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <future>
#include <string>
#include <vector>

#include "tests/persistence/store_contract.hpp"
#include "tests/persistence/store_contract_fixture.hpp"

using holdfast::persistence::store;
using holdfast::persistence::verdict;
using holdfast::persistence::versioned;

namespace holdfast::tests {
namespace {

// Changes the view, whoever else does, until it has got so many versions through; which ones those were.
std::vector<std::uint64_t> change_again_and_again(store& s, const std::string& who, std::size_t count) {
  lane_harness on(s);
  std::vector<std::uint64_t> mine;
  while (mine.size() < count) {
    const auto standing = on.read_view();
    const std::uint64_t version = standing ? standing->version : 0;
    if (on.change_view(version, who) == verdict::ok) mine.push_back(version + 1);
  }
  return mine;
}

}  // namespace

void check_view(store& s) {
  lane_harness a(s);
  lane_harness b(s);

  SUBCASE("there is none until it is written") {
    CHECK_FALSE(a.read_view());
    CHECK(a.change_view(1, "second") == verdict::conflict);
    CHECK_FALSE(a.read_view());
    CHECK(a.change_view(0, "first") == verdict::ok);
    CHECK(a.read_view() == versioned{1, "first"});
    CHECK(b.read_view() == versioned{1, "first"});
  }

  SUBCASE("each change is the next version") {
    for (std::uint64_t before = 0; before < 12; ++before) {
      const std::string bytes = "after " + std::to_string(before);
      CHECK((before % 2 == 0 ? a : b).change_view(before, bytes) == verdict::ok);
      CHECK(a.read_view() == versioned{before + 1, bytes});
    }
  }

  SUBCASE("only who knows the version that stands changes it") {
    CHECK(a.change_view(0, "first of a") == verdict::ok);
    CHECK(a.change_view(1, "second of a") == verdict::ok);
    CHECK(b.change_view(0, "first of b") == verdict::conflict);
    CHECK(b.change_view(1, "second of b") == verdict::conflict);
    CHECK(b.change_view(3, "fourth of b") == verdict::conflict);
    CHECK(b.change_view(20, "far ahead") == verdict::conflict);
    CHECK(b.read_view() == versioned{2, "second of a"});
  }

  SUBCASE("a change that stands is not refused when it is asked for again") {
    CHECK(a.change_view(0, "first") == verdict::ok);
    CHECK(a.change_view(0, "first") == verdict::duplicate);
    CHECK(a.change_view(1, "second") == verdict::ok);
    CHECK(a.change_view(1, "second") == verdict::duplicate);
    CHECK(a.change_view(0, "first") == verdict::conflict);
    CHECK(a.change_view(0, "second") == verdict::conflict);
    CHECK(b.read_view() == versioned{2, "second"});
  }

  SUBCASE("it may be any bytes, and none") {
    const std::string large(1 << 20, '\r');
    CHECK(a.change_view(0, "") == verdict::ok);
    CHECK(b.read_view() == versioned{1, ""});
    CHECK(a.change_view(0, "") == verdict::duplicate);
    CHECK(a.change_view(1, awkward_bytes()) == verdict::ok);
    CHECK((b.read_view() == versioned{2, awkward_bytes()}));
    CHECK(a.change_view(1, awkward_bytes()) == verdict::duplicate);
    CHECK(a.change_view(2, large) == verdict::ok);
    CHECK((b.read_view() == versioned{3, large}));
    CHECK(a.change_view(3, ":4:") == verdict::ok);
    CHECK(b.read_view() == versioned{4, ":4:"});
  }

  SUBCASE("of two that change it at the same time, one does, version by version") {
    auto other = std::async(std::launch::async, [&s] { return change_again_and_again(s, "there", 40); });
    auto all = change_again_and_again(s, "here", 40);
    for (const auto version : other.get()) all.push_back(version);
    std::ranges::sort(all);
    REQUIRE(all.size() == 80);
    for (std::size_t n = 0; n < all.size(); ++n) CHECK(all[n] == n + 1);
    CHECK(a.read_view()->version == 80);
  }

  SUBCASE("a record by its name is changed in the same way, and is another one for each name") {
    CHECK_FALSE(a.read_record("one"));
    CHECK(a.change_record("one", 1, "second") == verdict::conflict);
    CHECK(a.change_record("one", 0, "first") == verdict::ok);
    CHECK(a.change_record("one", 0, "first") == verdict::duplicate);
    CHECK(b.change_record("one", 0, "first of b") == verdict::conflict);
    CHECK(b.change_record("one", 1, awkward_bytes()) == verdict::ok);
    CHECK(a.change_record("one", 0, "first") == verdict::conflict);
    CHECK((a.read_record("one") == versioned{2, awkward_bytes()}));
    CHECK_FALSE(a.read_record("two"));
    CHECK(a.change_record("two", 0, "its own") == verdict::ok);
    CHECK((b.read_record("one") == versioned{2, awkward_bytes()}));
    CHECK_FALSE(a.read_view());
    CHECK(a.change_view(0, "view") == verdict::ok);
    CHECK((b.read_record("two") == versioned{1, "its own"}));
  }

  SUBCASE("it has nothing to do with a slot, a lock or a cached result") {
    CHECK(a.change_view(0, "view") == verdict::ok);
    const auto by = a.claim(0, "first", 1);
    CHECK(a.acquire("view", std::chrono::minutes(1)));
    CHECK(a.cache_put("view", "cached", std::chrono::minutes(1)));
    CHECK(a.read_view() == versioned{1, "view"});
    CHECK(a.change_view(1, "next") == verdict::ok);
    CHECK(a.owner(0) == by);
    CHECK(a.cache_get("view") == "cached");
  }
}

}  // namespace holdfast::tests
