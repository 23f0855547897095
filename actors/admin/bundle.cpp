#include <array>
#include <map>

#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/routes.hpp"

// A support archive: what can be seen, in one document. Nothing else is read for it, so that it holds no secret either.

namespace holdfast::actors::admin {
namespace {

struct chapter {
  std::string_view name;
  void (*write)(desk& at, const request& r, reply done);
};
constexpr std::array<chapter, 11> chapters{{
    {"status", see_status},
    {"slots", see_slots},
    {"upstreams", see_upstreams},
    {"catalogue", see_catalogue},
    {"store", see_store},
    {"latency", see_latency},
    {"sessions", see_sessions},
    {"executions", see_executions},
    {"actors", see_actors},
    {"events", see_events},
    {"config", see_config},
}};

struct collection {
  std::map<std::string_view, std::string> texts;
  std::size_t open = chapters.size();
  std::vector<std::string> unreachable;
};

}  // namespace

void see_bundle(desk& at, const request& r, reply done) {
  const auto all = std::make_shared<collection>();
  request whole;
  whole.who = r.who;
  whole.query = {{"limit", "1000"}, {"scope", r.text("scope", "cluster")}};
  for (const auto& c : chapters) {
    c.write(at, whole, [self = at.shared_from_this(), all, name = c.name, done](answer a) {
      const auto* const json = std::get_if<std::string>(&a);
      all->texts[name] = json != nullptr ? *json : to_json(std::get<problem>(a));
      if (json != nullptr && name == "status") {
        for (const auto raw : list_of(*json, "unreachable"))
          all->unreachable.push_back(mcp::string_value(raw).value_or(std::string()));
      }
      if (--all->open > 0) return;
      json_object o;
      o.text("madeAt", time_now()).text("node", self->name()).text("version", HOLDFAST_VERSION);
      for (const auto& c : chapters) o.raw(c.name, all->texts[c.name]);
      done(o.texts("unreachable", all->unreachable).str());
    });
  }
}

}  // namespace holdfast::actors::admin
