#include "transport/timer_wheel.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using holdfast::transport::timer_wheel;

namespace {

struct fixture {
  timer_wheel wheel;
  std::string ran;

  std::uint64_t note(timer_wheel::tick due, char name) {
    return wheel.add(due, [this, name] { ran += name; });
  }
};

}  // namespace

TEST_CASE_FIXTURE(fixture, "timers run in the order of their ticks and not before") {
  note(5, 'b');
  note(3, 'a');
  note(5, 'c');
  wheel.advance(2);
  CHECK(ran.empty());
  wheel.advance(4);
  CHECK(ran == "a");
  wheel.advance(5);
  CHECK(ran == "abc");
  CHECK(wheel.size() == 0);
}

TEST_CASE_FIXTURE(fixture, "a timer beyond one revolution waits for its own turn") {
  const auto far = timer_wheel::tick{timer_wheel::slot_count} * 3 + 7;
  note(far, 'z');
  note(7, 'a');
  CHECK(wheel.next() == 7);
  wheel.advance(7);
  CHECK(ran == "a");
  int looks = 0;
  while (ran == "a") {
    REQUIRE(wheel.next());
    REQUIRE(*wheel.next() <= far);
    wheel.advance(*wheel.next());
    REQUIRE(++looks <= 3);
  }
  CHECK(ran == "az");
  CHECK_FALSE(wheel.next());
}

TEST_CASE_FIXTURE(fixture, "a wheel that was not looked at for many revolutions misses nothing") {
  note(3, 'a');
  note(timer_wheel::slot_count + 9, 'b');
  note(100 * timer_wheel::slot_count, 'c');
  wheel.advance(50 * timer_wheel::slot_count + 1);
  CHECK(ran == "ab");
  wheel.advance(100 * timer_wheel::slot_count);
  CHECK(ran == "abc");
}

TEST_CASE_FIXTURE(fixture, "the next tick is that of the first slot in use") {
  CHECK_FALSE(wheel.next());
  const auto t = note(900, 'x');
  note(1000, 'y');
  CHECK(wheel.next() == 900);
  wheel.cancel(t);
  CHECK(wheel.next() == 1000);
}

TEST_CASE_FIXTURE(fixture, "a cancelled timer does not run and its name is not taken for a later one") {
  const auto first = note(4, 'a');
  CHECK(wheel.cancel(first));
  CHECK_FALSE(wheel.cancel(first));
  const auto second = note(4, 'b');
  CHECK(first != second);
  CHECK_FALSE(wheel.cancel(first));
  wheel.advance(4);
  CHECK(ran == "b");
  CHECK_FALSE(wheel.cancel(second));
  CHECK_FALSE(wheel.cancel(0));
  CHECK_FALSE(wheel.cancel(123456789));
}

TEST_CASE_FIXTURE(fixture, "a timer may cancel another one that is due at the same tick") {
  std::uint64_t second = 0;
  wheel.add(2, [&] {
    ran += 'a';
    CHECK(wheel.cancel(second));
  });
  second = note(2, 'b');
  wheel.advance(2);
  CHECK(ran == "a");
}

TEST_CASE_FIXTURE(fixture, "what a timer adds runs on a later tick even if it is due at once") {
  wheel.add(2, [&] { note(0, 'b'); });
  wheel.advance(2);
  CHECK(ran.empty());
  CHECK(wheel.next() == 3);
  wheel.advance(3);
  CHECK(ran == "b");
}

TEST_CASE_FIXTURE(fixture, "an empty wheel is told the time") {
  wheel.set_idle_time(5000);
  note(1, 'a');
  CHECK(wheel.next() == 5001);
  wheel.set_idle_time(9000);
  CHECK(wheel.next() == 5001);
}

TEST_CASE("closing a wheel destroys its tasks, which may call back") {
  timer_wheel wheel;
  std::uint64_t other = 0;
  auto held = std::shared_ptr<int>(new int(1), [&](int* p) {
    wheel.cancel(other);
    CHECK(wheel.add(3, [] {}) == 0);
    delete p;
  });
  std::weak_ptr<int> alive = held;
  other = wheel.add(9, [] {});
  wheel.add(5, [keep = std::move(held)] {});
  REQUIRE_FALSE(alive.expired());
  wheel.close();
  CHECK(alive.expired());
  CHECK(wheel.size() == 0);
}
