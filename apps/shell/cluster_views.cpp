#include <array>
#include <memory>

#include "apps/shell/listing.hpp"
#include "apps/shell/operator_commands.hpp"

namespace holdfast::apps {
namespace {

constexpr std::array node_columns = {
    field_view{"NODE", "name"},
    field_view{"STATE", "state"},
    field_view{"SLOTS", "slots"},
    field_view{"SESSIONS", "sessions"},
    field_view{"INFLIGHT", "inflight"},
    field_view{"CALLS", "calls"},
    field_view{"FAILED", "failed"},
    field_view{"MEMORY", "memoryBytes", as::bytes},
    field_view{"CPU", "cpuMs", as::milliseconds},
    field_view{"UP", "uptimeMs", as::milliseconds},
    field_view{"STORE", "store"},
    field_view{"VIEW", "view"},
    field_view{"ADDRESS", "address"},
};

constexpr std::array node_facts = {
    field_view{"state", "state"},
    field_view{"incarnation", "incarnation"},
    field_view{"address", "address"},
    field_view{"version", "version"},
    field_view{"process", "pid"},
    field_view{"up", "uptimeMs", as::milliseconds},
    field_view{"view", "view"},
    field_view{"slots", "slots"},
    field_view{"sessions", "sessions"},
    field_view{"calls under way", "inflight"},
    field_view{"calls", "calls"},
    field_view{"failed", "failed"},
    field_view{"actors", "actors"},
    field_view{"upstreams ready", "upstreamsReady"},
    field_view{"threads", "threads"},
    field_view{"memory", "memoryBytes", as::bytes},
    field_view{"processor", "cpuMs", as::milliseconds},
    field_view{"store", "store"},
    field_view{"log level", "logLevel"},
};

constexpr std::array peer_columns = {field_view{"NODE", "name"}, field_view{"ADDRESS", "address"},
                                     field_view{"REACHED", "reached"}, field_view{"THROUGH", "via"}};

constexpr std::array slot_count_columns = {field_view{"NODE", "node"}, field_view{"HELD", "held"},
                                           field_view{"SHOULD HOLD", "wanted"}, field_view{"CLOSING", "closing"}};

constexpr std::array slot_columns = {
    field_view{"SLOT", "slot"},     field_view{"NODE", "node"},           field_view{"SHOULD BE", "wanted"},
    field_view{"STATE", "state"},   field_view{"EPOCH", "epoch"},         field_view{"INFLIGHT", "inflight"},
    field_view{"PINNED", "pinned"}, field_view{"CONTESTED", "contested"},
};

constexpr std::array route_columns = {
    field_view{"NODE", "node"},         field_view{"VIEW", "view"},     field_view{"SAYS IT IS AT", "owner"},
    field_view{"THROUGH", "via"},       field_view{"SLOT IS", "state"}, field_view{"EPOCH", "epoch"},
    field_view{"IN MEMORY", "session"}, field_view{"AGREES", "agrees"},
};

/// "3 ready, 1 failing"
std::string counts(const json_value& of) {
  std::string all;
  if (!of.IsObject()) return "-";
  for (const auto& each : of.GetObject()) all += (all.empty() ? "" : ", ") + plain(each.value) + " " + plain(each.name);
  return all;
}

void print_status(console& at, std::ostream& out, const json_value& s) {
  const auto& nodes = member(s, "nodes");
  print_facts(out, {{"cluster", std::to_string(nodes.IsArray() ? nodes.Size() : 0) + " nodes, view " +
                                    plain(member(s, "view")) + "; asked " + plain(member(s, "node")) + ", version " +
                                    plain(member(s, "version"))},
                    {"sessions", counts(member(s, "sessions")) + "; calls under way " + plain(member(s, "inflight"))},
                    {"slots", counts(member(s, "slots"))},
                    {"upstreams", counts(member(s, "upstreams"))},
                    {"store", plain(member(s, "store"))}});
  out << '\n';
  print_list(out, nodes, node_columns, at.columns());
  const auto& warnings = member(s, "warnings");
  if (!warnings.IsArray() || warnings.Empty()) return;
  out << '\n';
  for (const auto& w : warnings.GetArray()) out << "! " << plain(w) << '\n';
}

void status(console& at) {
  const auto answer = at.get(api_path({"status"}));
  show(at, answer, [&](std::ostream& out) { print_status(at, out, answer.json); });
  const auto empty = [&](const char* name) {
    const auto& list = member(answer.json, name);
    return !list.IsArray() || list.Empty();
  };
  finish(empty("warnings") && empty("unreachable") ? exit_code::ok : exit_code::failed);
}

void nodes(console& at) {
  const auto answer = at.get(api_path({"nodes"}));
  show(at, answer,
       [&](std::ostream& out) { print_list(out, member(answer.json, "nodes"), node_columns, at.columns()); });
}

void node(console& at, const std::string& name) {
  const auto answer = at.get(api_path({"nodes", name}));
  show(at, answer, [&](std::ostream& out) {
    const auto& n = member(answer.json, "node");
    out << "node " << plain(member(n, "name")) << '\n';
    print_facts(out, n, node_facts);
    print_heading(out, "listens");
    static constexpr std::array listens = {field_view{"clients", "mcp"}, field_view{"operators", "admin"},
                                           field_view{"other nodes", "cluster"}};
    print_facts(out, member(answer.json, "listens"), listens);
    print_heading(out, "other nodes, as this one sees them");
    print_list(out, member(answer.json, "peers"), peer_columns, at.columns());
  });
}

void slots(console& at, bool all) {
  const auto answer = at.get(api_path({"slots"}, {{"detail", all ? "true" : ""}}));
  show(at, answer, [&](std::ostream& out) {
    print_list(out, member(answer.json, "nodes"), slot_count_columns, at.columns());
    out << '\n'
        << plain(member(answer.json, "unowned")) << " without owner, " << plain(member(answer.json, "contested"))
        << " held by more than one\n";
    const auto& each = member(answer.json, "slots");
    if (!each.IsArray() || each.Empty()) return;
    print_heading(out, all ? "slots" : "slots that are not simply where they belong");
    print_list(out, each, slot_columns, at.columns());
  });
}

void where(console& at, const std::string& id) {
  const auto answer = at.get(api_path({"where", id}));
  const auto& agreed = member(answer.json, "agreed");
  const bool disagree = agreed.IsBool() && !agreed.GetBool();
  show(at, answer, [&](std::ostream& out) {
    const auto& a = answer.json;
    print_facts(out, {{"session", plain(member(a, "id"))},
                      {"slot", plain(member(a, "slot"))},
                      {"is at", plain(member(a, "owner")) + (disagree ? "   ! the nodes do not agree" : "")},
                      {"should be at", plain(member(a, "wanted"))}});
    out << '\n';
    const auto& views = member(a, "views");
    print_list(out, views, route_columns, at.columns());
    if (!disagree || !views.IsArray()) return;
    out << '\n';
    for (const auto& v : views.GetArray()) {
      const auto& agrees = member(v, "agrees");
      if (agrees.IsBool() && !agrees.GetBool())
        out << "! " << plain(member(v, "node")) << " says that it is at " << plain(member(v, "owner")) << '\n';
    }
  });
  finish(disagree ? exit_code::failed : exit_code::ok);
}

}  // namespace

void add_cluster_views(CLI::App& app, console& at) {
  add_command(app, "status", "Everything on one screen", [&at] {
    status(at);
  })->footer("Exit codes: 0 all is well, 1 there is something to look at, 4 no node can be reached.");
  add_command(app, "nodes", "List the nodes of the cluster", [&at] { nodes(at); });
  const auto name = std::make_shared<std::string>();
  add_argument(*add_command(app, "node", "Show one node, and whom it reaches", [&at, name] { node(at, *name); }), *name,
               "NODE", "its name");
  const auto all = std::make_shared<bool>(false);
  add_command(app, "slots", "Show who holds how many slots, and which are not where they belong", [&at, all] {
    slots(at, *all);
  })->add_flag("--all", *all, "every slot");
  const auto id = std::make_shared<std::string>();
  auto* command = add_command(app, "where", "Show where a session's requests go, as every node sees it",
                              [&at, id] { where(at, *id); });
  add_argument(*command, *id, "SESSION", "its id, or the beginning of it");
  command->footer("Exit codes: 0 the nodes agree, 1 they do not.");
}

}  // namespace holdfast::apps
