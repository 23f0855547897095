#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "actors/event_streams.hpp"
#include "tests/actors/event_text.hpp"
#include "tests/actors/fake_exchange.hpp"
#include "tests/actors/fake_keeper.hpp"

using namespace holdfast;
using namespace holdfast::tests;
using namespace std::chrono_literals;
using actors::event_streams;

namespace {

constexpr auto newest = mcp::revision::r2025_11_25;
constexpr auto older = mcp::revision::r2025_06_18;

/// The streams of one session in one process, above a keeper that outlives it.
struct process {
  explicit process(fake_keeper& k, mcp::revision r = newest, const actors::session_limits& l = {})
      : limits(l),
        keeper(k),
        streams(
            limits, "the-session", r, false, [](auto, auto) {}, &keeper) {}

  /// Takes over from the one before, as far as it came to be durable.
  process& restore(std::uint64_t up_to = UINT64_MAX) {
    for (const auto& [number, record] : keeper.kept) {
      if (number <= up_to) streams.restore(number, record);
    }
    return *this;
  }
  void settle() { streams.settle(keeper.last); }
  std::shared_ptr<fake_exchange> open(std::uint32_t& number) {
    auto e = std::make_shared<fake_exchange>();
    number = streams.open(e);
    return e;
  }
  std::shared_ptr<fake_exchange> attach_own() {
    auto e = std::make_shared<fake_exchange>();
    streams.attach_own(e);
    settle();
    return e;
  }
  std::shared_ptr<fake_exchange> resume(const std::string& id) {
    auto e = std::make_shared<fake_exchange>();
    actors::exchange_ptr p = e;
    if (!streams.resume(p, id)) return nullptr;
    settle();
    return e;
  }
  std::shared_ptr<fake_exchange> retell(std::uint32_t stream) {
    auto e = std::make_shared<fake_exchange>();
    actors::exchange_ptr p = e;
    if (!streams.retell(p, stream)) return nullptr;
    settle();
    return e;
  }

  actors::session_limits limits;
  fake_keeper& keeper;
  event_streams streams;
};

}  // namespace

TEST_CASE("nothing is written before it is durable, not even the head of a stream") {
  fake_keeper k;
  process p(k);
  std::uint32_t number = 0;
  const auto e = p.open(number);
  CHECK_FALSE(e->open);
  p.streams.send(number, "1");
  p.streams.send(number, "2", true);
  CHECK_FALSE(e->open);
  REQUIRE(k.kept.size() == 3);
  p.streams.settle(1);
  CHECK(e->open);
  CHECK(values(e->sent, "id").size() == 1);
  CHECK(messages(e->sent).empty());
  p.streams.settle(2);
  CHECK(messages(e->sent) == texts{"1"});
  CHECK_FALSE(e->ended);
  p.streams.settle(3);
  CHECK(messages(e->sent) == texts{"1", "2"});
  CHECK(e->ended);
}

TEST_CASE("a stream without a marker is opened at once, its events wait") {
  fake_keeper k;
  process p(k, older);
  std::uint32_t number = 0;
  const auto e = p.open(number);
  CHECK(e->take() == ": ready\n\n");
  p.streams.send(number, "1");
  CHECK(e->sent.empty());
  p.settle();
  CHECK(messages(e->sent) == texts{"1"});
}

TEST_CASE("a stream has said everything at once, and can be resumed until that is durable") {
  fake_keeper k;
  process p(k);
  std::uint32_t number = 0;
  const auto e = p.open(number);
  p.settle();
  const auto primed = last_id(e->sent);
  p.streams.send(number, "1", true);
  CHECK_FALSE(p.streams.is_open(number));
  auto again = std::make_shared<fake_exchange>();
  actors::exchange_ptr x = again;
  REQUIRE(p.streams.resume(x, primed));
  CHECK_FALSE(again->ended);
  p.settle();
  CHECK(messages(again->sent) == texts{"1"});
  CHECK(again->ended);
}

