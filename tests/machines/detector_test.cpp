#include "actors/machines/detector.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace holdfast::actors::machines::detector;
using namespace std::chrono_literals;

namespace {

/// An observer of "b" and "c", whose time passes in beats.
struct observer {
  observer() { happens(members_changed{{"b", "c"}}); }

  std::vector<effect> happens(const event& e) {
    auto s = advance(std::move(now_is), e, now, p);
    now_is = std::move(s.next);
    return s.todo;
  }

  /// Looks once a beat; what came of it, with when.
  std::vector<effect> passes(milliseconds time, const std::vector<std::string>& heard_from) {
    std::vector<effect> all;
    for (const auto end = now + time; now < end;) {
      now += p.beat;
      for (const auto& who : heard_from) happens(heard{who});
      for (auto& e : happens(look{})) all.push_back(std::move(e));
    }
    return all;
  }

  policy p;
  state now_is;
  time_point now = time_point(1h);
};

}  // namespace

TEST_CASE("nobody is suspected who is heard") {
  observer o;
  CHECK(o.passes(10s, {"b", "c"}).empty());
}

TEST_CASE("a silent one is suspected, and dead if the others do not hear it either") {
  observer o;
  CHECK(o.passes(1s, {"c"}).empty());
  CHECK(o.passes(100ms, {"c"}) == std::vector<effect>{ask_others{"b"}});
  CHECK(o.happens(others_said{"b", false, {}}) == std::vector<effect>{declare_dead{"b"}});
}

TEST_CASE("one whose connection broke is suspected as soon as a beat is missing") {
  observer o;
  o.passes(1s, {"b", "c"});
  o.happens(connection_broke{"b"});
  CHECK(o.passes(100ms, {"c"}).empty());
  CHECK(o.passes(100ms, {"c"}) == std::vector<effect>{ask_others{"b"}});
}

TEST_CASE("not if it comes back before") {
  observer o;
  o.passes(1s, {"b", "c"});
  o.happens(connection_broke{"b"});
  CHECK(o.passes(100ms, {"c"}).empty());
  CHECK(o.passes(900ms, {"b", "c"}).empty());
}

TEST_CASE("one that others hear lives, and is asked about again") {
  observer o;
  CHECK(o.passes(1100ms, {"c"}).size() == 1);
  CHECK(o.happens(others_said{"b", true, {}}).empty());
  CHECK(o.now_is.peers.at("b").elsewhere);
  CHECK(o.passes(400ms, {"c"}).empty());
  CHECK(o.passes(100ms, {"c"}) == std::vector<effect>{ask_others{"b"}});
  CHECK(o.happens(others_said{"b", false, {}}) == std::vector<effect>{declare_dead{"b"}});
}

TEST_CASE("one that stays a member is declared dead again, which is no news until it is heard") {
  observer o;
  o.passes(1100ms, {"c"});
  CHECK(o.happens(others_said{"b", false, {}}) == std::vector<effect>{declare_dead{"b"}});
  CHECK(o.passes(500ms, {"c"}) == std::vector<effect>{ask_others{"b"}});
  CHECK(o.happens(others_said{"b", false, {}}) == std::vector<effect>{declare_dead{"b", true}});
  o.passes(100ms, {"b", "c"});
  CHECK(o.passes(1100ms, {"c"}).size() == 1);
  CHECK(o.happens(others_said{"b", false, {}}) == std::vector<effect>{declare_dead{"b"}});
}

TEST_CASE("a witness that does not answer is no proof, and is asked again at once") {
  observer o;
  CHECK(o.passes(1100ms, {"c"}).size() == 1);
  CHECK(o.happens(others_said{"b", false, {"c"}}).empty());
  CHECK(o.passes(100ms, {"c"}) == std::vector<effect>{ask_others{"b"}});
  CHECK(o.happens(others_said{"b", false, {}}) == std::vector<effect>{declare_dead{"b"}});
}

TEST_CASE("one that is silent itself is no witness") {
  observer o;
  CHECK(o.passes(2100ms, {}).size() == 2);
  CHECK(o.happens(others_said{"b", false, {"c"}}) == std::vector<effect>{declare_dead{"b"}});
}

TEST_CASE("one word for it counts, whoever does not answer") {
  observer o;
  o.happens(members_changed{{"b", "c", "d"}});
  CHECK(o.passes(1100ms, {"c", "d"}).size() == 1);
  CHECK(o.happens(others_said{"b", true, {"d"}}).empty());
  CHECK(o.now_is.peers.at("b").elsewhere);
}

TEST_CASE("one that is heard while the others are asked lives") {
  observer o;
  o.passes(1100ms, {"c"});
  o.happens(heard{"b"});
  CHECK(o.happens(others_said{"b", false, {}}).empty());
}

TEST_CASE("an observer that did not run suspects nobody, and knows that it did not") {
  observer o;
  o.passes(1s, {"b", "c"});
  o.now += 5s;
  CHECK(o.happens(look{}) == std::vector<effect>{was_starved{4900ms}});
  CHECK(o.passes(900ms, {"c"}).empty());
  CHECK(o.passes(200ms, {"c"}) == std::vector<effect>{ask_others{"b"}});
}

TEST_CASE("one that hears hardly anybody waits longer, as it may be the one who is cut off") {
  observer o;
  o.happens(members_changed{{"b", "c", "d"}});
  CHECK(o.passes(2s, {"d"}).empty());
  CHECK(o.passes(100ms, {"d"}).size() == 2);
}

TEST_CASE("of two, each is enough for the other") {
  observer o;
  o.happens(members_changed{{"b"}});
  CHECK(o.passes(1s, {}).empty());
  CHECK(o.passes(100ms, {}) == std::vector<effect>{ask_others{"b"}});
}

TEST_CASE("a member that goes is forgotten, one that comes has its full time") {
  observer o;
  o.passes(1s, {"c"});
  o.happens(members_changed{{"c", "d"}});
  CHECK(o.passes(1s, {"c"}).empty());
  CHECK(o.passes(100ms, {"c"}) == std::vector<effect>{ask_others{"d"}});
}
