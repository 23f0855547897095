#include "transport/loop.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "tests/support/loop_thread.hpp"

using holdfast::tests::loop_thread;
using holdfast::transport::loop;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

TEST_CASE("posted tasks run on the loop's thread in the order of their thread") {
  loop_thread io;
  std::vector<int> seen;
  for (int i = 0; i < 100; ++i) io->post([&seen, i] { seen.push_back(i); });
  const auto on_loop = io.run([&] { return loop::current(); });
  CHECK(on_loop == &*io);
  CHECK(loop::current() == nullptr);
  REQUIRE(seen.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("a task posted from the loop runs after the one that posted it") {
  loop_thread io;
  std::vector<int> seen;
  std::promise<void> done;
  io->post([&] {
    io->post([&] {
      seen.push_back(2);
      done.set_value();
    });
    seen.push_back(1);
  });
  done.get_future().wait();
  CHECK(seen == std::vector<int>{1, 2});
}

TEST_CASE("a timer runs once, not early and soon after its time") {
  loop_thread io;
  for (const auto delay : {0ms, 1ms, 25ms}) {
    std::promise<steady::time_point> ran;
    const auto start = steady::now();
    io->post([&] { io->after(delay, [&] { ran.set_value(steady::now()); }); });
    const auto took = ran.get_future().get() - start;
    CHECK(took >= delay);
    CHECK(took < delay + 500ms);
  }
}

TEST_CASE("an earlier timer armed later still runs first") {
  loop_thread io;
  std::vector<int> seen;
  std::promise<void> done;
  io->post([&] {
    io->after(60ms, [&] {
      seen.push_back(60);
      done.set_value();
    });
    io->after(20ms, [&] { seen.push_back(20); });
  });
  done.get_future().wait();
  CHECK(seen == std::vector<int>{20, 60});
}

TEST_CASE("a timer armed by a timer runs too") {
  loop_thread io;
  std::promise<void> done;
  io->post([&] { io->after(1ms, [&] { io->after(1ms, [&] { done.set_value(); }); }); });
  CHECK(done.get_future().wait_for(5s) == std::future_status::ready);
}

TEST_CASE("a cancelled timer does not run and cancelling twice does no harm") {
  loop_thread io;
  std::atomic<bool> ran = false;
  std::promise<void> done;
  io->post([&] {
    const auto t = io->after(10ms, [&] { ran = true; });
    io->cancel(t);
    io->cancel(t);
    io->cancel(0);
    io->after(40ms, [&] { done.set_value(); });
  });
  done.get_future().wait();
  CHECK_FALSE(ran);
}

TEST_CASE("a loop with one far timer sleeps") {
  auto io = loop::create();
  std::thread runner;
  std::promise<long> woken;
  const auto waits = [] {
    rusage u{};
    getrusage(RUSAGE_THREAD, &u);
    return u.ru_nvcsw;
  };
  runner = std::thread([&] {
    long before = 0;
    io->after(5ms, [&] { before = waits(); });
    io->after(405ms, [&] {
      woken.set_value(waits() - before);
      io->stop();
    });
    io->run();
  });
  CHECK(woken.get_future().get() < 10);
  runner.join();
}

TEST_CASE("tasks and timers that never ran are destroyed with the loop") {
  auto held = std::make_shared<int>(1);
  std::weak_ptr<int> alive = held;
  auto io = loop::create();
  io->post([held] {});
  io->after(1h, [held] {});
  held.reset();
  CHECK_FALSE(alive.expired());
  io.reset();
  CHECK(alive.expired());
}

TEST_CASE("what dies with the loop may still cancel timers and post") {
  auto io = loop::create();
  struct guest {
    loop* on;
    loop::timer armed;
    ~guest() {
      on->cancel(armed);
      on->post([] {});
    }
  };
  io->post([g = std::shared_ptr<guest>(new guest{io.get(), io->after(1h, [] {})})] {});
  io->after(1h, [g = std::shared_ptr<guest>(new guest{io.get(), io->after(1h, [] {})})] {});
  io.reset();
}

TEST_CASE("stopping a loop before it runs keeps it from running") {
  auto io = loop::create();
  bool ran = false;
  io->post([&] { ran = true; });
  io->stop();
  io->run();
  CHECK_FALSE(ran);
}
