#include "actors/machines/stepwise.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <string>

namespace m = holdfast::actors::machines::execution;
namespace s = holdfast::actors::machines::stepwise;
using s::command;

namespace {

/// What the API promises, said apart from the machine: by the name of the state.
const std::map<std::string, std::set<command>> promised{
    {"idle", {command::select, command::cancel, command::reset}},
    {"selected", {command::select, command::parameters, command::cancel, command::reset}},
    {"ready", {command::select, command::parameters, command::execute, command::cancel, command::reset}},
    {"executing", {command::cancel}},
    {"input_required", {command::cancel}},
    {"succeeded", {command::reset}},
    {"failed", {command::reset}},
    {"cancelled", {command::reset}},
    {"interrupted", {command::reset}},
};

const std::map<command, std::string> leads_to{{command::select, "selected"},
                                              {command::parameters, "ready"},
                                              {command::cancel, "cancelled"},
                                              {command::reset, "idle"}};

std::set<command> as_set(const std::vector<command>& all) { return {all.begin(), all.end()}; }

/// What a call does to the machine until it ends.
m::state one_outcome(m::state from, std::mt19937& random) {
  auto state = m::advance(std::move(from), m::dispatched{7}).next;
  const auto say = [&](const m::event& e) { state = m::advance(std::move(state), e).next; };
  if (random() % 2 == 0) {
    say(m::input_asked{1});
    say(m::input_answered{1});
  }
  switch (random() % 4) {
    case 0: say(m::result_came{false}); break;
    case 1: say(m::result_came{true}); break;
    case 2: say(m::error_came{}); break;
    default: say(m::connection_lost{});
  }
  return state;
}

}  // namespace

TEST_CASE("random commands lead where the API says, or are refused and change nothing") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    m::state state;
    bool under_way = false;
    for (int i = 0; i < 200; ++i) {
      INFO("seed " << seed << ", step " << i);
      const std::string name(m::name_of(state));
      const auto expected = under_way ? std::set{command::cancel} : promised.at(name);
      REQUIRE(as_set(s::allowed_in(state, under_way)) == expected);
      const auto c = static_cast<command>(random() % s::command_count);
      REQUIRE(s::admits(state, under_way, c) == expected.contains(c));
      if (under_way && random() % 3 == 0) {  // the call ends by itself, perhaps on another node
        state = one_outcome(std::move(state), random);
        under_way = false;
        REQUIRE(m::is_final(state));
        continue;
      }
      if (!expected.contains(c)) continue;
      if (c == command::execute) {
        under_way = true;  // not dispatched yet: the state is the same
        continue;
      }
      const auto e = s::event_of(c, "t");
      REQUIRE(e.has_value());
      state = m::advance(std::move(state), *e).next;
      under_way = false;
      REQUIRE(m::name_of(state) == leads_to.at(c));
    }
  }
}

TEST_CASE("commands have names") {
  for (std::uint8_t i = 0; i < s::command_count; ++i) {
    const auto c = static_cast<command>(i);
    CHECK(s::command_named(s::name_of(c)) == c);
  }
  CHECK_FALSE(s::command_named("dispatch").has_value());
}
