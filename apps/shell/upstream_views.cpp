#include <algorithm>
#include <array>
#include <memory>

#include "apps/shell/listing.hpp"
#include "apps/shell/operator_commands.hpp"

namespace holdfast::apps {
namespace {

constexpr std::array upstream_columns = {
    field_view{"UPSTREAM", "name"},     field_view{"ENABLED", "enabled"},     field_view{"SCOPE", "scope"},
    field_view{"PROTOCOL", "protocol"}, field_view{"REVISION", "revision"},   field_view{"TOOLS", "tools"},
    field_view{"PROMPTS", "prompts"},   field_view{"RESOURCES", "resources"}, field_view{"TARGET", "target"},
};

constexpr std::array place_columns = {
    field_view{"NODE", "node"},     field_view{"STATE", "state"},       field_view{"CALLS", "calls"},
    field_view{"ERRORS", "errors"}, field_view{"INFLIGHT", "inflight"}, field_view{"CONNECTS", "connects"},
    field_view{"LOSSES", "losses"}, field_view{"ERROR", "error"},
};

constexpr std::array entry_columns = {field_view{"NAME", "name"}, field_view{"UPSTREAM", "upstream"},
                                      field_view{"NAME THERE", "upstreamName"}, field_view{"JOURNALED", "journaled"},
                                      field_view{"REPEATABLE", "repeatable"}};

constexpr std::array actor_columns = {
    field_view{"ACTOR", "id"},
    field_view{"KIND", "kind"},
    field_view{"SHARD", "shard"},
    field_view{"MAILBOX", "mailbox"},
    field_view{"HANDLED", "handled"},
    field_view{"LAST MESSAGE", "lastMessage"},
    field_view{"IDLE", "idleMs", as::milliseconds},
    field_view{"AGE", "ageMs", as::milliseconds},
    field_view{"OF", "subject"},
};

/// "2 ready, 1 waiting": how an upstream is at the nodes.
std::string states(const json_value& nodes) {
  std::vector<std::pair<std::string, int>> counted;
  if (!nodes.IsArray()) return "-";
  for (const auto& n : nodes.GetArray()) {
    const auto state = text_of(n, "state");
    const auto known = std::find_if(counted.begin(), counted.end(), [&](const auto& c) { return c.first == state; });
    if (known == counted.end()) {
      counted.emplace_back(state, 1);
    } else {
      ++known->second;
    }
  }
  std::string all;
  for (const auto& [state, count] : counted) all += (all.empty() ? "" : ", ") + std::to_string(count) + " " + state;
  return all;
}

void upstreams(console& at) {
  const auto answer = at.get(api_path({"upstreams"}));
  show(at, answer, [&](std::ostream& out) {
    const auto& all = member(answer.json, "upstreams");
    print_list(out, all, upstream_columns, at.columns());
    if (!all.IsArray() || all.Empty()) return;
    print_heading(out, "at the nodes");
    std::vector<fact> facts;
    for (const auto& u : all.GetArray()) facts.emplace_back(text_of(u, "name"), states(member(u, "nodes")));
    print_facts(out, facts);
  });
}

void upstream(console& at, const std::string& name) {
  const auto answer = at.get(api_path({"upstreams", name}));
  show(at, answer, [&](std::ostream& out) {
    const auto& u = member(answer.json, "upstream");
    out << "upstream " << plain(member(u, "name")) << '\n';
    static constexpr std::array facts = {
        field_view{"target", "target"},   field_view{"protocol", "protocol"}, field_view{"revision", "revision"},
        field_view{"enabled", "enabled"}, field_view{"scope", "scope"},       field_view{"connects at start", "eager"},
        field_view{"tools", "tools"},     field_view{"prompts", "prompts"},   field_view{"resources", "resources"}};
    print_facts(out, u, facts);
    print_heading(out, "at the nodes");
    print_list(out, member(u, "nodes"), place_columns, at.columns());
  });
}

void catalogue(console& at) {
  const auto answer = at.get(api_path({"catalogue"}));
  show(at, answer, [&](std::ostream& out) {
    const auto& a = answer.json;
    out << plain(member(a, "resources")) << " resources, " << plain(member(a, "templates")) << " templates\n";
    print_heading(out, "tools");
    print_list(out, member(a, "tools"), entry_columns, at.columns());
    print_heading(out, "prompts");
    print_list(out, member(a, "prompts"), entry_columns, at.columns());
  });
}

void actors(console& at, const std::string& kind, const std::string& sort, const std::string& limit) {
  const auto answer = at.get(api_path({"actors"}, {{"kind", kind}, {"sort", sort}, {"limit", limit}}));
  show(at, answer, [&](std::ostream& out) {
    const auto& found = member(answer.json, "actors");
    print_list(out, found, actor_columns, at.columns());
    out << '\n' << (found.IsArray() ? found.Size() : 0) << " of " << plain(member(answer.json, "total")) << '\n';
  });
}

void actor(console& at, const std::string& id) {
  const auto answer = at.get(api_path({"actors", id}));
  show(at, answer, [&](std::ostream& out) {
    static constexpr std::array facts = {field_view{"node", "node"},
                                         field_view{"kind", "kind"},
                                         field_view{"of", "subject"},
                                         field_view{"shard", "shard"},
                                         field_view{"mailbox", "mailbox"},
                                         field_view{"messages handled", "handled"},
                                         field_view{"last message", "lastMessage"},
                                         field_view{"idle", "idleMs", as::milliseconds},
                                         field_view{"age", "ageMs", as::milliseconds}};
    const auto& a = member(answer.json, "actor");
    out << "actor " << plain(member(a, "id")) << '\n';
    print_facts(out, a, facts);
  });
}

}  // namespace

void add_upstream_views(CLI::App& app, console& at) {
  add_command(app, "upstreams", "List the upstreams and how they are at every node", [&at] { upstreams(at); });
  const auto name = std::make_shared<std::string>();
  add_argument(*add_command(app, "upstream", "Show one upstream", [&at, name] { upstream(at, *name); }), *name,
               "UPSTREAM", "its name in the configuration");
  add_command(app, "catalogue", "List what clients are offered, and by whom", [&at] { catalogue(at); });
  const auto kind = std::make_shared<std::string>(), sort = std::make_shared<std::string>(),
             limit = std::make_shared<std::string>();
  auto* list = add_command(app, "actors", "List the actors: mailbox, messages handled, the last one, age",
                           [&at, kind, sort, limit] { actors(at, *kind, *sort, *limit); });
  list->add_option("--kind", *kind, "only these")
      ->type_name("admin|catalogue|ingress|peer_ingress|roster|session|upstream");
  list->add_option("--sort", *sort, "the largest first")->type_name("id|mailbox|handled|age|idle");
  list->add_option("--limit", *limit, "at most so many")->type_name("NUMBER");
  const auto id = std::make_shared<std::string>();
  add_argument(*add_command(app, "actor", "Show one actor", [&at, id] { actor(at, *id); }), *id, "ACTOR",
               "NUMBER@NODE");
}

}  // namespace holdfast::apps
