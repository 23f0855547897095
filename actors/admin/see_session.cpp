#include <algorithm>

#include "actors/admin/desk.hpp"
#include "actors/admin/explain.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/merge.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/session_inspection.hpp"
#include "transport/mcp/sealed.hpp"

// One session, and one of its calls.

namespace holdfast::actors::admin {
namespace {

std::string nothing(const std::vector<std::string>& matches) {
  return json_object().texts("matches", matches).raw("answer", "null").str();
}

reply as_answer_of(const std::string& id, reply done) {
  return [id, done = std::move(done)](answer a) {
    auto* const json = std::get_if<std::string>(&a);
    if (json == nullptr) return done(std::move(a));
    const auto found = !json->empty();
    done(json_object()
             .texts("matches", found ? std::vector<std::string>{id} : std::vector<std::string>())
             .raw("answer", found ? *json : "null")
             .str());
  };
}

/// `show` of the one session here whose id begins so.
void show_session(desk& at, const std::string& prefix, std::function<std::string(shard_actor&)> show, reply done) {
  const auto ids = ids_here(at.node(), prefix);
  if (ids.size() != 1) return done(nothing(ids));
  at.at_session(ids[0], std::move(show), [id = ids[0], done = std::move(done)](const auto& text) {
    if (!text || text->empty()) return done(nothing({}));
    as_answer_of(id, done)(*text);
  });
}

/// A whole id that is not in memory, but may be in the store, where this node is the one to look.
bool is_stored_here(const node_context& node, const std::string& id) {
  return mcp::is_random_id(id) && ids_here(node, id).empty() && node.store &&
         node.store->holds(persistence::slot_of(id));
}

/// The answer of the one node that has what begins so, be it in the store only. `params` makes those of the question
/// for an id, or the beginning of one.
void ask_about(desk& at, bool whole_cluster, const std::string& prefix, const std::string& question,
               std::function<std::string(const std::string&)> params, const std::string& title, reply done) {
  at.ask_all(whole_cluster, question, params(prefix),
             [self = at.shared_from_this(), whole_cluster, prefix, question, params, title,
              done = std::move(done)](const parts& p) {
               auto a = only_one(p, title);
               const auto* const trouble = std::get_if<problem>(&a);
               if (trouble == nullptr || trouble->status != 404 || mcp::is_random_id(prefix)) return done(std::move(a));
               find_stored(*self, prefix, whole_cluster,
                           [self, whole_cluster, question, params, title, a = std::move(a), done](found_session f) {
                             if (f.trouble && f.trouble->status == 404 && f.trouble->detail.empty()) return done(a);
                             if (f.trouble) return done(std::move(*f.trouble));
                             self->ask_all(whole_cluster, question, params(f.id),
                                           [title, done](const parts& q) { done(only_one(q, title)); });
                           });
             });
}

}  // namespace

void ask_session(desk& at, const std::string& params, reply done) {
  const auto id = text_of(params, "id");
  if (flag_of(params, "find")) return done(nothing(ids_here(at.node(), id)));
  const auto story = flag_of(params, "history");
  if (is_stored_here(at.node(), id)) {
    const auto show = [story](const session_snapshot& s, std::uint64_t sequence, std::size_t bytes) {
      return story ? session_inspection::stored_history(s) : session_inspection::stored_detail(s, sequence, bytes);
    };
    return ask_stored_session(at, id, show, as_answer_of(id, std::move(done)));
  }
  show_session(at, id, story ? session_inspection::history : session_inspection::detail, std::move(done));
}

void ask_execution(desk& at, const std::string& params, reply done) {
  const auto id = text_of(params, "id"), number = text_of(params, "number");
  if (is_stored_here(at.node(), id)) {
    const auto show = [number](const session_snapshot& s, auto, auto) { return stored_execution(s, number); };
    return ask_stored_session(at, id, show, as_answer_of(id, std::move(done)));
  }
  show_session(
      at, id, [number](shard_actor& s) { return session_inspection::execution(s, number); }, std::move(done));
}

void ask_executions(desk& at, const std::string& params, reply done) {
  const auto upstream = text_of(params, "upstream");
  using lines = std::vector<std::string>;
  at.at_every_shard<lines>(
      [upstream](shard& s) {
        lines all;
        s.with_actors([&](const auto& residents) {
          for (auto* const a : residents) {
            if (!session_inspection::is_session(*a)) continue;
            for (auto& c : session_inspection::calls(*a)) {
              if (upstream.empty() || text_of(c, "upstream") == upstream) all.push_back(std::move(c));
            }
          }
        });
        return all;
      },
      [done = std::move(done), max = number_of(params, "count")](const auto& shards) {
        lines all;
        for (const auto& s : shards) all.insert(all.end(), s.begin(), s.end());
        const auto total = all.size();
        // The longest first.
        std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
          return number_of(a, "elapsedMs") > number_of(b, "elapsedMs");
        });
        if (all.size() > max) all.resize(max);
        done(json_object().number("total", total).list("executions", all).str());
      });
}

