#include <doctest/doctest.h>

#include "actors/machines/reconnect.hpp"

namespace m = holdfast::actors::machines::reconnect;
using namespace std::chrono_literals;

namespace {

const m::policy p{100ms, 1'000ms, 5'000ms, 2'000ms};
const m::time_point t0{};
constexpr double no_jitter = 0.5;  // the middle of the range leaves waits as they are

m::step at(const m::state& s, const m::event& e, m::time_point now = t0) { return m::advance(s, e, now, p, no_jitter); }

}  // namespace

TEST_CASE("nothing connects before it is needed") {
  CHECK(at(m::down{}, m::due{}) == m::step{m::down{}});
  CHECK(at(m::down{}, m::needed{}) == m::step{m::connecting{}, m::effect::connect});
}

TEST_CASE("one attempt serves all who need the connection") {
  CHECK(at(m::connecting{}, m::needed{}) == m::step{m::connecting{}});
  CHECK(at(m::connecting{}, m::opened{}, t0 + 1s) == m::step{m::up{t0 + 1s, 0}, m::effect::serve});
  CHECK(at(m::up{t0, 0}, m::needed{}).todo == m::effect::serve);
}

TEST_CASE("failed attempts are further and further apart, up to a limit") {
  m::state s = m::connecting{};
  const auto waits = {100ms, 200ms, 400ms, 800ms, 1'000ms, 1'000ms};
  for (const auto wait : waits) {
    const auto failed = at(s, m::failed{});
    CHECK(failed.todo == m::effect::refuse);
    REQUIRE(std::holds_alternative<m::waiting>(failed.next));
    CHECK(std::get<m::waiting>(failed.next).due - t0 == wait);
    s = at(failed.next, m::due{}, t0 + wait).next;
    REQUIRE(std::holds_alternative<m::connecting>(s));
  }
}

TEST_CASE("waits are scattered by a quarter to both sides") {
  CHECK(m::wait_after(1, p, 0.0) == 75ms);
  CHECK(m::wait_after(1, p, 1.0) == 125ms);
  CHECK(m::wait_after(1'000'000, p, no_jitter) == 1'000ms);
}

TEST_CASE("who needs a connection waits for an attempt that is due soon and is refused otherwise") {
  CHECK(at(m::waiting{1, t0 + 500ms}, m::needed{}).todo == m::effect::arm);
  CHECK(at(m::waiting{9, t0 + 5s}, m::needed{}).todo == m::effect::refuse);
  CHECK(at(m::waiting{1, t0 + 500ms}, m::needed{}, t0 + 500ms).todo == m::effect::connect);
}

TEST_CASE("an early wake-up is armed again") {
  CHECK(at(m::waiting{1, t0 + 500ms}, m::due{}) == m::step{m::waiting{1, t0 + 500ms}, m::effect::arm});
}

TEST_CASE("a connection that lived long may be reopened at once, one that fell over has to wait") {
  CHECK(at(m::up{t0, 3}, m::lost{}, t0 + 5s) == m::step{m::down{}});
  const auto early = at(m::up{t0, 0}, m::lost{}, t0 + 1s);
  CHECK(early.todo == m::effect::arm);
  CHECK(std::get<m::waiting>(early.next).due == t0 + 1s + 100ms);
}

TEST_CASE("reports of an attempt that no longer matters change nothing") {
  for (const m::event& e : {m::event{m::opened{}}, m::event{m::failed{}}, m::event{m::lost{}}}) {
    CHECK(at(m::down{}, e) == m::step{m::down{}});
    CHECK(at(m::waiting{2, t0 + 1s}, e) == m::step{m::waiting{2, t0 + 1s}});
  }
  CHECK(at(m::up{t0, 0}, m::failed{}) == m::step{m::up{t0, 0}});
  CHECK(at(m::up{t0, 0}, m::opened{}) == m::step{m::up{t0, 0}});
  CHECK(at(m::up{t0, 0}, m::due{}) == m::step{m::up{t0, 0}});
  CHECK(at(m::connecting{}, m::due{}) == m::step{m::connecting{}});
  CHECK(at(m::connecting{}, m::lost{}).todo == m::effect::refuse);
}