TEST_CASE("one who resumes gets what is durable now and the rest when it is, in order") {
  fake_keeper k;
  process p(k);
  std::uint32_t number = 0;
  const auto e = p.open(number);
  p.settle();
  const auto primed = last_id(e->sent);
  p.streams.send(number, "1");
  p.settle();
  p.streams.send(number, "2");
  auto again = std::make_shared<fake_exchange>();
  actors::exchange_ptr x = again;
  REQUIRE(p.streams.resume(x, primed));
  CHECK(messages(again->sent) == texts{"1"});
  p.streams.send(number, "3");
  p.settle();
  CHECK(messages(again->sent) == texts{"1", "2", "3"});
  CHECK(messages(e->sent) == texts{"1"});
}

TEST_CASE("after a restart a stream goes on after any event that its client has seen, each event once") {
  for (const auto revision : {newest, older}) {
    fake_keeper k;
    process first(k, revision);
    std::uint32_t number = 0;
    const auto e = first.open(number);
    for (int i = 0; i < 4; ++i) first.streams.send(number, std::to_string(i));
    first.settle();
    const auto ids = values(e->sent, "id");
    const auto before = ids.size() - 4;  // a priming event
    for (std::size_t seen = 0; seen < ids.size(); ++seen) {
      auto copy = k;
      process second(copy, revision);
      second.restore();
      CHECK(second.streams.is_open(number));
      const auto again = second.resume(ids[seen]);
      REQUIRE(again);
      second.streams.send(number, "late", true);
      second.settle();
      texts rest;
      for (auto i = seen + 1; i < ids.size(); ++i) {
        if (i >= before) rest.push_back(std::to_string(i - before));
      }
      rest.emplace_back("late");
      CHECK(messages(again->sent) == rest);
      CHECK(again->ended);
    }
  }
}

TEST_CASE("ids after a restart never repeat those of before, even those that nobody has seen") {
  fake_keeper k;
  process first(k);
  std::uint32_t number = 0;
  const auto e = first.open(number);
  first.streams.send(number, "1");
  first.settle();
  process second(k);
  second.restore();
  std::uint32_t other = 0;
  const auto f = second.open(other);
  second.settle();
  CHECK(other == number + 1);
  const auto again = second.resume(last_id(e->sent));
  second.streams.send(number, "2");
  second.settle();
  for (const auto& id : values(again->sent, "id")) {
    for (const auto& old : values(e->sent, "id")) CHECK(id != old);
  }
}

TEST_CASE("what was not durable at the crash never was") {
  fake_keeper k;
  process first(k);
  std::uint32_t number = 0;
  const auto e = first.open(number);
  first.streams.send(number, "1");
  first.settle();
  const auto durable = k.last;
  const auto seen = last_id(e->sent);
  first.streams.send(number, "lost");
  process second(k);
  second.restore(durable);
  const auto again = second.resume(seen);
  REQUIRE(again);
  second.streams.send(number, "2");
  second.settle();
  CHECK(messages(again->sent) == texts{"2"});
}

TEST_CASE("the response of a stream that was finished is there after a restart, and the stream says no more") {
  fake_keeper k;
  process first(k);
  std::uint32_t number = 0;
  const auto e = first.open(number);
  first.settle();
  const auto primed = last_id(e->sent);
  first.streams.send(number, "\"the answer\"", true);
  first.settle();
  process second(k);
  second.restore();
  CHECK_FALSE(second.streams.is_open(number));
  CHECK(second.streams.open_ones().empty());
  second.streams.send(number, "too late");
  second.settle();
  const auto again = second.resume(primed);
  REQUIRE(again);
  CHECK(messages(again->sent) == texts{"\"the answer\""});
  CHECK(again->ended);
}

TEST_CASE("the end of a stream without a last word is kept, and that of an abandoned one") {
  fake_keeper k;
  process first(k);
  std::uint32_t ended = 0, abandoned = 0, open = 0;
  const auto e = first.open(ended), f = first.open(abandoned), g = first.open(open);
  first.streams.send(ended, "1");
  first.streams.finish(ended);
  first.streams.abandon(abandoned);
  CHECK_FALSE(e->ended);
  first.settle();
  CHECK(e->ended);
  CHECK_FALSE(f->ended);
  process second(k);
  second.restore();
  CHECK(second.streams.open_ones() == std::vector<std::uint32_t>{open});
  const auto again = second.resume(values(e->sent, "id").front());
  REQUIRE(again);
  CHECK(messages(again->sent) == texts{"1"});
  CHECK(again->ended);
}

