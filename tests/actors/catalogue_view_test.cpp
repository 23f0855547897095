#include "actors/catalogue_view.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transport/mcp/envelope.hpp"

using namespace holdfast;
using actors::catalogue_view;
using actors::list_kind;

namespace {

constexpr auto newest = mcp::newest_legacy;
using texts = std::vector<std::string>;

/// Upstreams in configuration order, and what they offer.
struct offers {
  struct one {
    actors::upstream_config config;
    std::shared_ptr<actors::listing> listing = std::make_shared<actors::listing>();

    one& tool(const std::string& name, const std::string& more = "") {
      listing->tools.push_back(
          {name, R"({"name":)" + mcp::quote(name) + R"(,"inputSchema":{"type":"object"})" + more + "}"});
      return *this;
    }
    one& prompt(const std::string& name) {
      listing->prompts.push_back({name, R"({"name":)" + mcp::quote(name) + "}"});
      return *this;
    }
    one& resource(const std::string& uri) {
      listing->resources.push_back({uri, R"({"uri":)" + mcp::quote(uri) + R"(,"name":"r"})"});
      return *this;
    }
    one& pattern(const std::string& text) {
      listing->templates.push_back({text, R"({"uriTemplate":)" + mcp::quote(text) + R"(,"name":"t"})"});
      return *this;
    }
    one& capabilities(const std::string& raw) {
      listing->capabilities = raw;
      return *this;
    }
  };

  one& upstream(const std::string& alias) {
    all.push_back(std::make_unique<one>());
    all.back()->config.alias = alias;
    all.back()->listing->capabilities = "{}";
    return *all.back();
  }

  catalogue_view view() const {
    std::vector<catalogue_view::offer> offers;
    for (const auto& o : all) {
      if (o->config.enabled) offers.push_back({static_cast<std::uint32_t>(&o - all.data()), &o->config, o->listing});
    }
    return catalogue_view(offers, config);
  }

  std::vector<std::unique_ptr<one>> all;
  actors::catalogue_config config;
};

texts listed(const catalogue_view& v, list_kind kind, mcp::revision to = newest) {
  static constexpr std::array keys{"name", "name", "uri", "uriTemplate"};
  texts all;
  for (std::optional<std::size_t> at = 0u; at;) {
    const auto page = v.list(kind, to, *at);
    const auto array = "[" + std::string(page.entries) + "]";
    const auto entries = mcp::elements(array);
    REQUIRE(entries.has_value());
    for (const auto e : *entries)
      all.push_back(*mcp::string_value(mcp::member(e, keys[static_cast<std::size_t>(kind)])));
    at = page.next;
  }
  return all;
}

}  // namespace

TEST_CASE("unique names stay as they are, in the order of the configuration") {
  offers o;
  o.upstream("b").tool("two").tool("one").prompt("p");
  o.upstream("a").tool("three");
  const auto v = o.view();
  CHECK(listed(v, list_kind::tools) == texts{"two", "one", "three"});
  REQUIRE(v.tool("three") != nullptr);
  CHECK(v.tool("three")->upstream == 1);
  CHECK_FALSE(v.tool("three")->renamed);
  CHECK(v.prompt("p")->upstream == 0);
  CHECK(v.tool("p") == nullptr);
}

TEST_CASE("all holders of a colliding name get their alias in front, and none answers to the bare one") {
  offers o;
  o.upstream("a").tool("search").tool("only");
  o.upstream("b").tool("search");
  const auto v = o.view();
  CHECK(listed(v, list_kind::tools) == texts{"a__search", "only", "b__search"});
  CHECK(v.tool("search") == nullptr);
  REQUIRE(v.tool("b__search") != nullptr);
  CHECK(v.tool("b__search")->upstream == 1);
  CHECK(v.tool("b__search")->upstream_name == "\"search\"");
  CHECK(v.tool("b__search")->renamed);
}

TEST_CASE("prompts collide among prompts only") {
  offers o;
  o.upstream("a").tool("x").prompt("greet");
  o.upstream("b").prompt("x").prompt("greet");
  const auto v = o.view();
  CHECK(listed(v, list_kind::tools) == texts{"x"});
  CHECK(listed(v, list_kind::prompts) == texts{"a__greet", "x", "b__greet"});
}

TEST_CASE("an upstream that lists a name twice does not collide with itself") {
  offers o;
  o.upstream("a").tool("x").tool("x");
  CHECK(listed(o.view(), list_kind::tools) == texts{"x"});
}

TEST_CASE("every name can be made to carry its alias") {
  offers o;
  o.config.always_prefix = true;
  o.upstream("a").tool("x").prompt("y");
  const auto v = o.view();
  CHECK(listed(v, list_kind::tools) == texts{"a__x"});
  CHECK(listed(v, list_kind::prompts) == texts{"a__y"});
}

