#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/machines/breaker.hpp"

namespace m = holdfast::actors::machines::breaker;
using namespace std::chrono_literals;

namespace {

const m::policy p{};  // 5 in a row, or 5 and half of all within 30 s; 5 s to 60 s; one probe
const m::time_point t0{1h};

m::step at(const m::state& s, const m::event& e, m::time_point now = t0, const m::policy& by = p) {
  return m::advance(s, e, now, by);
}

m::state after_failures(int count, const m::policy& by = p) {
  m::state s = m::closed{};
  for (int i = 0; i < count; ++i) s = at(s, m::failed{}, t0, by).next;
  return s;
}

/// What a call comes to: `took` it answered, or failed.
struct fate {
  bool ok;
  m::milliseconds took{0};
};

struct counts {
  int made = 0, refused = 0, opened = 0, closed = 0;
  bool operator==(const counts&) const = default;
};

std::string text_of(const counts& c) {
  return "made " + std::to_string(c.made) + ", refused " + std::to_string(c.refused) + ", opened " +
         std::to_string(c.opened) + ", closed " + std::to_string(c.closed);
}

/// A client that calls every 100 ms, whether or not the calls before have ended.
counts live(m::milliseconds whole, const std::function<fate(int call, m::milliseconds at)>& upstream,
            const m::policy& by = p) {
  struct under_way {
    m::time_point ends;
    bool ok, probe;
  };
  counts c;
  m::state s = m::closed{};
  std::vector<under_way> calls;
  const auto move = [&](const m::event& e, m::time_point now) {
    const auto before = s.index();
    const auto done = m::advance(s, e, now, by);
    s = done.next;
    c.opened += before != 1 && s.index() == 1 ? 1 : 0;
    c.closed += before != 0 && s.index() == 0 ? 1 : 0;
    return done.todo;
  };
  for (auto at = 0ms; at < whole; at += 100ms) {
    const auto now = t0 + at;
    std::erase_if(calls, [&](const auto& call) {
      if (call.ends > now) return false;
      if (call.probe) {
        move(call.ok ? m::event(m::probe_passed{}) : m::event(m::probe_failed{}), call.ends);
      } else {
        move(call.ok ? m::event(m::succeeded{}) : m::event(m::failed{}), call.ends);
      }
      return true;
    });
    const auto todo = move(m::asked{}, now);
    if (todo == m::effect::refuse) {
      ++c.refused;
      continue;
    }
    const auto f = upstream(c.made++, at);
    calls.push_back({now + f.took, f.ok, todo == m::effect::probe});
  }
  return c;
}

}  // namespace

TEST_CASE("how many calls an upstream gets of 6000 within ten minutes, by how it is") {
  struct row {
    const char* what;
    std::function<fate(int, m::milliseconds)> upstream;
    counts expected;
  };
  const std::vector<row> table{
      {"fails 0 %", [](int, auto) { return fate{true}; }, {6000, 0, 0, 0}},
      {"fails 10 %", [](int n, auto) { return fate{n % 10 != 0}; }, {6000, 0, 0, 0}},
      // The ninth call is the fifth that fails. The next one is a probe, which passes; then it begins anew, and is open
      // for 5, 10, 20, 40 and then 60 s at a time.
      {"fails 50 %", [](int n, auto) { return fate{n % 2 != 0}; }, {129, 5871, 13, 12}},
      // Five calls, then a probe after 5, 10, 20, 40 and then 60 s each.
      {"fails 100 %", [](int, auto) { return fate{false}; }, {17, 5983, 13, 0}},
      // 24 begin before the fifth has timed out, at 2.4 s; then as above, each wait longer by the time-out of the
      // probe.
      {"hangs, with a time-out of 2 s",
       [](int, auto) {
         return fate{false, 2s};
       },
       {36, 5964, 13, 0}},
      // Open from 0.4 s, with probes at 5.4 s, 15.4 s and 35.4 s, of which the last one passes.
      {"recovers after 20 s", [](int, auto at) { return fate{at >= 20s}; }, {5653, 347, 3, 1}},
  };
  for (const auto& r : table) {
    const auto c = live(10min, r.upstream);
    CHECK_MESSAGE(c == r.expected, r.what, ": ", text_of(c));
    CHECK(c.made + c.refused == 6000);
  }
}

TEST_CASE("it opens at so many failures in a row, however far apart they are") {
  m::state s = m::closed{};
  auto now = t0;
  for (int i = 0; i < 4; ++i) {
    s = at(s, m::failed{}, now).next;
    now += 10min;
  }
  CHECK(std::holds_alternative<m::closed>(s));
  const auto last = at(s, m::failed{}, now).next;
  CHECK(last == m::state(m::open{now, now + 5s, 1, false, 0}));
  s = at(s, m::succeeded{}, now).next;
  for (int i = 0; i < 4; ++i) s = at(s, m::failed{}, now + 1min).next;
  CHECK(std::holds_alternative<m::closed>(s));
}

TEST_CASE("failures among successes open it at their rate, within the window only") {
  const auto with = [](std::uint32_t successes, m::milliseconds later, int failures) {
    m::state s = at(m::closed{}, m::succeeded{successes}).next;
    for (int i = 0; i < failures; ++i) {
      s = at(s, m::failed{}, t0 + later).next;
      s = at(s, m::succeeded{0}, t0 + later).next;
      if (i % 4 == 3) s = at(s, m::succeeded{1}, t0 + later).next;
    }
    return s.index() == 1;
  };
  CHECK_FALSE(with(20, 1s, 8));
  CHECK(with(3, 1s, 6));
  CHECK(with(1'000'000, 31s, 6));  // those of before the window do not count
  CHECK_FALSE(with(1'000'000, 20s, 6));
}

