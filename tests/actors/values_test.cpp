#include <doctest/doctest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <string>
#include <vector>

#include "actors/client_capabilities.hpp"
#include "actors/directory.hpp"
#include "actors/listing_fetch.hpp"
#include "actors/resource_subscriptions.hpp"
#include "actors/uri_rewrite.hpp"
#include "transport/errc.hpp"

using namespace holdfast;
using actors::capability_set;
using texts = std::vector<std::string>;

TEST_CASE("a client's capabilities are read and declared again in one form") {
  const auto again = [](const char* raw) { return capability_set::of(raw).to_json(); };
  CHECK(again("{}") == "{}");
  CHECK(again(R"({"experimental":{"x":{}}})") == "{}");
  CHECK(again(R"({"sampling":{}})") == R"({"sampling":{}})");
  CHECK(again(R"({"sampling":{"tools":{}},"roots":{}})") ==
        R"({"sampling":{"tools":{}},"roots":{"listChanged":true}})");
  CHECK(again(R"({"elicitation":{}})") == R"({"elicitation":{}})");
  CHECK(again(R"({"elicitation":{"form":{}}})") == R"({"elicitation":{}})");
  CHECK(again(R"({"elicitation":{"url":{}}})") == R"({"elicitation":{"url":{}}})");
  CHECK(again(R"({"elicitation":{"url":{},"form":{}}})") == R"({"elicitation":{"form":{},"url":{}}})");
  CHECK(again(R"({"sampling":null,"roots":true})") == "{}");
}

TEST_CASE("every set of capabilities has a number of its own") {
  std::vector<int> seen(capability_set::count);
  for (unsigned bits = 0; bits < capability_set::count; ++bits) {
    const capability_set c{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0};
    REQUIRE(c.index() < capability_set::count);
    ++seen[c.index()];
  }
  CHECK(seen == std::vector<int>(capability_set::count, 1));
  CHECK(capability_set{}.index() == 0);
}

TEST_CASE("a client is asked only what it has declared") {
  using mcp::method;
  const auto plain = capability_set::of(R"({"sampling":{},"elicitation":{}})");
  CHECK(plain.covers(method::sampling_create_message, "{}"));
  CHECK_FALSE(plain.covers(method::sampling_create_message, R"({"tools":[]})"));
  CHECK(plain.covers(method::elicitation_create, R"({"message":"?"})"));
  CHECK_FALSE(plain.covers(method::elicitation_create, R"({"mode":"url"})"));
  CHECK_FALSE(plain.covers(method::roots_list, {}));
  CHECK_FALSE(plain.covers(method::tools_list, {}));
  const auto url = capability_set::of(R"({"elicitation":{"url":{}},"roots":{}})");
  CHECK(url.covers(method::elicitation_create, R"({"mode":"url"})"));
  CHECK_FALSE(url.covers(method::elicitation_create, R"({"mode":"form"})"));
  CHECK(url.covers(method::roots_list, {}));
}

TEST_CASE(
    "a subscription that comes from elsewhere stands at once, whatever becomes of those that are being asked for") {
  caf::actor_system_config config;
  caf::actor_system system(config);
  const caf::scoped_actor one(system), two(system);
  const auto first = caf::actor_cast<caf::actor>(one), second = caf::actor_cast<caf::actor>(two);
  actors::resource_subscriptions s;
  CHECK_FALSE(s.restore("a:1", first));
  CHECK(s.restore("a:1", second));
  CHECK(s.agreed() == texts{"a:1"});
  CHECK(s.add({first, "a:1", nullptr}) == actors::resource_subscriptions::added::stands);

  using added = actors::resource_subscriptions::added;
  CHECK(s.add({first, "a:2", nullptr}) == added::first);
  CHECK(s.agreed() == texts{"a:1"});
  CHECK_FALSE(s.restore("a:2", second));
  CHECK(s.settle("a:2", s.number_of("a:2"), false).size() == 1);
  CHECK(s.holders("a:2") == std::vector<caf::actor>{second});
  CHECK(s.agreed() == texts{"a:1", "a:2"});

  CHECK(s.add({first, "a:3", nullptr}) == added::first);
  CHECK(s.settle("a:3", s.number_of("a:3"), false).size() == 1);
  CHECK(s.holders("a:3").empty());
  CHECK(s.uris() == texts{"a:1", "a:2"});
}

