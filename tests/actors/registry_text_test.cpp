#include "actors/registry_text.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "actors/growing.hpp"
#include "actors/upstream_table.hpp"

using namespace holdfast;
using actors::growing;
using actors::registry_record;
using actors::upstream_config;

namespace {

upstream_config upstream(const std::string& alias, const std::string& user = {}) {
  upstream_config u;
  u.alias = alias;
  u.user = user;
  return u;
}

/// A definition is the text of a number here: its time-out. "{}" is wrong.
transport::outcome<upstream_config> read_one(std::string_view name, std::string_view definition) {
  if (definition == "{}") return transport::failure{make_error_code(std::errc::invalid_argument), "it is empty"};
  const auto slash = name.find('/');
  auto u = slash == name.npos ? upstream(std::string(name))
                              : upstream(std::string(name.substr(slash + 1)), std::string(name.substr(0, slash)));
  u.call_timeout = std::chrono::milliseconds(static_cast<int>(definition.size()));
  return u;
}

std::vector<std::string> names(const std::vector<upstream_config>& all) {
  std::vector<std::string> out;
  for (const auto& u : all) out.push_back((u.enabled ? "" : "-") + name_of(u));
  return out;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_SUITE("registry") {
  TEST_CASE("a record is read as it was written") {
    const registry_record r{{"a", {R"({"url":"http://x"})", true}}, {"b", {"", false}}, {"ann@x/c", {"{}", false}}};
    const auto text = to_json(r, "n1/7");
    CHECK(actors::read_registry(text) == r);
    CHECK(text.find("n1/7") != text.npos);
  }

  TEST_CASE("what is no record of this version is none") {
    for (const auto* const bad :
         {"", "{}", "[]", R"({"v":2,"upstreams":[]})", R"({"v":1})", R"({"v":1,"upstreams":[})"})
      CHECK_FALSE(actors::read_registry(bad));
    CHECK(actors::read_registry(R"({"v":1,"more":1,"upstreams":[7,{},{"name":""}]})")->empty());
  }

  TEST_CASE("what is registered changes and follows what is configured") {
    const std::vector<upstream_config> configured{upstream("b"), upstream("a")};
    const auto plain = resolve(configured, {}, read_one);
    CHECK(names(plain.all) == texts{"b", "a"});
    const auto all = resolve(
        configured, {{"a", {"1234", true}}, {"b", {"", false}}, {"c", {"12", true}}, {"ann/d", {"1", true}}}, read_one);
    CHECK(names(all.all) == texts{"-b", "a", "ann/d", "c"});
    CHECK(all.all[1].call_timeout.count() == 4);
    CHECK(all.problems.empty());
  }

  TEST_CASE("what cannot be used is none, and the rest is not touched") {
    const auto all =
        resolve({upstream("a")}, {{"a", {"{}", true}}, {"b", {"", true}}, {"ann/a", {"1", true}}, {"c", {"1", true}}},
                read_one);
    CHECK(names(all.all) == texts{"ann/a", "c"});
    CHECK(all.problems.size() == 2);
    const auto taken = resolve({upstream("a")}, {{"ann/a", {"1", true}}}, read_one);
    CHECK(names(taken.all) == texts{"a"});
    CHECK(taken.problems.at("ann/a") == "everybody has an upstream of this alias");
  }
}

TEST_SUITE("upstream table") {
  TEST_CASE("a retired entry leads to the one that is in force now") {
    actors::upstream_table t;
    for (const auto* const alias : {"a", "a", "b", "a"}) t.add(upstream(alias));
    t.put_in_force({3});
    t[0].successor = 1;
    t[1].successor = 3;
    for (const auto u : {0, 1, 2}) t[static_cast<std::size_t>(u)].retired = true;
    CHECK(t.current(0) == 3);
    CHECK(t.current(3) == 3);
    CHECK_FALSE(t.current(2));
    CHECK_FALSE(t.current(4));
    CHECK(t.find("a") == 3);
    CHECK_FALSE(t.find("b"));
  }

  TEST_CASE("a user finds what everybody has, and their own") {
    actors::upstream_table t;
    t.add(upstream("a"));
    t.add(upstream("mine", "ann"));
    t.add(upstream("mine", "bob"));
    t.put_in_force({0, 1, 2});
    CHECK(t.find("mine", "ann") == 1);
    CHECK(t.find("mine", "bob") == 2);
    CHECK_FALSE(t.find("mine", "carol"));
    CHECK(t.find("a", "carol") == 0);
    CHECK(t.find("bob/mine") == 2);
    CHECK_FALSE(t.find("mine"));
    CHECK(t.has_own("ann"));
    CHECK_FALSE(t.has_own("carol"));
  }
}

TEST_SUITE("growing") {
  TEST_CASE("readers see whole entries while it grows") {
    growing<std::string> all;
    constexpr std::size_t count = 3 * growing<std::string>::chunk_size + 1;
    std::thread writer([&] {
      for (std::size_t i = 0; i < count; ++i) all.add(std::to_string(i));
    });
    std::size_t seen = 0;
    bool right = true;
    while (seen < count) {
      for (const auto now = all.size(); seen < now; ++seen) right = right && all[seen] == std::to_string(seen);
    }
    writer.join();
    CHECK(right);
    CHECK(&all[0] == &all[0]);
  }
}