TEST_CASE("a session's own stream goes on after a restart with what was not sent before") {
  fake_keeper k;
  process first(k);
  const auto e = first.attach_own();
  first.streams.send(0, "1");
  first.settle();
  REQUIRE(messages(e->sent) == texts{"1"});
  process second(k);
  second.restore();
  second.streams.send(0, "2");
  const auto again = second.attach_own();
  CHECK(messages(again->sent) == texts{"2"});
  process third(k);
  third.restore();
  const auto resumed = third.resume(last_id(e->sent));
  REQUIRE(resumed);
  CHECK(messages(resumed->sent) == texts{"2"});
}

TEST_CASE("what a session said to nobody before a restart comes with the next connection") {
  fake_keeper k;
  process first(k);
  first.streams.send(0, "1");
  first.streams.send(0, "2");
  first.settle();
  process second(k);
  second.restore();
  CHECK(messages(second.attach_own()->sent) == texts{"1", "2"});
}

TEST_CASE("markers count: a stream goes on from its priming event, over restarts and new connections") {
  fake_keeper k;
  texts primed;
  std::uint32_t number = 0;
  {
    process p(k);
    const auto e = p.open(number);
    p.settle();
    primed.push_back(last_id(e->sent));
  }
  for (int i = 0; i < 3; ++i) {
    process p(k);
    p.restore();
    const auto e = p.resume(primed.back());
    REQUIRE(e);
    primed.push_back(last_id(e->sent));
    CHECK(messages(e->sent).empty());
  }
  process p(k);
  p.restore();
  p.streams.send(number, "1");
  p.settle();
  for (const auto& id : primed) CHECK(messages(p.resume(id)->sent) == texts{"1"});
}

TEST_CASE("markers that are written down no longer are no gap") {
  fake_keeper k;
  process first(k);
  texts ids{last_id(first.attach_own()->sent)};
  for (int i = 0; i < 3; ++i) ids.push_back(last_id(first.resume(ids.back())->sent));
  const auto tick = [](process& p) {
    p.streams.tick(event_streams::clock::now());
    p.settle();
  };
  SUBCASE("nothing follows") { tick(first); }
  SUBCASE("an event follows, and more of them") {
    first.streams.send(0, "1");
    first.settle();
    ids.push_back(last_id(first.resume(ids.back())->sent));
    tick(first);
  }
  SUBCASE("the store has lost all of them") {
    tick(first);
    k.kept = first.streams.records();
  }
  REQUIRE(k.kept.size() < ids.size());
  for (const auto& id : ids) {
    auto copy = k;
    process second(copy);
    second.restore();
    INFO(id);
    CHECK(second.resume(id));
  }
}

TEST_CASE("an event that is gone is missed, whatever markers stood around it") {
  fake_keeper k;
  actors::session_limits limits;
  limits.replay_events_max = 1;
  process first(k, newest, limits);
  const auto before = last_id(first.attach_own()->sent);
  first.streams.send(0, "1");
  first.settle();
  const auto gone = last_id(first.resume(before)->sent);
  const auto marker = last_id(first.resume(gone)->sent);
  first.streams.send(0, "2");
  first.settle();
  first.streams.tick(event_streams::clock::now());
  first.settle();
  process second(k, newest, limits);
  second.restore();
  CHECK_FALSE(second.resume(before));
  CHECK(messages(second.resume(gone)->sent) == texts{"2"});
  CHECK(messages(second.resume(marker)->sent) == texts{"2"});
}

TEST_CASE("a stream is told again from its beginning, open or finished, before and after a restart") {
  fake_keeper k;
  process first(k);
  std::uint32_t number = 0;
  first.open(number);
  first.streams.send(number, "1");
  first.settle();
  CHECK(messages(first.retell(number)->sent) == texts{"1"});
  process second(k);
  second.restore();
  const auto e = second.retell(number);
  REQUIRE(e);
  CHECK(messages(e->sent) == texts{"1"});
  CHECK_FALSE(e->ended);
  second.streams.send(number, "2", true);
  second.settle();
  CHECK(messages(e->sent) == texts{"1", "2"});
  CHECK(e->ended);
  CHECK(messages(second.retell(number)->sent) == texts{"1", "2"});
  CHECK_FALSE(second.retell(number + 1));
  CHECK_FALSE(second.retell(0));
}

