#include "actors/registry.hpp"

#include <algorithm>

#include "actors/admin/deed.hpp"
#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/admin/upstream_text.hpp"

// Upstreams that are defined, changed and removed while nodes run, on all of them: for everybody, or for one user.

namespace holdfast::actors::admin {
namespace {

constexpr milliseconds nodes_pause{20};

problem wrong(std::string title, std::string detail) { return {400, std::move(title), std::move(detail), {}, {}}; }

bool is_command(const upstream_config& u) { return !std::holds_alternative<transport::http_endpoint>(u.target); }

/// The name of the upstream that a request means.
std::string named_in(const request& r) {
  const auto user = r.text("user");
  return user.empty() ? r.args[0] : user + "/" + r.args[0];
}

bool is_of_all(std::string_view name) { return name.find('/') == std::string_view::npos; }

/// Nothing, or why this definition cannot be taken.
std::optional<problem> objection(const node_context& node, const std::string& alias, std::string_view definition) {
  if (!mcp::is_object(definition))
    return wrong("The definition is wrong", "It must be a JSON object, as under `upstreams`");
  if (!node.process.defined) return problem{501, "This node cannot read definitions", {}, {}, {}};
  const auto read = node.process.defined(alias, definition);
  if (!read) return wrong("The definition is wrong", read.error().detail);
  if (is_command(*read) && !node.config.registry.commands)
    return problem{403,
                   "Upstreams that are commands may not be defined at run time",
                   "Set registry.commands: true in the configuration to allow it",
                   {},
                   {}};
  return std::nullopt;
}

/// All names that there are, those of the configuration first.
std::vector<std::string> names_in(const node_context& node) {
  std::vector<std::string> all;
  for (const auto& u : node.registry->configured()) all.push_back(name_of(u));
  for (const auto& [name, u] : node.registry->record()) {
    if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
  }
  return all;
}

bool is_configured(const node_context& node, const std::string& name) {
  const auto& all = node.registry->configured();
  return std::any_of(all.begin(), all.end(), [&](const auto& u) { return name_of(u) == name; });
}

std::string upstream_line(const node_context& node, const std::string& name) {
  const auto& registry = *node.registry;
  const auto& record = registry.record();
  const auto found = record.find(name);
  const auto trouble = registry.problems().find(name);
  const auto index = node.upstreams.find(name);
  const auto enabled = index ? node.upstreams[*index].config.enabled : found != record.end() && found->second.enabled;
  json_object o;
  o.text("name", name);
  o.text("from", found != record.end() && !found->second.definition.empty() ? "registry" : "configuration");
  o.flag("configured", is_configured(node, name)).flag("registered", found != record.end()).flag("enabled", enabled);
  o.text_or_null("problem", trouble == registry.problems().end() ? std::string() : trouble->second);
  return o.raw("definition", index ? upstream_text(node.upstreams[*index].config) : "null").str();
}

using clock = std::chrono::steady_clock;
using node_check = std::function<bool(mcp::raw_json line)>;

/// Until every node is that far, by its line of /v1/registry, or the operator waits no longer. A node that hangs may
/// take most of the time.
void await_nodes(desk& at, bool whole, const std::string& params, const node_check& is_there, clock::time_point until,
                 const finish& over) {
  at.ask_all(whole, "do.registry", params,
             [self = at.shared_from_this(), whole, params, is_there, until, over](const parts& p) {
               const auto is_late = [&](const part& n) { return !is_there(n.json); };
               const auto late = std::find_if(p.all.begin(), p.all.end(), is_late);
               const auto there =
                   p.all.size() - static_cast<std::size_t>(std::count_if(p.all.begin(), p.all.end(), is_late));
               if (late == p.all.end() && p.unreachable.empty()) return over({true, there, {}});
               if (clock::now() >= until) {
                 const auto who = late == p.all.end() ? p.unreachable.front() : late->node;
                 return over({false, there, who + " is not that far yet; it goes on by itself"});
               }
               self->after(nodes_pause, [self, whole, params, is_there, until, over] {
                 await_nodes(*self, whole, params, is_there, until, over);
               });
             });
}

/// Changes the record, as planned, and waits for all nodes.
void change_registry(desk& at, const request& r, deed d, std::function<std::string(registry_record&)> change,
                     reply done) {
  d.expected = nodes_meant(at, r);
  d.unit = "nodes";
  const auto act = [self = at.shared_from_this(), change = std::move(change), wait = r.wait()](const finish& over) {
    self->node().registry->change(change, [self, wait, over](const std::string& trouble) {
      if (!trouble.empty()) return over({false, 0, trouble});
      const auto version = self->node().registry->version();
      await_nodes(
          *self, true, json_object().number("version", version).str(),
          [version](mcp::raw_json line) { return number_of(line, "inForce") >= version; }, clock::now() + wait, over);
    });
  };
  carry_out(at, r, std::move(d), act, std::move(done));
}

std::string too_many(const registry_record& record, std::size_t max) {
  return record.size() > max
             ? "more than " + std::to_string(max) + " upstreams would be registered (registry.upstreams_max)"
             : std::string();
}

bool is_known(const node_context& node, const std::string& alias) {
  const auto all = names_in(node);
  return std::find(all.begin(), all.end(), alias) != all.end();
}

void switch_upstream(desk& at, const request& r, bool on, reply done) {
  const auto alias = named_in(r);
  if (!is_known(at.node(), alias)) return done(problem{404, "No upstream of this name", {}, {}, {}});
  const auto verb = std::string(on ? "enable" : "disable");
  deed d{"registry." + verb, alias, {verb + " " + alias + " on all nodes"}, 0, {}, verb + "d"};
  const auto change = [alias, on](registry_record& record) {
    record[alias].enabled = on;
    if (on && record[alias].definition.empty()) record.erase(alias);  // nothing is left to say of it
    return std::string();
  };
  change_registry(at, r, std::move(d), change, std::move(done));
}

}  // namespace

/// Of this node. A version that another node knows is looked for; what is in force is told at once.
void do_registry(desk& at, const std::string& params, reply done) {
  auto& registry = *at.node().registry;
  const auto wanted = number_of(params, "version");
  if (wanted > registry.version()) registry.learn(wanted, [](const std::string&) {});
  std::vector<std::string> problems;
  for (const auto& [alias, why] : registry.problems()) problems.push_back(alias + ": " + why);
  done(json_object()
           .text("node", at.name())
           .number("version", registry.version())
           .number("inForce", registry.in_force_version())
           .flag("settled", registry.is_settled())
           .texts("problems", problems)
           .str());
}

void see_registry(desk& at, const request& r, reply done) {
  at.ask_all(
      r.whole_cluster(), "do.registry", "{}",
      [self = at.shared_from_this(), user = r.text("user"), done = std::move(done)](const parts& p) {
        std::vector<std::string> nodes, all;
        for (const auto& n : p.all) nodes.push_back(n.json);
        for (const auto& name : names_in(self->node())) {
          if (user.empty() || is_of_all(name) || name.starts_with(user + "/"))
            all.push_back(upstream_line(self->node(), name));
        }
        done(json_object().list("upstreams", all).list("nodes", nodes).texts("unreachable", p.unreachable).str());
      });
}

void set_registered(desk& at, const request& r, reply done) {
  const auto alias = named_in(r);
  if (const auto user = r.text("user"); !user.empty() && !at.node().users.has(user))
    return done(wrong("No user of this name", "Users are those of access.users"));
  if (!is_of_all(alias) && at.node().upstreams.find(r.args[0]))
    return done(
        problem{409, "Everybody has an upstream of this name", "Choose another one for the user's own", {}, {}});
  if (auto no = objection(at.node(), alias, r.body)) return done(std::move(*no));
  const auto known = is_known(at.node(), alias);
  deed d{"registry.set", alias, {(known ? "change " : "add ") + alias + " on all nodes"}, 0, {}, "defined at"};
  const auto change = [alias, definition = r.body,
                       max = at.node().config.registry.upstreams_max](registry_record& record) {
    record[alias].definition = definition;
    return too_many(record, max);
  };
  change_registry(at, r, std::move(d), change, std::move(done));
}

void remove_registered(desk& at, const request& r, reply done) {
  const auto alias = named_in(r);
  const auto& registry = *at.node().registry;
  if (!registry.record().contains(alias))
    return done(problem{404, "No upstream of this name is registered", {}, {}, {}});
  const auto stays = is_configured(at.node(), alias);
  deed d{"registry.remove",
         alias,
         {stays ? "have " + alias + " as it is configured, on all nodes" : "remove " + alias + " from all nodes"},
         0,
         {},
         "removed at"};
  const auto change = [alias](registry_record& record) {
    record.erase(alias);
    return std::string();
  };
  change_registry(at, r, std::move(d), change, std::move(done));
}

void enable_registered(desk& at, const request& r, reply done) { switch_upstream(at, r, true, std::move(done)); }
void disable_registered(desk& at, const request& r, reply done) { switch_upstream(at, r, false, std::move(done)); }

/// Afterwards these are in force, and no others: what is configured and not among them is disabled.
void apply_registry(desk& at, const request& r, reply done) {
  const auto& node = at.node();
  const auto wanted = mcp::member(r.body, "upstreams");
  if (!mcp::elements("[" + r.body + "]") || !mcp::is_object(wanted))
    return done(wrong("The body is wrong", R"(It must be {"upstreams": {"NAME": {…}}})"));
  registry_record next;
  deed d{"registry.apply", {}, {}, 0, {}, "applied at"};
  for (const auto& [alias, definition] : mcp::members(wanted)) {
    if (auto no = objection(node, alias, definition)) {
      no->detail = alias + ": " + no->detail;
      return done(std::move(*no));
    }
    next[alias].definition = std::string(definition);
    const auto index = node.upstreams.find(alias);
    const auto same = index && node.upstreams[*index].config == *node.process.defined(alias, definition);
    if (!same) d.plan.push_back((index ? "change " : "add ") + alias);
  }
  for (const auto& alias : names_in(node)) {
    if (next.contains(alias) || !is_of_all(alias)) continue;
    const auto stays = is_configured(node, alias);
    if (stays) next[alias].enabled = false;
    const auto index = node.upstreams.find(alias);
    if (index && node.upstreams[*index].config.enabled) d.plan.push_back((stays ? "disable " : "remove ") + alias);
  }
  if (d.plan.empty()) d.plan.emplace_back("nothing: these are in force");
  const auto change = [next, max = node.config.registry.upstreams_max](registry_record& record) {
    std::erase_if(record, [](const auto& u) { return is_of_all(u.first); });  // what users have of their own stays
    record.insert(next.begin(), next.end());
    return too_many(record, max);
  };
  change_registry(at, r, std::move(d), change, std::move(done));
}

/// The configuration of this node is read again. Answered once that is known to be good; it comes into force later.
void do_reload(desk& at, const std::string&, reply done) {
  const auto trouble = at.node().registry->reload();
  if (!trouble.empty()) return done(problem{422, "The configuration cannot be used", trouble, {}, {}});
  done(std::string("{}"));
}

void reload_registry(desk& at, const request& r, reply done) {
  deed d{"registry.reload",  {},      {"read the upstreams of the configuration again"},
         nodes_meant(at, r), "nodes", "read again at"};
  const auto act = [self = at.shared_from_this(), whole = r.whole_cluster(), wait = r.wait()](const finish& over) {
    self->ask_all(whole, "do.reload", "{}", [self, whole, wait, over](const parts& p) {
      if (!p.problems.empty()) return over({false, p.all.size(), p.problems.front().detail});
      if (!p.unreachable.empty()) return over({false, p.all.size(), p.unreachable.front() + " does not answer"});
      await_nodes(
          *self, whole, "{}", [](mcp::raw_json line) { return flag_of(line, "settled"); }, clock::now() + wait, over);
    });
  };
  carry_out(at, r, std::move(d), act, std::move(done));
}

}  // namespace holdfast::actors::admin
