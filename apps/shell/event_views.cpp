#include <array>
#include <iomanip>
#include <memory>

#include "apps/shell/listing.hpp"
#include "apps/shell/operator_commands.hpp"
#include "apps/shell/quantities.hpp"

namespace holdfast::apps {
namespace {

struct events_options {
  std::string event, limit;
  bool follow = false;
};

void print_event(std::ostream& out, const json_value& e) {
  const auto level = text_of(e, "level");
  out << shown_time(text_of(e, "at")) << "  " << text_of(e, "node") << "  " << (level == "info" ? "" : level + " ")
      << text_of(e, "event");
  if (const auto& fields = member(e, "fields"); fields.IsObject() && fields.MemberCount() > 0)
    out << "  " << plain(fields);
  out << '\n';
}

void follow_events(console& at, const events_options& o) {
  at.follow(
      api_path({"events"}, {{"event", o.event}, {"limit", o.limit}, {"follow", "true"}}),
      [&](std::string_view type, std::string_view data) {
        const auto json = parse_json(data);
        if (!json) return true;
        if (at.json() && type == "unreachable") {
          at.out() << R"({"unreachable":)" << data << "}\n";
        } else if (at.json()) {
          at.out() << data << '\n';
        } else if (type == "event") {
          print_event(at.out(), *json);
        } else if (type == "unreachable") {
          at.out() << (json->IsArray() && json->Empty() ? "all nodes answer again" : "no answer from " + plain(*json))
                   << '\n';
        }
        at.out() << std::flush;
        return true;
      });
}

void events(console& at, const events_options& o) {
  if (o.follow) return follow_events(at, o);
  const auto answer = at.get(api_path({"events"}, {{"event", o.event}, {"limit", o.limit}}));
  show(at, answer, [&](std::ostream& out) {
    const auto& all = member(answer.json, "events");
    if (!all.IsArray() || all.Empty()) {
      out << "none\n";
      return;
    }
    for (const auto& e : all.GetArray()) print_event(out, e);
  });
}

struct trace_options {
  std::string id, max, rate;
  bool bodies = false;
};

/// "14:03:07.123  n1  client -> session    request  tools/call  210 B  after 1.2 ms"
void print_traced(std::ostream& out, const json_value& m) {
  const auto end = [&](const char* name) {
    const auto which = text_of(m, name);
    return which == "upstream" ? text_of(m, "upstream") : which;
  };
  out << shown_time(text_of(m, "at")) << "  " << text_of(m, "node") << "  " << std::left << std::setw(28)
      << end("from") + " -> " + end("to") << std::setw(13) << text_of(m, "kind");
  const auto add = [&](const char* name) {
    const auto& v = member(m, name);
    if (!v.IsNull()) out << plain(v) << "  ";
  };
  add("method");
  if (const auto& id = member(m, "id"); !id.IsNull()) out << '#' << plain(id) << "  ";
  out << shown_bytes(number_of(m, "bytes"));
  if (const auto& after = member(m, "afterUs"); after.IsNumber())
    out << "  after " << shown_duration(after.GetDouble() / 1'000);
  if (const auto& error = member(m, "isError"); error.IsBool() && error.GetBool()) out << "  ! error";
  if (const auto& execution = member(m, "execution"); !execution.IsNull()) out << "  " << plain(execution);
  out << '\n';
  if (const auto& body = member(m, "body"); !body.IsNull()) out << "    " << plain(body) << '\n';
}

bool print_traced_event(std::ostream& out, std::string_view type, const json_value& e) {
  if (type == "message") print_traced(out, e);
  if (type == "attached") out << "-- at " << text_of(e, "node") << '\n';
  if (type == "detached") out << "-- no longer at " << text_of(e, "node") << ": " << text_of(e, "reason") << '\n';
  if (type == "dropped") out << "-- " << plain(member(e, "count")) << " more than were to be shown\n";
  if (type != "end") return true;
  out << "-- ended: " << text_of(e, "reason") << "; " << plain(member(e, "shown")) << " shown, "
      << plain(member(e, "dropped")) << " not\n";
  return false;
}

void trace(console& at, const trace_options& o) {
  at.follow(
      api_path({"sessions", o.id, "trace"}, {{"max", o.max}, {"rate", o.rate}, {"bodies", o.bodies ? "true" : ""}}),
      [&](std::string_view type, std::string_view data) {
        const auto json = parse_json(data);
        if (!json) return true;
        bool goes_on = type != "end";
        if (at.json()) {
          at.out() << R"({"event":")" << type << R"(","data":)" << data << "}\n";
        } else {
          goes_on = print_traced_event(at.out(), type, *json);
        }
        at.out() << std::flush;
        return goes_on;
      });
}

}  // namespace

void add_event_views(CLI::App& app, console& at) {
  const auto e = std::make_shared<events_options>();
  auto* events_command = add_command(app, "events", "Show what has happened: takeovers, fences, moves, interruptions",
                                     [&at, e] { events(at, *e); });
  events_command->add_option("--event", e->event, "only those whose name begins so, such as cluster. or audit.")
      ->type_name("PREFIX");
  events_command->add_option("--limit", e->limit, "at most so many")->type_name("NUMBER");
  events_command->add_flag("--follow", e->follow, "go on with new ones, until Ctrl-C");
  const auto t = std::make_shared<trace_options>();
  auto* trace_command =
      add_command(app, "trace", "Show a session's messages as they pass, on whatever node, until Ctrl-C",
                  [&at, t] { trace(at, *t); });
  add_argument(*trace_command, t->id, "SESSION", "its id, or the beginning of it");
  trace_command->add_option("--max", t->max, "end after so many")->type_name("NUMBER");
  // "10/s" is how people write a rate.
  trace_command
      ->add_option_function<std::string>(
          "--rate", [t](const std::string& rate) { t->rate = rate.substr(0, rate.find("/s")); },
          "show at most so many a second; the others are counted")
      ->type_name("NUMBER");
  trace_command->add_flag("--bodies", t->bodies, "with what stands in them, secrets apart");
}

}  // namespace holdfast::apps