TEST_CASE("the directory finds sessions until they leave") {
  caf::actor_system_config config;
  caf::actor_system system(config);
  const caf::scoped_actor first(system), second(system);
  actors::directory d;
  for (int i = 0; i < 200; ++i) d.add(std::to_string(i), {caf::actor(first), nullptr, "p" + std::to_string(i)});
  CHECK(d.size() == 200);
  CHECK(d.all().size() == 200);
  REQUIRE(d.find("17").has_value());
  CHECK(d.find("17")->principal == "p17");
  CHECK_FALSE(d.find("200").has_value());
  CHECK_FALSE(d.find("").has_value());
  d.remove("17", second->id());
  CHECK(d.find("17").has_value());
  d.remove("17", first->id());
  d.remove("17", first->id());
  CHECK_FALSE(d.find("17").has_value());
  CHECK(d.size() == 199);
}

TEST_CASE("the directory counts the sessions of users, also of those it learns of later") {
  caf::actor_system_config config;
  caf::actor_system system(config);
  const caf::scoped_actor a(system), b(system);
  const auto entry = [](const caf::scoped_actor& of, std::string principal) {
    return actors::directory::entry{caf::actor(of), nullptr, std::move(principal)};
  };
  actors::directory d;
  d.add("1", entry(a, "ann"));
  d.find_or_add("2", [&] { return entry(a, "ann"); });
  d.find_or_add("2", [&] { return entry(a, "bob"); });
  d.add("3", entry(a, "anonymous"));
  d.find_or_add("4", [&] { return entry(b, ""); });
  CHECK(d.count_of("ann") == 2);
  CHECK(d.count_of("bob") == 0);
  CHECK(d.count_of("anonymous") == 0);
  d.tell_principal("4", a->id(), "bob");
  CHECK(d.find("4")->principal.empty());
  d.tell_principal("4", b->id(), "bob");
  CHECK(d.find("4")->principal == "bob");
  CHECK(d.count_of("bob") == 1);
  d.remove("4", a->id());
  CHECK(d.count_of("bob") == 1);
  d.remove("4", b->id());
  d.remove("1", a->id());
  d.tell_principal("1", a->id(), "bob");
  CHECK(d.count_of("bob") == 0);
  CHECK(d.count_of("ann") == 1);
}

namespace {
texts uris_in(std::string_view json) {
  texts all;
  actors::for_each_uri(json, [&](const std::string& uri) { all.push_back(uri); });
  return all;
}
}  // namespace

TEST_CASE("URIs are found at any depth and only as values of a uri member") {
  CHECK(uris_in(R"({"uri":"a:1","x":[{"resource":{ "uri" : "b:2"}}]})") == texts{"a:1", "b:2"});
  CHECK(uris_in(R"({"text":"uri","name":"\"uri\":\"c:3\"","uri":7})").empty());
  CHECK(uris_in(R"({"uri":"a:\u0041\/\"x"})") == texts{"a:A/\"x"});
  CHECK(uris_in("{}").empty());
}

TEST_CASE("only the URIs that change are rewritten, everything else stays byte for byte") {
  const std::string json = R"({ "uri" : "a:1", "n":1.0, "items":[{"uri":"b:2"},{"uri":"\u0061:1"}] })";
  const auto changed = actors::rewrite_uris(json, [](const std::string& uri) -> std::optional<std::string> {
    if (uri == "a:1") return "z:\"9\"";
    return std::nullopt;
  });
  CHECK(changed == R"({ "uri" : "z:\"9\"", "n":1.0, "items":[{"uri":"b:2"},{"uri":"z:\"9\""}] })");
  CHECK(actors::rewrite_uris(json, [](const std::string&) { return std::nullopt; }) == json);
}

// --- listing_fetch ---------------------------------------------------------------------------------------------------

namespace {

/// An upstream that answers the n-th request with the n-th text; `{"code":…}` is an error. Answers at once.
struct scripted {
  explicit scripted(texts a) : answers(std::move(a)) {}

