#include <array>
#include <cstdint>
#include <memory>

#include "apps/shell/listing.hpp"
#include "apps/shell/operator_commands.hpp"

namespace holdfast::apps {
namespace {

constexpr std::array execution_columns = {
    field_view{"EXECUTION", "id"},
    field_view{"NODE", "node"},
    field_view{"STATE", "state"},
    field_view{"METHOD", "method"},
    field_view{"TOOL", "tool"},
    field_view{"UPSTREAM", "upstream"},
    field_view{"ATTEMPTS", "attempts"},
    field_view{"STARTED", "startedAt", as::time},
    field_view{"SINCE", "elapsedMs", as::milliseconds},
};

constexpr std::array execution_facts = {
    field_view{"session", "session"},
    field_view{"node", "node"},
    field_view{"method", "method"},
    field_view{"tool", "tool"},
    field_view{"upstream", "upstream"},
    field_view{"state", "state"},
    field_view{"id of the client", "clientId"},
    field_view{"started", "startedAt"},
    field_view{"took", "elapsedMs", as::milliseconds},
    field_view{"attempts", "attempts"},
    field_view{"journaled", "journaled"},
    field_view{"questions to the client", "waitsForClient"},
    field_view{"event stream", "stream"},
};

constexpr std::array transition_columns = {field_view{"AT", "at", as::time}, field_view{"NODE", "node"},
                                           field_view{"EPOCH", "epoch"}, field_view{"EVENT", "event"},
                                           field_view{"STATE", "state"}};

void executions(console& at, const std::string& upstream, const std::string& limit) {
  const auto answer = at.get(api_path({"executions"}, {{"upstream", upstream}, {"limit", limit}}));
  show(at, answer, [&](std::ostream& out) {
    const auto& found = member(answer.json, "executions");
    print_list(out, found, execution_columns, at.columns());
    out << '\n'
        << (found.IsArray() ? found.Size() : 0) << " of " << plain(member(answer.json, "total")) << " under way\n";
  });
}

void execution(console& at, const std::string& id) {
  const auto answer = at.get(api_path({"executions", id}));
  show(at, answer, [&](std::ostream& out) {
    const auto& e = member(answer.json, "execution");
    out << "execution " << plain(member(e, "id")) << '\n';
    print_facts(out, e, execution_facts);
    print_heading(out, "transitions");
    print_list(out, member(answer.json, "transitions"), transition_columns, at.columns());
  });
}

void explain(console& at, const std::string& id) {
  const auto answer = at.get(api_path({"executions", id, "explain"}));
  show(at, answer, [&](std::ostream& out) {
    out << plain(member(answer.json, "id")) << " is " << plain(member(answer.json, "state")) << '\n';
    const auto& words = member(answer.json, "words");
    if (words.IsArray())
      for (const auto& w : words.GetArray()) out << "- " << plain(w) << '\n';
  });
}

}  // namespace

void add_execution_views(CLI::App& app, console& at) {
  const auto upstream = std::make_shared<std::string>(), limit = std::make_shared<std::string>();
  auto* list = add_command(app, "executions", "List the calls that are under way",
                           [&at, upstream, limit] { executions(at, *upstream, *limit); });
  list->add_flag(
      "--inflight", [](std::int64_t) {}, "those under way, which all of them are");
  list->add_option("--upstream", *upstream, "only at this one")->type_name("UPSTREAM");
  list->add_option("--limit", *limit, "at most so many")->type_name("NUMBER");
  const auto id = std::make_shared<std::string>();
  add_argument(*add_command(app, "execution", "Show a call and its transitions", [&at, id] { execution(at, *id); }),
               *id, "EXECUTION", "SESSION.NUMBER; the session may be shortened");
  add_argument(*add_command(app, "explain", "Say why a call ended as it did, or what it waits for",
                            [&at, id] { explain(at, *id); }),
               *id, "EXECUTION", "SESSION.NUMBER; the session may be shortened");
}

}  // namespace holdfast::apps