TEST_CASE("a name that clients do not accept is shown as one they do, and led back") {
  offers o;
  const std::string odd = "größe \"x\"", lengthy(100, 'n');
  o.upstream("a").tool(odd).tool(lengthy);
  const auto v = o.view();
  const auto names = listed(v, list_kind::tools);
  REQUIRE(names.size() == 2);
  for (const auto& n : names) {
    CHECK(n.size() <= 64);
    CHECK(n.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-") == n.npos);
  }
  CHECK(mcp::string_value(v.tool(names[0])->upstream_name) == odd);
  CHECK(mcp::string_value(v.tool(names[1])->upstream_name) == lengthy);
}

TEST_CASE("filters hide tools, prompts and resources, and deny wins over allow") {
  offers o;
  auto& a = o.upstream("a").tool("get_one").tool("get_secret").tool("set_one").prompt("p").prompt("q");
  a.resource("file:///a").resource("file:///secret/b").pattern("file:///secret/{x}").pattern("db:///{x}");
  a.config.allow_tools = {"get_*"};
  a.config.deny_tools = {"*secret*"};
  a.config.deny_prompts = {"q"};
  a.config.deny_resources = {"file:///secret/*"};
  o.upstream("b").tool("set_one");
  const auto v = o.view();
  CHECK(listed(v, list_kind::tools) == texts{"get_one", "set_one"});
  CHECK(v.tool("set_one")->upstream == 1);
  CHECK(listed(v, list_kind::prompts) == texts{"p"});
  CHECK(listed(v, list_kind::resources) == texts{"file:///a"});
  CHECK(listed(v, list_kind::templates) == texts{"db:///{x}"});
  CHECK_FALSE(v.resource("file:///secret/b"));
  CHECK_FALSE(v.may_read(0, "file:///secret/anything"));
}

TEST_CASE("a hidden name is not what makes another one collide") {
  offers o;
  o.upstream("a").tool("x").config.deny_tools = {"x"};
  o.upstream("b").tool("x");
  CHECK(listed(o.view(), list_kind::tools) == texts{"x"});
}

TEST_CASE("of a colliding URI the first upstream is the owner and the others are listed under an alias") {
  offers o;
  o.upstream("a").resource("file:///x y");
  o.upstream("b").resource("file:///x y").resource("file:///z");
  const auto v = o.view();
  const std::string alias = "mcp+b:file%3A%2F%2F%2Fx%20y";
  CHECK(listed(v, list_kind::resources) == texts{"file:///x y", alias, "file:///z"});
  CHECK(v.resource("file:///x y")->upstream == 0);
  const auto route = v.resource(alias);
  REQUIRE(route);
  CHECK(route->upstream == 1);
  CHECK(route->upstream_uri == "file:///x y");
  CHECK(route->renamed);
  CHECK(v.has_shadowed_uris());
  CHECK(v.shown_uri(1, "file:///x y") == alias);
  CHECK_FALSE(v.shown_uri(0, "file:///x y"));
  CHECK_FALSE(v.shown_uri(1, "file:///z"));
}

TEST_CASE("a URI that no list names belongs to the first template that fits and lets it through") {
  offers o;
  o.upstream("a").pattern("db:///{table}/{row}").config.deny_resources = {"db:///hidden/*"};
  o.upstream("b").resource("db:///users/1").pattern("db:///{+all}").pattern("db:///{table}/{row}");
  const auto v = o.view();
  CHECK(v.resource("db:///users/2")->upstream == 0);
  CHECK(v.resource("db:///users/1")->upstream == 1);  // listed, which counts more
  CHECK(v.resource("db:///hidden/2")->upstream == 1);
  CHECK_FALSE(v.resource("file:///users/2"));
  CHECK(listed(v, list_kind::templates) == texts{"db:///{table}/{row}", "db:///{+all}"});
  CHECK(v.template_owner("db:///{table}/{row}") == 0u);
  CHECK(v.template_owner("db:///{+all}") == 1u);
  CHECK_FALSE(v.template_owner("db:///users/1"));
}

TEST_CASE("the capabilities are those of all upstreams together, and logging") {
  offers o;
  o.upstream("a").capabilities(R"({"tools":{},"resources":{"subscribe":true}})");
  o.upstream("b").capabilities(R"({"prompts":{},"completions":{}})");
  CHECK(o.view().capabilities() ==
        R"({"tools":{"listChanged":true},"prompts":{"listChanged":true},)"
        R"("resources":{"subscribe":true,"listChanged":true},"completions":{},"logging":{}})");
}

TEST_CASE("resources without subscriptions are announced without them") {
  offers o;
  o.upstream("a").capabilities(R"({"resources":{"listChanged":true}})");
  CHECK(o.view().capabilities() == R"({"resources":{"listChanged":true},"logging":{}})");
}

TEST_CASE("while an upstream is away everything is announced, for it cannot be later") {
  offers o;
  o.upstream("a").capabilities(R"({"tools":{}})");
  o.upstream("b").listing = nullptr;
  const auto v = o.view();
  for (const auto* name : {"tools", "prompts", "resources", "completions", "logging"}) {
    CHECK(mcp::is_object(mcp::member(v.capabilities(), name)));
  }
  o.all.back()->config.enabled = false;
  CHECK(o.view().capabilities() == R"({"tools":{"listChanged":true},"logging":{}})");
}

TEST_CASE("two views have the digests of their lists in common if they show the same") {
  offers o;
  o.upstream("a").tool("one").tool("two").prompt("p").resource("a:1").pattern("a:{x}");
  const auto before = o.view().digests();
  for (const auto d : before) CHECK(d != 0);
  CHECK(before[0] != before[1]);

  auto& listed = *o.all.front()->listing;
  std::swap(listed.tools[0], listed.tools[1]);
  CHECK(o.view().digests() == before);

  o.all.front()->tool("three");
  auto after = o.view().digests();
  CHECK(after[0] != before[0]);
  CHECK(after[1] == before[1]);
  CHECK(after[2] == before[2]);

  o.all.front()->pattern("b:{x}");
  CHECK(o.view().digests()[2] != before[2]);
  listed.tools.pop_back();
  listed.templates.pop_back();
  CHECK(o.view().digests() == before);
  CHECK(offers{}.view().digests()[0] != 0);
}

TEST_CASE("instructions stand under the alias of their upstream") {
  offers o;
  o.upstream("a").listing->instructions = "Do this.";
  o.upstream("b");
  o.upstream("c").listing->instructions = "Do that.";
  CHECK(o.view().instructions() == "# a\nDo this.\n\n# c\nDo that.");
  CHECK(offers{}.view().instructions().empty());
}

TEST_CASE("pages follow each other without gap or repeat and past the end nothing comes") {
  for (const std::size_t size : {1, 2, 3, 7, 100}) {
    offers o;
    o.config.page_size = size;
    auto& a = o.upstream("a");
    texts names;
    for (int i = 0; i < 7; ++i) {
      names.push_back("t" + std::to_string(i));
      a.tool(names.back());
    }
    const auto v = o.view();
    CHECK(listed(v, list_kind::tools) == names);
    CHECK(v.list(list_kind::tools, newest, 7).entries.empty());
    CHECK_FALSE(v.list(list_kind::tools, newest, 1000).next);
  }
}

TEST_CASE("the order of a list tells what stands in it and in which order, whatever is said of it") {
  const auto order = [](const auto& fill, list_kind kind = list_kind::tools) {
    offers o;
    fill(o.upstream("a"));
    return o.view().order_of(kind);
  };
  const auto both = order([](auto& a) { a.tool("x").tool("y"); });
  CHECK(order([](auto& a) { a.tool("x").tool("y"); }) == both);
  CHECK(order([](auto& a) { a.tool("x", R"(,"description":"other")").tool("y").prompt("p"); }) == both);
  CHECK(order([](auto& a) { a.tool("y").tool("x"); }) != both);
  CHECK(order([](auto& a) { a.tool("xy"); }) != both);
  CHECK(order([](auto& a) { a.tool("x"); }) != both);
  const auto is_known_by = [&](const auto& fill, const auto& fill_other, list_kind kind) {
    CHECK(order(fill, kind) != order(fill_other, kind));
  };
  is_known_by([](auto& a) { a.prompt("p"); }, [](auto& a) { a.prompt("q"); }, list_kind::prompts);
  is_known_by([](auto& a) { a.resource("u:1"); }, [](auto& a) { a.resource("u:2"); }, list_kind::resources);
  is_known_by([](auto& a) { a.pattern("u:{a}"); }, [](auto& a) { a.pattern("u:{b}"); }, list_kind::templates);
}

TEST_CASE("older clients see tools without what their revision does not know") {
  offers o;
  o.upstream("a").tool("x", R"(,"outputSchema":{"type":"object"},"execution":{"taskSupport":"optional"})");
  const auto v = o.view();
  const std::string current(v.list(list_kind::tools, newest, 0).entries);
  const std::string before(v.list(list_kind::tools, mcp::revision::r2025_03_26, 0).entries);
  CHECK(mcp::is_object(mcp::member(current, "outputSchema")));
  CHECK(mcp::member(before, "outputSchema").data() == nullptr);
  CHECK(mcp::member(current, "execution").data() == nullptr);
  CHECK(listed(v, list_kind::tools, mcp::revision::r2024_11_05) == texts{"x"});
}

TEST_CASE("operators see the entries of one upstream") {
  offers o;
  o.upstream("a").tool("x").tool("y");
  o.upstream("b").tool("x");
  const auto v = o.view();
  CHECK(v.size_of(list_kind::tools, 0) == 2);
  CHECK(v.size_of(list_kind::tools, 1) == 1);
  const auto text = "[" + v.list_of(list_kind::tools, 0) + "]";
  const auto entries = mcp::elements(text);
  REQUIRE(entries.has_value());
  REQUIRE(entries->size() == 2);
  CHECK(mcp::member((*entries)[0], "name") == "\"a__x\"");
}
