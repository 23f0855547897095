#include <array>
#include <memory>

#include "apps/shell/listing.hpp"
#include "apps/shell/operator_commands.hpp"

namespace holdfast::apps {
namespace {

constexpr std::array session_columns = {
    field_view{"SESSION", "id"},
    field_view{"NODE", "node"},
    field_view{"STATE", "state"},
    field_view{"CALLS", "calls"},
    field_view{"STREAMS", "connected"},
    field_view{"MAILBOX", "mailbox"},
    field_view{"MEMORY", "memoryBytes", as::bytes},
    field_view{"AGE", "ageMs", as::milliseconds},
    field_view{"IDLE", "idleMs", as::milliseconds},
    field_view{"USER", "user"},
    field_view{"CLIENT", "client"},
};

constexpr std::array session_facts = {
    field_view{"node", "node"},
    field_view{"user", "user"},
    field_view{"slot", "slot"},
    field_view{"state", "state"},
    field_view{"phase", "phase"},
    field_view{"transport", "transport"},
    field_view{"revision", "revision"},
    field_view{"client", "client"},
    field_view{"calls under way", "calls"},
    field_view{"messages handled", "handled"},
    field_view{"mailbox", "mailbox"},
    field_view{"memory", "memoryBytes", as::bytes},
    field_view{"age", "ageMs", as::milliseconds},
    field_view{"idle", "idleMs", as::milliseconds},
    field_view{"expires in", "expiresInMs", as::milliseconds},
};

constexpr std::array kept_facts = {
    field_view{"epoch of its slot", "epoch"},      field_view{"last commit", "sequence"},
    field_view{"commit under way", "committing"},  field_view{"snapshot", "snapshotBytes", as::bytes},
    field_view{"ahead of the store", "degraded"},  field_view{"subscriptions", "subscriptions"},
    field_view{"questions to the client", "asks"}, field_view{"answers kept", "shown"},
    field_view{"log level", "logLevel"},
};

constexpr std::array call_columns = {
    field_view{"EXECUTION", "id"},
    field_view{"STATE", "state"},
    field_view{"METHOD", "method"},
    field_view{"TOOL", "tool"},
    field_view{"UPSTREAM", "upstream"},
    field_view{"JOURNALED", "journaled"},
    field_view{"STARTED", "startedAt", as::time},
    field_view{"TOOK", "elapsedMs", as::milliseconds},
};

constexpr std::array stream_columns = {
    field_view{"STREAM", "number"},      field_view{"CONNECTED", "attached"},    field_view{"OVER", "finished"},
    field_view{"EVENTS KEPT", "events"}, field_view{"SIZE", "bytes", as::bytes}, field_view{"LAST", "lastEvent"},
};

constexpr std::array use_columns = {field_view{"UPSTREAM", "upstream"}, field_view{"STATE", "state"},
                                    field_view{"OF ITS OWN", "own"}, field_view{"SESSION THERE", "upstreamSession"}};

constexpr std::array tenure_columns = {field_view{"SINCE", "since", as::time}, field_view{"NODE", "node"},
                                       field_view{"EPOCH", "epoch"}, field_view{"HOW", "how"},
                                       field_view{"PROCESS", "incarnation"}};

struct sessions_options {
  std::string prefix, where, sort, limit, cursor;
};

void sessions(console& at, const sessions_options& o) {
  const auto answer = at.get(
      api_path({"sessions"},
               {{"prefix", o.prefix}, {"where", o.where}, {"sort", o.sort}, {"limit", o.limit}, {"cursor", o.cursor}}));
  show(at, answer, [&](std::ostream& out) {
    const auto& found = member(answer.json, "sessions");
    print_list(out, found, session_columns, at.columns());
    out << '\n' << (found.IsArray() ? found.Size() : 0) << " of " << plain(member(answer.json, "total"));
    if (const auto next = text_of(answer.json, "next"); !next.empty()) out << "; the next ones: --cursor " << next;
    const auto& read = member(answer.json, "storeRead");
    const bool wanted = o.where == "store" || o.where == "all";
    if (wanted && read.IsBool() && !read.GetBool()) out << "; the store did not answer: those in it are missing";
    out << '\n';
  });
}

void session(console& at, const std::string& id) {
  const auto answer = at.get(api_path({"sessions", id}));
  show(at, answer, [&](std::ostream& out) {
    const auto& a = answer.json;
    out << "session " << plain(member(member(a, "session"), "id")) << '\n';
    print_facts(out, member(a, "session"), session_facts);
    print_heading(out, "in the store");
    print_facts(out, a, kept_facts);
    print_heading(out, "executions, newest first");
    print_list(out, member(a, "executions"), call_columns, at.columns());
    print_heading(out, "event streams");
    print_list(out, member(a, "streams"), stream_columns, at.columns());
    print_heading(out, "upstreams");
    print_list(out, member(a, "upstreams"), use_columns, at.columns());
    print_heading(out, "where it has lived, newest first");
    print_list(out, member(a, "tenures"), tenure_columns, at.columns());
  });
}

}  // namespace

void add_session_views(CLI::App& app, console& at) {
  const auto o = std::make_shared<sessions_options>();
  auto* command = add_command(app, "sessions", "List sessions", [&at, o] { sessions(at, *o); });
  command->add_option("--prefix", o->prefix, "only those whose id begins so")->type_name("SESSION");
  command->add_option("--where", o->where, "those in memory (the usual), only in the store, or both")
      ->type_name("memory|store|all");
  command->add_option("--sort", o->sort, "the largest first")->type_name("id|calls|handled|mailbox|memory|age|idle");
  command->add_option("--limit", o->limit, "at most so many")->type_name("NUMBER");
  command->add_option("--cursor", o->cursor, "where the page before ended")->type_name("CURSOR");
  const auto id = std::make_shared<std::string>();
  add_argument(*add_command(app, "session", "Show a session: its state, calls, streams and upstreams",
                            [&at, id] { session(at, *id); }),
               *id, "SESSION", "its id, or the beginning of it");
}

}  // namespace holdfast::apps
