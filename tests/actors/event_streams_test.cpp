#include "actors/event_streams.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/actors/event_text.hpp"
#include "tests/actors/fake_exchange.hpp"

using namespace holdfast;
using namespace std::chrono_literals;
using actors::event_streams;
using tests::fake_exchange;
using tests::last_id;
using tests::messages;
using tests::texts;
using tests::values;

namespace {

constexpr auto newest = mcp::revision::r2025_11_25;
constexpr auto older = mcp::revision::r2025_06_18;

/// The streams of one session, with whatever their connections report carried out at once.
struct session_streams {
  explicit session_streams(mcp::revision r = newest, bool plain = false, const std::string& id = "the-session")
      : streams(limits, id, r, plain, [this](std::uint32_t stream, std::uint64_t attachment) {
          own_gone = streams.detached(stream, attachment);
        }) {}

  std::shared_ptr<fake_exchange> attach_own() {
    auto e = std::make_shared<fake_exchange>();
    streams.attach_own(e);
    return e;
  }
  std::shared_ptr<fake_exchange> open(std::uint32_t& number) {
    auto e = std::make_shared<fake_exchange>();
    number = streams.open(e);
    return e;
  }
  std::shared_ptr<fake_exchange> resume(const std::string& id) {
    auto e = std::make_shared<fake_exchange>();
    actors::exchange_ptr p = e;
    if (streams.resume(p, id)) return e;
    CHECK(p == e);
    CHECK_FALSE(e->open);
    return nullptr;
  }

  actors::session_limits limits;
  bool own_gone = false;
  event_streams streams;
};

}  // namespace

TEST_CASE("streams of the newest revision begin with an id and a reconnection time") {
  session_streams s;
  std::uint32_t number = 0;
  const auto e = s.open(number);
  const auto begin = e->take();
  CHECK(values(begin, "id").size() == 1);
  CHECK(values(begin, "retry") == texts{"500"});
  CHECK(begin.find("\ndata: \n\n") != begin.npos);
}

TEST_CASE("streams of older revisions begin with a comment only, for their clients choke on empty data") {
  session_streams s(older);
  CHECK(s.attach_own()->take() == ": ready\n\n");
}

TEST_CASE("events carry rising ids of their own stream") {
  session_streams s;
  std::uint32_t one = 0, two = 0;
  const auto a = s.open(one), b = s.open(two);
  REQUIRE(one != two);
  s.streams.send(one, "{\"n\":1}");
  s.streams.send(two, "{\"n\":2}");
  s.streams.send(one, "{\"n\":3}");
  CHECK(messages(a->sent) == texts{"{\"n\":1}", "{\"n\":3}"});
  CHECK(messages(b->sent) == texts{"{\"n\":2}"});
  auto ids = values(a->sent, "id");
  const auto more = values(b->sent, "id");
  ids.insert(ids.end(), more.begin(), more.end());
  std::sort(ids.begin(), ids.end());
  CHECK(std::unique(ids.begin(), ids.end()) == ids.end());
}

TEST_CASE("a message with raw line ends stays one data line") {
  session_streams s;
  const auto e = s.attach_own();
  s.streams.send(0, "{\"a\":\r\n1}");
  CHECK(messages(e->sent) == texts{"{\"a\":  1}"});
}

TEST_CASE("a stream goes on after any of its events without gap or repeat") {
  for (const auto revision : {newest, older}) {
    session_streams s(revision);
    std::uint32_t number = 0;
    const auto e = s.open(number);
    for (int i = 0; i < 5; ++i) s.streams.send(number, std::to_string(i));
    const auto ids = values(e->sent, "id");
    const auto first = ids.size() - 5;  // a priming event comes before
    for (std::size_t seen = 0; seen < 5; ++seen) {
      const auto again = s.resume(ids[first + seen]);
      REQUIRE(again);
      texts rest;
      for (auto i = seen + 1; i < 5; ++i) rest.push_back(std::to_string(i));
      CHECK(messages(again->sent) == rest);
    }
    const auto last = s.resume(ids.back());
    s.streams.send(number, "5");
    CHECK(messages(last->sent) == texts{"5"});
  }
}

