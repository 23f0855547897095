#include <doctest/doctest.h>

#include "actors/machines/session.hpp"

namespace m = holdfast::actors::machines::session;

TEST_CASE("a session lives from initialize to its end") {
  m::state s;
  CHECK(m::advance(s, m::initialize_asked{}).todo == m::effect::proceed);
  s = m::advance(s, m::initialize_answered{}).next;
  CHECK(s == m::state{m::negotiated{}});
  const auto opened = m::advance(s, m::initialized_said{});
  CHECK(opened == m::step{m::operating{}, m::effect::release_held});
  CHECK(m::advance(opened.next, m::request_came{}).todo == m::effect::proceed);
  CHECK(m::advance(opened.next, m::end_asked{}) == m::step{m::ended{}, m::effect::shut_down});
}

TEST_CASE("nothing but initialize is served before initialize was answered") {
  CHECK(m::advance(m::fresh{}, m::request_came{}) == m::step{m::fresh{}, m::effect::refuse_early});
  CHECK(m::advance(m::fresh{}, m::initialized_said{}) == m::step{m::fresh{}, m::effect::refuse_early});
}

TEST_CASE("a client that never says initialized is served") {
  CHECK(m::advance(m::negotiated{}, m::request_came{}) == m::step{m::negotiated{}, m::effect::proceed});
}

TEST_CASE("initialize is answered once") {
  CHECK(m::advance(m::negotiated{}, m::initialize_asked{}).todo == m::effect::refuse_repeated);
  CHECK(m::advance(m::operating{}, m::initialize_asked{}).todo == m::effect::refuse_repeated);
}

TEST_CASE("initialized a second time changes nothing") {
  CHECK(m::advance(m::operating{}, m::initialized_said{}) == m::step{m::operating{}});
  CHECK(m::advance(m::operating{}, m::initialize_answered{}) == m::step{m::operating{}});
  CHECK(m::advance(m::negotiated{}, m::initialize_answered{}) == m::step{m::negotiated{}});
}

TEST_CASE("a session that ended stays so and ends only once") {
  CHECK(m::advance(m::ended{}, m::end_asked{}) == m::step{m::ended{}});
  CHECK(m::advance(m::ended{}, m::request_came{}).todo == m::effect::refuse_ended);
  CHECK(m::advance(m::ended{}, m::initialize_asked{}).todo == m::effect::refuse_ended);
  CHECK(m::advance(m::ended{}, m::initialized_said{}).todo == m::effect::refuse_ended);
  CHECK(m::advance(m::ended{}, m::initialize_answered{}) == m::step{m::ended{}});
  CHECK(m::advance(m::fresh{}, m::end_asked{}).todo == m::effect::shut_down);
  CHECK(m::advance(m::negotiated{}, m::end_asked{}).todo == m::effect::shut_down);
}

TEST_CASE("the gateway speaks first only in an operating session") {
  CHECK_FALSE(m::may_speak(m::fresh{}));
  CHECK_FALSE(m::may_speak(m::negotiated{}));
  CHECK(m::may_speak(m::operating{}));
  CHECK_FALSE(m::may_speak(m::ended{}));
}
