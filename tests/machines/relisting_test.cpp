#include "actors/machines/relisting.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace m = holdfast::actors::machines::relisting;
using namespace std::chrono_literals;

namespace {

const m::policy p{500ms, 4'000ms};
const m::time_point t0{};

m::step at(const m::state& s, const m::event& e, m::time_point now = t0) { return m::advance(s, e, now, p); }

m::heard other(std::uint32_t theirs, std::uint32_t ours) { return {"n2", theirs, ours}; }

/// The other node's lists change to `theirs`, and this one has time to look: how long that took, and what it did.
struct looked {
  m::state after;
  std::chrono::milliseconds wait{0};
  m::effect did = m::effect::none;
};
looked look(const m::state& s, std::uint32_t theirs, std::uint32_t ours) {
  const auto told = at(s, other(theirs, ours));
  const auto* const d = std::get_if<m::doubting>(&told.next);
  if (d == nullptr) return {told.next};
  const auto due = at(told.next, m::due{ours}, d->due);
  return {due.next, std::chrono::duration_cast<std::chrono::milliseconds>(d->due - t0), due.todo};
}

}  // namespace

TEST_CASE("two nodes that show the same leave their upstreams alone") {
  CHECK(at(m::content{}, other(7, 7)) == m::step{m::content{}});
}

TEST_CASE("a node that shows something else reads anew after a grace, once") {
  const auto told = at(m::content{}, other(8, 7));
  CHECK(told == m::step{m::doubting{{{"n2", 8}}, t0 + 500ms, 0}, m::effect::arm});
  CHECK(at(told.next, m::due{7}, t0 + 400ms) == m::step{told.next, m::effect::arm});
  const auto read = at(told.next, m::due{7}, t0 + 500ms);
  CHECK(read == m::step{m::content{{8}, 1}, m::effect::read});
  CHECK(at(read.next, m::due{7}, t0 + 600ms) == m::step{read.next});
}

TEST_CASE("a node that learns of the change by itself asks nobody") {
  const auto told = at(m::content{}, other(8, 7));
  CHECK(at(told.next, m::due{8}, t0 + 500ms) == m::step{m::content{}});
  CHECK(at(told.next, other(7, 7), t0 + 100ms) == m::step{m::content{}});
}

TEST_CASE("many changes at once are looked into together") {
  auto s = at(m::content{}, other(8, 7));
  for (std::uint32_t theirs = 9; theirs < 20; ++theirs) {
    s = at(s.next, other(theirs, 7), t0 + 100ms);
    CHECK(s == m::step{m::doubting{{{"n2", theirs}}, t0 + 500ms, 0}});
  }
}

TEST_CASE("a third node that shows the same takes no doubt away") {
  auto s = at(m::content{}, other(8, 7)).next;
  s = at(s, m::heard{"n3", 7, 7}).next;
  CHECK(at(s, m::due{7}, t0 + 500ms).todo == m::effect::read);
  s = at(s, m::heard{"n3", 9, 7}).next;
  s = at(s, other(7, 7)).next;
  CHECK(at(s, m::due{7}, t0 + 500ms) == m::step{m::content{{9}, 1}, m::effect::read});
  CHECK(at(s, m::heard{"n3", 7, 7}) == m::step{m::content{}});
}

TEST_CASE("readings that bring nothing are further and further apart, up to a limit") {
  m::state s;
  std::vector<std::chrono::milliseconds> waits;
  for (std::uint32_t theirs = 10; theirs < 16; ++theirs) {
    const auto l = look(s, theirs, 7);
    CHECK(l.did == m::effect::read);
    waits.push_back(l.wait);
    s = l.after;
  }
  CHECK(waits == std::vector<std::chrono::milliseconds>{500ms, 1'000ms, 2'000ms, 4'000ms, 4'000ms, 4'000ms});
}

TEST_CASE("a reading that brought what the other node shows makes the next one quick again") {
  auto l = look(m::content{}, 8, 7);
  l = look(l.after, 9, 7);
  CHECK(l.wait == 1'000ms);
  l = look(l.after, 10, 9);  // it shows 9 by now
  CHECK(l.wait == 500ms);
}

TEST_CASE("two nodes whose upstream never lists the same twice do not chase each other") {
  m::state a, b;
  std::uint32_t shown_a = 1, shown_b = 2, next = 3;
  std::chrono::milliseconds time{0};
  int readings = 0;
  while (time < 60s) {
    const auto l = look(a, shown_b, shown_a);
    a = l.after;
    shown_a = next++;
    const auto k = look(b, shown_a, shown_b);
    b = k.after;
    shown_b = next++;
    time += l.wait + k.wait;
    readings += 2;
  }
  CHECK(readings < 26);
}