TEST_CASE("a stream goes on from its priming event, before it has said anything") {
  session_streams s;
  std::uint32_t number = 0;
  const auto e = s.open(number);
  const auto primed = last_id(e->take());
  e->close();
  s.streams.send(number, "1");
  s.streams.send(number, "2");
  const auto again = s.resume(primed);
  REQUIRE(again);
  CHECK(messages(again->sent) == texts{"1", "2"});
  CHECK(values(again->sent, "retry") == texts{"500"});
}

TEST_CASE("resuming ends the connection that was still attached") {
  session_streams s;
  std::uint32_t number = 0;
  const auto e = s.open(number);
  const auto again = s.resume(last_id(e->sent));
  CHECK(e->ended);
  e->close();  // late news of the old connection
  s.streams.send(number, "1");
  CHECK(messages(again->sent) == texts{"1"});
}

TEST_CASE("what a session says while nobody listens comes with the next connection, once") {
  session_streams s;
  s.streams.send(0, "1");
  const auto a = s.attach_own();
  CHECK(messages(a->sent) == texts{"1"});
  a->close();
  CHECK(s.own_gone);
  CHECK_FALSE(s.streams.own_attached());
  s.streams.send(0, "2");
  const auto b = s.attach_own();
  CHECK(messages(b->sent) == texts{"2"});
}

TEST_CASE("a finished stream can still be read from any event to its end") {
  session_streams s;
  std::uint32_t number = 0;
  const auto e = s.open(number);
  const auto primed = last_id(e->sent);
  e->close();
  s.streams.send(number, "the answer");
  s.streams.finish(number);
  const auto again = s.resume(primed);
  REQUIRE(again);
  CHECK(messages(again->sent) == texts{"the answer"});
  CHECK(again->ended);
  s.streams.send(number, "too late");
  CHECK(messages(s.resume(primed)->sent) == texts{"the answer"});
}

TEST_CASE("event ids of another session, of no stream, from the future or malformed are refused") {
  session_streams s, other(newest, false, "another-session");
  std::uint32_t number = 0;
  const auto id = last_id(s.open(number)->sent);
  const auto foreign = last_id(other.open(number)->sent);
  CHECK(s.resume(id));
  CHECK_FALSE(s.resume(foreign));
  const auto tag = id.substr(id.rfind('-'));
  CHECK_FALSE(s.resume("77-1" + tag));
  CHECK_FALSE(s.resume("1-99" + tag));
  for (const auto* bad : {"", "1", "1-", "1-1", "-1-1-1", "1-1-xyz", "1-1-1-1", "99999999999-1-1", "1 -1-1"}) {
    CHECK_FALSE(s.resume(bad));
  }
}

TEST_CASE("a stream cannot be resumed where events have gone already") {
  session_streams s;
  s.limits.replay_events_max = 3;
  std::uint32_t number = 0;
  const auto e = s.open(number);
  for (int i = 1; i <= 5; ++i) s.streams.send(number, std::to_string(i));
  const auto ids = values(e->sent, "id");  // priming, 1, 2, ...
  CHECK_FALSE(s.resume(ids[1]));
  const auto again = s.resume(ids[2]);
  REQUIRE(again);
  CHECK(messages(again->sent) == texts{"3", "4", "5"});
}

TEST_CASE("a message that is larger than all that may be kept still reaches a connection that is there") {
  session_streams s;
  s.limits.replay_bytes_max = 64;
  std::uint32_t number = 0;
  const auto e = s.open(number);
  const std::string large(200, 'x');
  s.streams.send(number, large);
  CHECK(messages(e->sent) == texts{large});
}

TEST_CASE("of several connections to a session's own stream one gets each event") {
  session_streams s;
  const auto a = s.attach_own(), b = s.attach_own(), c = s.attach_own();
  s.streams.send(0, "1");
  CHECK(messages(a->sent) == texts{"1"});
  CHECK(messages(b->sent).empty());
  CHECK(messages(c->sent).empty());
}

TEST_CASE("the newest shadow takes over with what was said meanwhile") {
  session_streams s;
  const auto a = s.attach_own(), b = s.attach_own(), c = s.attach_own();
  s.streams.send(0, "1");
  a->close();
  CHECK_FALSE(s.own_gone);
  s.streams.send(0, "2");
  CHECK(messages(c->sent) == texts{"2"});
  c->close();
  s.streams.send(0, "3");
  CHECK(messages(b->sent) == texts{"3"});
  b->close();
  CHECK(s.own_gone);
}