  void fetch(const std::string& capabilities, std::size_t max = 100) {
    actors::listing_fetch::start(
        R"({"protocolVersion":"2025-06-18","instructions":"Hi","capabilities":)" + capabilities + "}", max,
        [this](std::string_view method, const std::string& params, auto answer) {
          asked.push_back(std::string(method) + params);
          if (asked.size() > 50) throw std::logic_error("asked without end");
          const auto text = asked.size() <= answers.size() ? answers[asked.size() - 1] : answers.back();
          if (text.starts_with(R"({"code")")) return answer(transport::failure{transport::errc::bad_message, text});
          if (text.empty()) return answer(transport::failure{transport::errc::timed_out, "no answer"});
          answer(text);
        },
        [this](transport::outcome<actors::listing_ptr> l) {
          ++ends;
          if (l) {
            got = *l;
          } else {
            why = l.error();
          }
        });
    CHECK(ends == 1);
  }

  texts keys(std::vector<actors::listing::entry> actors::listing::*list) const {
    texts all;
    for (const auto& e : (*got).*list) all.push_back(e.key);
    return all;
  }

  texts answers, asked;
  actors::listing_ptr got;
  transport::failure why;
  int ends = 0;
};

}  // namespace

TEST_CASE("a listing holds what the upstream said of itself and only the lists it declares") {
  scripted u({R"({"tools":[{"name":"a","x":1}]})"});
  u.fetch(R"({"tools":{}})");
  REQUIRE(u.got);
  CHECK(u.asked == texts{"tools/list{}"});
  CHECK(u.keys(&actors::listing::tools) == texts{"a"});
  CHECK(u.got->tools[0].raw == R"({"name":"a","x":1})");
  CHECK(u.got->capabilities == R"({"tools":{}})");
  CHECK(u.got->instructions == "Hi");
  CHECK(u.got->revision == "2025-06-18");
}

TEST_CASE("an upstream that offers nothing is asked nothing") {
  scripted u({""});
  u.fetch("{}");
  CHECK(u.asked.empty());
  CHECK(u.got);
}

TEST_CASE("pages are read to the last, whatever their cursors look like") {
  scripted u({R"({"prompts":[{"name":"a"}],"nextCursor":""})", R"({"prompts":[{"name":"b"}],"nextCursor":"\"2"})",
              R"({"prompts":[{"name":"c"}]})"});
  u.fetch(R"({"prompts":{}})");
  CHECK(u.asked == texts{"prompts/list{}", R"(prompts/list{"cursor":""})", R"(prompts/list{"cursor":"\"2"})"});
  CHECK(u.keys(&actors::listing::prompts) == texts{"a", "b", "c"});
}

TEST_CASE("an upstream whose pages never end is read up to the limit") {
  scripted u({R"({"tools":[{"name":"a"}],"nextCursor":"1"})"});
  u.fetch(R"({"tools":{}})", 10);
  CHECK(u.asked.size() == 10);
  CHECK(u.got->tools.size() == 10);
}

TEST_CASE("pages that never end and hold nothing usable end all the same") {
  scripted u({R"({"tools":[{}],"nextCursor":"1"})"});
  u.fetch(R"({"tools":{}})", 10);
  CHECK(u.got);
  CHECK(u.got->tools.empty());
}

TEST_CASE("lists that a server declares but does not know are empty") {
  scripted u({R"({"tools":[{"name":"a"}]})", R"({"code":-32601,"message":"?"})", R"({"resources":[{"uri":"r:1"}]})",
              R"({"code":-32603,"message":"no templates"})"});
  u.fetch(R"({"tools":{},"prompts":{},"resources":{}})");
  REQUIRE(u.got);
  CHECK(u.keys(&actors::listing::tools) == texts{"a"});
  CHECK(u.keys(&actors::listing::resources) == texts{"r:1"});
}

TEST_CASE("a list that cannot be read now fails the whole listing") {
  for (const auto* answer : {"", R"({"code":-32603,"message":"?"})", R"({"tools":{}})", "{}"}) {
    scripted u({answer});
    u.fetch(R"({"tools":{}})");
    CHECK_FALSE(u.got);
    CHECK(u.why.code);
  }
}
