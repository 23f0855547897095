#include "persistence/memory_contents.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace std::chrono_literals;
using holdfast::persistence::commit;
using holdfast::persistence::memory_contents;
using holdfast::persistence::verdict;

namespace {

struct held_contents {
  memory_contents all;
  memory_contents::time_point now{1h};

  held_contents() {
    for (std::uint16_t slot = 0; slot < holdfast::persistence::slot_count; ++slot) all.claim(slot, "first", 0);
  }

  verdict create(const std::string& id, std::chrono::milliseconds time_to_live) {
    commit c;
    c.of = {"session", id};
    c.by = {1, "first"};
    c.sequence = 1;
    c.time_to_live = time_to_live;
    return all.commit(c, now);
  }
};

}  // namespace

TEST_CASE("an entity is there until the moment it is due, and not at that moment") {
  held_contents m;
  CHECK(m.create("s", 100ms) == verdict::ok);
  m.now += 99ms;
  CHECK(m.all.load({"session", "s"}, m.now));
  CHECK(m.all.time_to_live({"session", "s"}, m.now) == 1ms);
  m.now += 1ms;
  CHECK_FALSE(m.all.load({"session", "s"}, m.now));
  CHECK_FALSE(m.all.time_to_live({"session", "s"}, m.now));
  CHECK(m.all.extend({"session", "s"}, {1, "first"}, 1s, m.now) == verdict::conflict);
  CHECK(m.create("s", 100ms) == verdict::ok);
}

TEST_CASE("a time to live beyond all clocks is none") {
  held_contents m;
  CHECK(m.create("s", std::chrono::milliseconds::max()) == verdict::ok);
  CHECK(m.all.time_to_live({"session", "s"}, m.now) == std::chrono::milliseconds::max());
  CHECK(m.all.extend({"session", "s"}, {1, "first"}, 1s, m.now) == verdict::ok);
  CHECK(m.all.extend({"session", "s"}, {1, "first"}, std::chrono::milliseconds::max() - 1ms, m.now) == verdict::ok);
  m.now += 24h * 365;
  CHECK(m.all.load({"session", "s"}, m.now));
}

TEST_CASE("what is due gives its memory back a few entries at a time, as others are written") {
  held_contents m;
  for (int n = 0; n < 100; ++n) CHECK(m.create("old" + std::to_string(n), 1s) == verdict::ok);
  m.now += 1s;
  CHECK(m.all.size() == 100);
  CHECK(m.create("new0", 1h) == verdict::ok);
  CHECK(m.all.size() < 100);
  CHECK(m.all.size() > 80);
  for (int n = 1; n < 20; ++n) CHECK(m.create("new" + std::to_string(n), 1h) == verdict::ok);
  CHECK(m.all.size() == 20);
}

TEST_CASE("locks that fell are forgotten as others are taken") {
  held_contents m;
  for (int n = 0; n < 50; ++n) CHECK(m.all.acquire("lock" + std::to_string(n), "word", 1s, m.now));
  m.now += 1s;
  for (int n = 0; n < 10; ++n) CHECK(m.all.acquire("other" + std::to_string(n), "word", 1h, m.now));
  CHECK(m.all.size() == 10);
}

TEST_CASE("the cache makes room by dropping what is due soonest") {
  held_contents m;
  const std::string mebibyte(std::size_t{1} << 20, 'x');
  for (int n = 0; n < 63; ++n) CHECK(m.all.cache_put("k" + std::to_string(n), mebibyte, 1h - n * 1s, m.now));
  CHECK(m.all.cache_put("k62", mebibyte, 1s, m.now));
  CHECK(m.all.size() == 63);
  CHECK(m.all.cache_put("one more", mebibyte, 1min, m.now));
  CHECK_FALSE(m.all.cache_get("k62", m.now));
  CHECK(m.all.cache_get("k61", m.now));
  CHECK(m.all.cache_get("one more", m.now));
  CHECK(m.all.cache_put("another", mebibyte, 1h, m.now));
  CHECK_FALSE(m.all.cache_get("one more", m.now));
  CHECK(m.all.size() == 63);
}

TEST_CASE("the cache refuses what would never fit") {
  held_contents m;
  CHECK(m.all.cache_put("small", "x", 1h, m.now));
  CHECK_FALSE(m.all.cache_put("large", std::string((std::size_t{64} << 20) + 1, 'x'), 1h, m.now));
  CHECK(m.all.cache_get("small", m.now));
}

TEST_CASE("cached results that are due make way without pressure, too") {
  held_contents m;
  for (int n = 0; n < 50; ++n) CHECK(m.all.cache_put("old" + std::to_string(n), "x", 1s, m.now));
  m.now += 1s;
  for (int n = 0; n < 10; ++n) CHECK(m.all.cache_put("new" + std::to_string(n), "x", 1h, m.now));
  CHECK(m.all.size() == 10);
}
