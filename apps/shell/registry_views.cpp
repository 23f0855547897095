#include <yaml-cpp/yaml.h>

#include <array>
#include <memory>

#include "apps/commands/options.hpp"
#include "apps/config/text_file.hpp"
#include "apps/config/yaml_json.hpp"
#include "apps/shell/listing.hpp"
#include "apps/shell/operator_commands.hpp"
#include "apps/shell/steering.hpp"

// Which upstreams there are: seen, and changed while nodes run.

namespace holdfast::apps {
namespace {

constexpr std::array upstreams = {
    field_view{"UPSTREAM", "name"},
    field_view{"FROM", "from"},
    field_view{"ENABLED", "enabled"},
    field_view{"PROBLEM", "problem"},
};
constexpr std::array registry_columns = {
    field_view{"NODE", "node"},
    field_view{"VERSION", "version"},
    field_view{"IN FORCE", "inForce"},
};

[[noreturn]] void refuse(const std::string& why) {
  complain(why);
  throw CLI::RuntimeError(exit_code::usage);
}

/// YAML, of which JSON is a part.
YAML::Node parsed(const std::string& text, const std::string& what) {
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception& e) {
    refuse(what + ": " + e.what());
  }
}

std::string text_in(const std::string& file) {
  auto text = read_text_file(file);
  if (!text) refuse(file + ": " + text.error());
  return std::move(*text);
}

/// As it is given, or what stands in a file: `@up.yaml`.
std::string definition_in(const std::string& given) {
  const auto is_file = given.starts_with('@');
  const auto node = parsed(is_file ? text_in(given.substr(1)) : given, is_file ? given.substr(1) : "the definition");
  if (!node.IsMap()) refuse("the definition must be a map, as under `upstreams`: {\"url\": \"http://…\"}");
  return to_json(node);
}

/// The upstreams of a configuration file, as the API takes them.
std::string upstreams_in(const std::string& file) {
  const auto node = parsed(text_in(file), file);
  const auto all = node.IsMap() ? node["upstreams"] : YAML::Node();
  if (!all || !all.IsMap()) refuse(file + ": has no `upstreams`");
  return R"({"upstreams":)" + to_json(all) + "}";
}

void registry(console& at, const std::string& user) {
  const auto answer = at.get(api_path({"registry"}, {{"user", user}}));
  show(at, answer, [&](std::ostream& out) {
    print_list(out, member(answer.json, "upstreams"), upstreams, at.columns());
    print_heading(out, "what every node works with");
    print_list(out, member(answer.json, "nodes"), registry_columns, at.columns());
  });
}

struct options : steer_options {
  std::string name, user, definition, file;
};

void add_user(CLI::App& command, std::string& user) {
  command.add_option("--user", user, "whose own it is; without it, everybody's")->type_name("NAME");
}

}  // namespace

void add_registry_views(CLI::App& app, console& at) {
  auto* command = add_command(app, "registry", "Show which upstreams are defined, where, and what is in force", {});
  const auto o = std::make_shared<options>();
  command->add_option("--user", o->user, "what everybody has, and this user")->type_name("NAME");
  command->callback([&at, command, o] {
    if (command->get_subcommands().empty()) registry(at, o->user);
  });
  auto* set = add_change(*command, "set", "Add an upstream on all nodes, or change its definition", o, [&at, o] {
    o->body = definition_in(o->definition);
    steer(at, {"registry", "upstreams", o->name}, {{"user", o->user}}, *o);
  });
  add_user(*set, o->user);
  add_argument(*set, o->name, "UPSTREAM", "its name");
  add_argument(*set, o->definition, "DEFINITION", "as under `upstreams` in a configuration, or @FILE that holds it");
  const auto add = [&](const std::string& verb, const std::string& about) {
    const auto own = std::make_shared<options>();
    auto* change = add_change(*command, verb, about, own, [&at, own, verb] {
      steer(at, {"registry", "upstreams", own->name, verb}, {}, *own);
    });
    add_argument(*change, own->name, "UPSTREAM", "its name");
  };
  add("remove", "Take back what was registered: it is as configured then, or gone");
  add("enable", "Have an upstream take part again, on all nodes");
  add("disable", "Close an upstream's connections and hide what it offers, on all nodes and for good");
  const auto reload = std::make_shared<options>();
  add_change(*command, "reload", "Have every node read the upstreams of its configuration again", reload,
             [&at, reload] {
               steer(at, {"registry", "reload"}, {}, *reload);
             });
}

void add_config_changes(CLI::App& config, console& at) {
  const auto o = std::make_shared<options>();
  const auto apply = [&at, o] {
    o->body = upstreams_in(o->file);
    steer(at, {"registry", "apply"}, {}, *o);
  };
  auto* change =
      add_change(config, "apply", "Have exactly the upstreams of a configuration file, on all nodes", o, apply);
  add_argument(*change, o->file, "FILE", "the configuration");
  auto* diff = add_command(config, "diff", "Show what `config apply` would do", [o, apply] {
    o->dry_run = true;
    apply();
  });
  add_argument(*diff, o->file, "FILE", "the configuration");
}

}  // namespace holdfast::apps
