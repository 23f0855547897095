#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include "actors/admin/deed.hpp"
#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/admin/upstream_text.hpp"
#include "actors/log.hpp"
#include "actors/messages.hpp"

// Upstreams and what is logged, at every node.

namespace holdfast::actors::admin {
namespace {

constexpr milliseconds connection_pause{50};

/// The connections of this upstream: the shared one, and those of sessions and of the catalogue.
std::size_t tell_connections(shard& s, const std::string& alias) {
  std::size_t told = 0;
  s.with_actors([&](const auto& residents) {
    for (auto* const a : residents) {
      if (std::string_view(a->name()) != "upstream" || a->subject() != alias) continue;
      // One that is about to end has nobody any more who refers to it.
      const auto to = caf::actor_cast<caf::actor>(caf::actor_cast<caf::actor_addr>(a));
      if (!to) continue;
      caf::anon_send(to, upstream_steer{});
      ++told;
    }
  });
  return told;
}

struct wish {
  std::string what, past;
  std::string plan;
  bool connects;
};

/// Waits for every node's connection to stand, or to have failed.
void await_connections(desk& at, const std::string& name, bool whole, milliseconds left, std::uint64_t told,
                       const finish& over) {
  const auto params = json_object().text("name", name).str();
  at.ask_all(whole, "upstreams", params, [self = at.shared_from_this(), name, whole, left, told, over](const parts& p) {
    std::string trouble;
    bool pending = false;
    for (const auto& each : p.all) {
      for (const auto u : list_of(each.json, "upstreams")) {
        for (const auto n : list_of(u, "nodes")) {
          const auto state = text_of(n, "state"), error = text_of(n, "error");
          pending = pending || (state != "ready" && error.empty());
          if (state != "ready" && !error.empty()) trouble = each.node + ": " + error;
        }
      }
    }
    if (!pending && trouble.empty()) return over({true, told, {}});
    if (!pending) return over({false, 0, trouble});
    if (left <= milliseconds{0}) return over({false, 0, "no connection yet"});
    self->after(connection_pause, [self, name, whole, left, told, over] {
      await_connections(*self, name, whole, left - connection_pause, told, over);
    });
  });
}

void change_upstream(desk& at, const request& r, const wish& w, reply done) {
  const auto& name = r.args[0];
  const auto index = upstream_index(at.node(), name);
  if (!index) return done(problem{404, "No upstream of this name", {}, {}, {}});
  if (!at.node().upstreams[*index].config.enabled)
    return done(problem{409, "The configuration disables this upstream", {}, {}, {}});
  if (w.what == "reconnect" && at.node().upstreams[*index].disabled)
    return done(problem{409, "An operator has disabled this upstream", "enable it", {}, {}});
  const auto whole = r.whole_cluster();
  const auto params = json_object().text("name", name).text("what", w.what).str();
  const auto nodes = nodes_meant(at, r);
  deed d{"upstream." + w.what,
         name,
         {w.plan + " " + name + " at " + std::to_string(nodes) + " node(s)"},
         nodes,
         "nodes",
         w.past};
  const auto act = [self = at.shared_from_this(), params, name, whole, w, wait = r.wait()](const finish& over) {
    self->ask_all(whole, "do.upstream", params, [self, name, whole, w, wait, over](const parts& p) {
      const auto told = p.all.size();
      if (!p.unreachable.empty()) return over({false, told, p.unreachable.front() + " does not answer"});
      if (!w.connects) return over({true, told, {}});
      await_connections(*self, name, whole, wait, told, over);
    });
  };
  carry_out(at, r, std::move(d), act, std::move(done));
}

std::optional<log_level> level_named(std::string_view name) {
  for (const auto l : {log_level::debug, log_level::info, log_level::warning, log_level::error}) {
    if (log::name_of(l) == name) return l;
  }
  return std::nullopt;
}

}  // namespace

void do_upstream(desk& at, const std::string& params, reply done) {
  const auto name = text_of(params, "name"), what = text_of(params, "what");
  const auto index = upstream_index(at.node(), name);
  if (!index) return done(problem{404, "No upstream of this name", {}, {}, {}});
  auto& disabled = at.node().upstreams[*index].disabled;
  const auto was = disabled.load();
  if (what != "reconnect") disabled = what == "disable";
  if (what == "enable" && !was) return done(std::string("{}"));
  at.at_every_shard<std::size_t>([name](shard& s) { return tell_connections(s, name); },
                                 [done = std::move(done)](const auto&) { done(std::string("{}")); });
}

void reconnect_upstream(desk& at, const request& r, reply done) {
  change_upstream(at, r, {"reconnect", "reconnected", "connect anew to", true}, std::move(done));
}
void disable_upstream(desk& at, const request& r, reply done) {
  change_upstream(at, r, {"disable", "disabled", "fail the calls to, and disconnect", false}, std::move(done));
}
void enable_upstream(desk& at, const request& r, reply done) {
  change_upstream(at, r, {"enable", "enabled", "connect again to", true}, std::move(done));
}

void do_level(desk&, const std::string& params, reply done) {
  const auto to = level_named(text_of(params, "level"));
  if (!to) return done(problem{400, "No such level", {}, {}, {}});
  log::set_level(*to);
  done(std::string("{}"));
}

void set_log_level(desk& at, const request& r, reply done) {
  const auto level = r.text("level");
  deed d{"log.level", level, {"log " + level + " and above"}, 0, {}, "set"};
  carry_out_at_nodes(at, r, std::move(d), "do.level", json_object().text("level", level).str(), std::move(done));
}

}  // namespace holdfast::actors::admin