TEST_CASE("a shadow that goes is not promoted") {
  session_streams s;
  const auto a = s.attach_own(), b = s.attach_own();
  b->close();
  a->close();
  CHECK(s.own_gone);
  CHECK_FALSE(s.streams.any_attached());
}

TEST_CASE("one shadow too many ends the oldest") {
  session_streams s;
  s.limits.shadow_streams_max = 2;
  const auto a = s.attach_own(), b = s.attach_own(), c = s.attach_own();
  CHECK_FALSE(b->ended);
  const auto d = s.attach_own();
  CHECK(b->ended);
  CHECK_FALSE((a->ended || c->ended || d->ended));
}

TEST_CASE("the oldest finished stream makes room, an open one never does") {
  session_streams s;
  s.limits.streams_max = 2;
  std::uint32_t one = 0, two = 0, three = 0;
  const auto a = s.open(one), b = s.open(two);
  s.streams.finish(two);
  s.open(three);
  CHECK(s.resume(last_id(a->sent)));
  CHECK_FALSE(s.resume(last_id(b->sent)));
  std::uint32_t four = 0;
  s.open(four);
  CHECK(s.streams.size() == 4);
}

TEST_CASE("an abandoned stream of the newest revision stays open and silent, others end") {
  session_streams s, o(older);
  std::uint32_t number = 0, other = 0;
  const auto e = s.open(number), f = o.open(other);
  const auto before = e->take();
  s.streams.abandon(number);
  s.streams.send(number, "too late");
  CHECK_FALSE(e->ended);
  CHECK(e->sent.empty());
  o.streams.abandon(other);
  CHECK(f->ended);
}

TEST_CASE("quiet streams are kept alive, busy ones are left alone") {
  session_streams s;
  std::uint32_t number = 0;
  const auto own = s.attach_own(), shadow = s.attach_own(), e = s.open(number);
  own->take(), shadow->take(), e->take();
  const auto now = event_streams::clock::now();
  CHECK(s.streams.tick(now) <= now + s.limits.keep_alive);
  CHECK(own->sent.empty());
  const auto later = now + s.limits.keep_alive + 1s;
  CHECK(s.streams.tick(later) == later + s.limits.keep_alive);
  CHECK(own->take() == ":\n\n");
  CHECK(shadow->take() == ":\n\n");
  CHECK(e->take() == ":\n\n");
}

TEST_CASE("a finished stream is forgotten in time") {
  session_streams s;
  std::uint32_t number = 0;
  const auto id = last_id(s.open(number)->sent);
  s.streams.finish(number);
  const auto now = event_streams::clock::now();
  CHECK(s.streams.tick(now) <= now + s.limits.replay_age_max);
  CHECK(s.resume(id));
  s.streams.tick(now + s.limits.replay_age_max + 1s);
  CHECK_FALSE(s.resume(id));
  CHECK(s.streams.size() == 1);
}

TEST_CASE("a stream with a limited life is closed with a reconnection time and can go on") {
  session_streams s;
  s.limits.stream_lifetime = 10s;
  std::uint32_t number = 0;
  const auto e = s.open(number);
  const auto primed = last_id(e->take());
  const auto now = event_streams::clock::now();
  CHECK(s.streams.tick(now) <= now + 10s);
  s.streams.tick(now + 11s);
  CHECK(values(e->sent, "retry") == texts{"500"});
  CHECK(e->ended);
  s.streams.send(number, "1");
  CHECK(messages(s.resume(primed)->sent) == texts{"1"});
}

TEST_CASE("at the end of a session all its connections end") {
  session_streams s;
  std::uint32_t number = 0;
  const auto own = s.attach_own(), shadow = s.attach_own(), e = s.open(number);
  s.streams.end_all();
  CHECK(own->ended);
  CHECK(shadow->ended);
  CHECK(e->ended);
  CHECK_FALSE(s.streams.any_attached());
}

TEST_CASE("the older SSE transport has no ids and nothing to resume") {
  session_streams s(mcp::revision::r2024_11_05, true);
  const auto e = s.attach_own();
  s.streams.send_endpoint("/messages?sessionId=1");
  s.streams.send(0, "1");
  CHECK(e->sent == "event: endpoint\ndata: /messages?sessionId=1\n\nevent: message\ndata: 1\n\n");
  CHECK_FALSE(s.resume("0-1-0"));
  e->close();
  CHECK(s.own_gone);
}