TEST_CASE("nothing is let through while it is open, and one call when that is over") {
  const auto s = after_failures(5);
  CHECK(at(s, m::asked{}).todo == m::effect::refuse);
  CHECK(at(s, m::asked{}, t0 + 4'999ms).todo == m::effect::refuse);
  CHECK(m::next_probe(s, t0) == t0 + 5s);
  const auto first = at(s, m::asked{}, t0 + 5s);
  CHECK(first.todo == m::effect::probe);
  CHECK(at(first.next, m::asked{}, t0 + 5s).todo == m::effect::refuse);
  CHECK(at(at(first.next, m::probe_passed{}, t0 + 6s).next, m::asked{}, t0 + 6s).todo == m::effect::admit);
  const auto again = at(first.next, m::probe_failed{}, t0 + 6s).next;
  CHECK(m::next_probe(again, t0 + 6s) == t0 + 16s);
}

TEST_CASE("what is told late of calls of before it opened changes nothing") {
  const auto s = after_failures(5);
  for (const m::event& e : {m::event(m::failed{}), m::event(m::succeeded{}), m::event(m::connect_failed{}),
                            m::event(m::connected{}), m::event(m::probe_failed{}), m::event(m::probe_passed{})})
    CHECK(at(s, e, t0 + 1s) == m::step{s});
  const auto half = at(s, m::asked{}, t0 + 5s).next;
  CHECK(at(half, m::failed{}, t0 + 6s) == m::step{half});
  CHECK(at(half, m::succeeded{}, t0 + 6s) == m::step{half});
}

TEST_CASE("all probes have to pass, and no more are let through than that") {
  auto by = p;
  by.probes = 3;
  auto s = after_failures(5);
  for (int i = 0; i < 3; ++i) {
    const auto next = at(s, m::asked{}, t0 + 5s, by);
    CHECK(next.todo == m::effect::probe);
    s = next.next;
  }
  CHECK(at(s, m::asked{}, t0 + 5s, by).todo == m::effect::refuse);
  s = at(s, m::probe_passed{0}, t0 + 6s, by).next;
  CHECK(at(s, m::asked{}, t0 + 6s, by).todo == m::effect::refuse);
  CHECK(at(s, m::probe_failed{}, t0 + 6s, by).next.index() == 1);
  const auto dropped = at(s, m::probe_dropped{}, t0 + 6s, by).next;
  CHECK(at(dropped, m::asked{}, t0 + 6s, by).todo == m::effect::probe);
  s = at(s, m::probe_passed{2}, t0 + 6s, by).next;
  CHECK(s.index() == 2);
  CHECK(at(s, m::probe_passed{2}, t0 + 7s, by).next.index() == 2);  // the same once more
  CHECK(at(s, m::probe_passed{1}, t0 + 7s, by).next.index() == 0);
}

TEST_CASE("a node whose probe was denied does not ask again at once") {
  const auto half = at(after_failures(5), m::asked{}, t0 + 5s).next;
  const auto denied = at(half, m::probe_denied{}, t0 + 5s).next;
  CHECK(at(denied, m::asked{}, t0 + 5'100ms).todo == m::effect::refuse);
  CHECK(m::next_probe(denied, t0 + 5'100ms) == t0 + 5'250ms);
  CHECK(at(denied, m::asked{}, t0 + 5'250ms).todo == m::effect::probe);
}

TEST_CASE("the time it stays open doubles up to its cap, and is forgotten by one that stays closed") {
  const auto times = {5s, 10s, 20s, 40s, 60s, 60s};
  std::uint32_t n = 0;
  for (const auto t : times) CHECK(m::open_time(++n, p) == t);
  CHECK(m::open_time(4'000'000'000u, p) == 60s);
  const auto opens_again = [](m::milliseconds later) {
    m::state s = m::closed{{}, t0, 2};
    for (int i = 0; i < 5; ++i) s = at(s, m::failed{}, t0 + later).next;
    return std::get<m::open>(s).times;
  };
  CHECK(opens_again(59s) == 3);
  CHECK(opens_again(60s) == 1);
}

TEST_CASE("one that opened because no connection could be made closes with the next connection") {
  m::state s = m::closed{};
  for (int i = 0; i < 5; ++i) s = at(s, m::connect_failed{}).next;
  REQUIRE(s.index() == 1);
  CHECK(at(s, m::connected{}, t0 + 1s).next == m::state(m::closed{{}, t0 + 1s, 1}));
  const auto half = at(s, m::asked{}, t0 + 5s).next;
  CHECK(at(half, m::connected{}, t0 + 6s).next.index() == 0);
  CHECK(std::get<m::open>(at(half, m::connect_failed{}, t0 + 6s).next).times == 2);
  CHECK(at(after_failures(5), m::connected{}, t0 + 1s).next.index() == 1);
}

TEST_CASE("an operator's reset closes it from every state, without a past") {
  for (const auto& s : {after_failures(1), after_failures(5), at(after_failures(5), m::asked{}, t0 + 5s).next})
    CHECK(at(s, m::reset{}, t0 + 6s).next == m::state(m::closed{{}, t0 + 6s, 0}));
}