TEST_CASE("a stream that has lost events is not told again") {
  fake_keeper k;
  actors::session_limits limits;
  limits.replay_events_max = 2;
  process p(k, newest, limits);
  std::uint32_t number = 0;
  p.open(number);
  for (int i = 0; i < 3; ++i) p.streams.send(number, std::to_string(i));
  p.settle();
  CHECK_FALSE(p.retell(number));
  process second(k, newest, limits);
  second.restore();
  CHECK_FALSE(second.retell(number));
}

TEST_CASE("records of streams that are forgotten are dropped, those that are needed are not") {
  fake_keeper k;
  process p(k);
  std::uint32_t one = 0, two = 0;
  p.open(one);
  p.streams.send(one, "1", true);
  const auto e = p.open(two);
  p.streams.send(two, "2");
  p.settle();
  const auto now = event_streams::clock::now();
  p.streams.tick(now);
  CHECK(k.dropped_before <= 2);
  p.streams.tick(now + p.limits.replay_age_max + 1s);
  p.settle();
  CHECK(k.dropped_before == 3);  // all of the first; the second can still be told from its beginning
  process second(k);
  second.restore();
  CHECK(second.streams.size() == 2);
  const auto again = second.resume(values(e->sent, "id").front());
  REQUIRE(again);
  CHECK(messages(again->sent) == texts{"2"});
}

TEST_CASE("nothing is dropped while something is on its way to the store") {
  fake_keeper k;
  process p(k);
  std::uint32_t number = 0;
  p.open(number);
  p.streams.send(number, "1", true);
  p.settle();
  p.streams.send(0, "2");
  const auto later = event_streams::clock::now() + p.limits.replay_age_max + 1s;
  p.streams.tick(later);
  CHECK(k.dropped_before == 0);
  p.settle();
  p.streams.tick(later);
  CHECK(k.dropped_before == 3);
}

TEST_CASE("a session that has long talked keeps few records, whatever kind of stream it talked on") {
  actors::session_limits limits;
  limits.replay_events_max = 8;
  const auto far = 4 * limits.replay_events_max;
  for (const auto own : {true, false}) {
    fake_keeper k;
    process p(k, newest, limits);
    const auto waiting = p.attach_own();
    std::uint32_t quiet = 0, number = 0;
    p.open(quiet);
    for (int i = 0; i < 1000; ++i) {
      if (!own && i % 2 == 0) p.open(number);
      p.streams.send(number, std::to_string(i), !own && i % 2 == 1);
      p.settle();
      p.streams.tick(event_streams::clock::now());
      p.settle();
    }
    p.streams.finish(quiet);
    p.settle();
    for (int i = 0; i < 3; ++i) {
      p.streams.tick(event_streams::clock::now() + limits.replay_age_max + 1s);
      p.settle();
    }
    INFO(k.kept.size(), " records");
    CHECK(k.kept.size() <= far + 4);
    process second(k, newest, limits);
    second.restore();
    std::uint32_t next = 0;
    second.open(next);
    CHECK(next > number);
    CHECK(next > quiet);
  }
}

TEST_CASE("a number of a stream that was forgotten is not given out again after a restart") {
  fake_keeper k;
  process first(k);
  std::uint32_t number = 0;
  const auto e = first.open(number);
  first.streams.send(number, "1", true);
  first.settle();
  for (int i = 0; i < 3; ++i) {
    first.streams.tick(event_streams::clock::now() + first.limits.replay_age_max + 1s);
    first.settle();
  }
  REQUIRE(first.streams.size() == 1);
  process second(k);
  second.restore();
  CHECK_FALSE(second.resume(last_id(e->sent)));
  std::uint32_t next = 0;
  second.open(next);
  CHECK(next == number + 1);
}
