#include <array>
#include <map>

#include "actors/admin/deed.hpp"
#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"

// Results of tool calls that are kept: what that brings, and forgetting them.

namespace holdfast::actors::admin {
namespace {

constexpr std::array<std::pair<const char*, std::uint64_t cache_counts::*>, 5> columns{{
    {"memory", &cache_counts::memory},
    {"store", &cache_counts::store},
    {"shared", &cache_counts::shared},
    {"missed", &cache_counts::missed},
    {"kept", &cache_counts::kept},
}};

std::string counts_text(const std::string& tool, const cache_counts& c) {
  json_object o;
  o.text("tool", tool);
  for (const auto& [name, member] : columns) o.number(name, c.*member);
  return o.str();
}

/// The tools of all nodes, each once.
std::vector<std::string> joined_tools(const parts& p) {
  std::map<std::string, cache_counts> all;
  for (const auto& raw : p.joined("tools")) {
    auto& sum = all[text_of(raw, "tool")];
    for (const auto& [name, member] : columns) sum.*member += number_of(raw, name);
  }
  std::vector<std::string> out;
  for (const auto& [tool, counts] : all) out.push_back(counts_text(tool, counts));
  return out;
}

}  // namespace

void ask_cache(desk& at, const std::string&, reply done) {
  const auto now = at.node().results->count();
  std::vector<std::string> tools;
  for (const auto& [tool, counts] : now.tools) tools.push_back(counts_text(tool, counts));
  json_object here;
  here.text("node", at.name()).number("entries", now.entries).number("bytes", now.bytes);
  here.number("evicted", now.evicted).number("waiting", now.waiting);
  done(json_object().list("nodes", {here.str()}).list("tools", tools).str());
}

void see_cache(desk& at, const request& r, reply done) {
  at.ask_all(r.whole_cluster(), "cache", "{}", [done = std::move(done)](const parts& p) {
    done(json_object()
             .list("nodes", p.joined("nodes"))
             .list("tools", joined_tools(p))
             .texts("unreachable", p.unreachable)
             .str());
  });
}

/// Another node has invalidated results: answered when this one gives none of them any more.
void do_cache(desk& at, const std::string& params, reply done) {
  if (flag_of(params, "all")) at.node().results->forget_all();
  at.node().cache_keys->learn(number_of(params, "version"), [done = std::move(done)] { done(std::string("{}")); });
}

void clear_cache(desk& at, const request& r, reply done) {
  const auto tool = r.text("tool");
  if (!tool.empty() && tool.find('/') == std::string::npos)
    return done(problem{400, "No name of a tool", "It is UPSTREAM/TOOL, as the upstream calls it", {}, {}});
  deed d{"cache.clear",
         tool,
         {tool.empty() ? "forget all kept results, of all sessions and nodes"
                       : "forget the kept results of " + tool + ", of all sessions and nodes"},
         nodes_meant(at, r),
         "nodes",
         "cleared"};
  const auto act = [self = at.shared_from_this(), tool](const finish& over) {
    auto& keys = *self->node().cache_keys;
    keys.invalidate(tool, [self, tool, over](const std::string& trouble) {
      if (!trouble.empty()) return over({false, 0, trouble});
      const auto version = std::to_string(self->node().cache_keys->version());
      self->ask_all(true, "do.cache", json_object().raw("version", version).flag("all", tool.empty()).str(),
                    [over](const parts& p) {
                      if (p.unreachable.empty()) return over({true, p.all.size(), {}});
                      over({false, p.all.size(),
                            p.unreachable.front() + " does not answer; it finds out by itself within cache.blind_max"});
                    });
    });
  };
  carry_out(at, r, std::move(d), act, std::move(done));
}

}  // namespace holdfast::actors::admin