void see_session(desk& at, const request& r, reply done) {
  if (auto trouble = too_short(r.args[0])) return done(std::move(*trouble));
  const auto params = [](const std::string& id) { return json_object().text("id", id).str(); };
  ask_about(at, r.whole_cluster(), r.args[0], "session", params, "No such session", std::move(done));
}

void see_history(desk& at, const request& r, reply done) {
  if (auto trouble = too_short(r.args[0])) return done(std::move(*trouble));
  const auto params = [](const std::string& id) { return json_object().text("id", id).flag("history", true).str(); };
  ask_about(at, r.whole_cluster(), r.args[0], "session", params, "No such session",
            [max = r.number("limit", 100), done = std::move(done)](answer a) {
              if (auto* const json = std::get_if<std::string>(&a)) {
                const auto all = list_of(*json, "transitions");
                std::vector<std::string> last;
                for (auto i = all.size() - std::min<std::size_t>(all.size(), max); i < all.size(); ++i)
                  last.emplace_back(all[i]);
                *json = mcp::with_member(*json, "transitions", json_list(last));
              }
              done(std::move(a));
            });
}

void see_executions(desk& at, const request& r, reply done) {
  const auto limit = r.number("limit", 100);
  const auto params = json_object().text("upstream", r.text("upstream")).number("count", limit).str();
  at.ask_all(r.whole_cluster(), "executions", params, [limit, done = std::move(done)](const parts& p) {
    std::uint64_t total = 0;
    for (const auto& each : p.all) total += number_of(each.json, "total");
    auto all = p.joined("executions");
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return number_of(a, "elapsedMs") > number_of(b, "elapsedMs");
    });
    if (all.size() > limit) all.resize(limit);
    done(json_object().list("executions", all).number("total", total).texts("unreachable", p.unreachable).str());
  });
}

namespace {

void with_execution(desk& at, const request& r, reply done, std::function<std::string(const std::string&)> shown) {
  const auto& id = r.args[0];
  const auto dot = id.rfind('.');
  if (dot == std::string::npos) return done(problem{400, "No id of an execution", "It is SESSION.NUMBER", {}, {}});
  const auto session = id.substr(0, dot);
  if (auto trouble = too_short(session)) return done(std::move(*trouble));
  const auto params = [number = id.substr(dot + 1)](const std::string& of) {
    return json_object().text("id", of).text("number", number).str();
  };
  ask_about(at, r.whole_cluster(), session, "execution", params, "No such execution is under way or remembered",
            [shown = std::move(shown), done = std::move(done)](answer a) {
              if (auto* const json = std::get_if<std::string>(&a)) *json = shown(*json);
              done(std::move(a));
            });
}

}  // namespace

void see_execution(desk& at, const request& r, reply done) {
  with_execution(at, r, std::move(done), [](const std::string& json) { return without(json, "reason"); });
}

void see_explanation(desk& at, const request& r, reply done) {
  with_execution(at, r, std::move(done), [](const std::string& json) {
    const auto why = explained(json);
    const auto call = mcp::member(json, "execution");
    return json_object()
        .text("id", text_of(call, "id"))
        .text("state", text_of(call, "state"))
        .flag("mayHaveRun", why.may_have_run)
        .texts("words", why.words)
        .raw("unreachable", mcp::member(json, "unreachable"))
        .str();
  });
}

}  // namespace holdfast::actors::admin
