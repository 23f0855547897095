#include "actors/cluster_text.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace holdfast::actors;
using machines::membership::view;

TEST_CASE("a view is read as it was written") {
  const view v{17, {{"n \"1\"", "abc", "10.0.0.1:7430", false}, {"n2", "def", "[::1]:7430", true}}};
  const auto text = to_json(v, "abc");
  CHECK(text ==
        R"({"v":1,"version":17,"by":"abc","members":[{"name":"n \"1\"","incarnation":"abc","address":"10.0.0.1:7430"},)"
        R"({"name":"n2","incarnation":"def","address":"[::1]:7430","leaving":true}]})");
  CHECK(read_view(text) == v);
  CHECK(read_view(to_json(view{}, "abc")) == view{});
}

TEST_CASE("where operators have put slots is read as it was written") {
  const view v{17, {{"n1", "abc", "10.0.0.1:7430", false}}, {{3, "n1"}, {1023, "n \"2\""}}};
  const auto text = to_json(v, "abc");
  CHECK(text.ends_with(R"(],"pinned":[[3,"n1"],[1023,"n \"2\""]]})"));
  CHECK(read_view(text) == v);
  CHECK_FALSE(read_view(R"({"v":1,"version":1,"members":[],"pinned":[[1024,"a"]]})"));
  CHECK_FALSE(read_view(R"({"v":1,"version":1,"members":[],"pinned":[[1]]})"));
}

TEST_CASE("a view of another version, or none at all, is not read") {
  for (const auto* text : {"", "x", "[]", "{}", R"({"v":2,"version":1,"members":[]})", R"({"v":1,"members":[]})",
                           R"({"v":1,"version":-1,"members":[]})", R"({"v":1,"version":1,"members":{}})",
                           R"({"v":1,"version":1,"members":[{"name":"a"}]})", R"({"v":1,"version":1,"members":[)"}) {
    CAPTURE(text);
    CHECK_FALSE(read_view(text));
  }
}

TEST_CASE("what this version does not know of a view is passed over") {
  CHECK(read_view(R"({"v":1,"version":3,"new":[1],"members":[{"incarnation":"a","zone":"b"}]})")->members.size() == 1);
}

TEST_CASE("a beat is read as it was written") {
  beat b{"abc", 12, {}, {{0, 7}, {31, 4294967295}}};
  b.slots.set(0).set(5).set(1023);
  b.now += std::chrono::microseconds{1'234'567};
  const auto text = to_json(b);
  CHECK(text.starts_with(R"({"from":"abc","view":12,"slots":"120000)"));
  CHECK(text.ends_with(R"(008","lists":[[0,7],[31,4294967295]],"now":1234567})"));
  CHECK(read_beat(text) == b);
}

TEST_CASE("a beat of an older version, or one that makes no sense, tells no time") {
  for (const auto* now : {"", R"(,"now":-5)", R"(,"now":"1")", R"(,"now":9223372036854775807)"}) {
    CAPTURE(now);
    auto text = to_json(beat{"a", 1, {}});
    const std::string none = R"(,"now":0)";
    const auto b = read_beat(text.replace(text.find(none), none.size(), now));
    REQUIRE(b);
    CHECK(b->now == std::chrono::steady_clock::time_point());
  }
}

TEST_CASE("a beat that is none is refused") {
  for (const auto* text : {"", "{}", "[1]", R"({"from":"a","view":1,"slots":"00"})", R"({"from":"","view":1})"}) {
    CAPTURE(text);
    CHECK_FALSE(read_beat(text));
  }
  auto text = to_json(beat{"a", 1, {}});
  text[text.find("00")] = 'x';
  CHECK_FALSE(read_beat(text));
}

TEST_CASE("lists that make no sense are left out of a beat, which may say nothing of them") {
  const auto with = [](const std::string& lists) {
    auto text = to_json(beat{"a", 1, {}});
    const std::string none = R"(,"lists":[])";
    return read_beat(text.replace(text.find(none), none.size(), lists));
  };
  CHECK(with("")->lists.empty());
  for (const auto* lists : {"7", "{}", "[]", "[7]", "[[1]]", "[[1,2,3]]", "[[32,1]]", "[[-1,1]]", "[[1,4294967296]]"}) {
    CAPTURE(lists);
    const auto b = with(R"(,"lists":)" + std::string(lists));
    REQUIRE(b);
    CHECK(b->lists.empty());
  }
  CHECK(with(R"(,"lists":[[1,"x"],[2,5]])")->lists == view_digests{{2, 5}});
}
