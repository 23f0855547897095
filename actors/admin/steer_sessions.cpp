#include <caf/send.hpp>

#include "actors/admin/deed.hpp"
#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/messages.hpp"
#include "actors/session_inspection.hpp"
#include "transport/mcp/sealed.hpp"

// Ending sessions and calls, and sending sessions to the store.

namespace holdfast::actors::admin {
namespace {

constexpr milliseconds move_pause{50};

std::string said(bool done, std::string_view why) { return json_object().flag("done", done).text("why", why).str(); }

/// Takes a session that is not in memory out of the store.
void end_stored(desk& at, const std::string& id, reply done) {
  auto& store = *at.node().store;
  const auto slot = persistence::slot_of(id);
  if (!store.holds(slot)) return done(problem{409, "The session is moving", "Try again", {}, {}});
  const auto by = store.token_of(slot, store.tenure_of(slot));
  at.home().lane()->expire({"session", id}, by,
                           [self = at.shared_from_this(), id, done = std::move(done)](const auto& v) {
                             if (self->closed()) return;
                             if (!v) return done(problem{503, "The store does not answer", v.error().detail, {}, {}});
                             if (*v == persistence::verdict::conflict)
                               return done(problem{404, "No such session", {}, {}, {}});
                             if (*v == persistence::verdict::fenced)
                               return done(problem{409, "The session is moving", "Try again", {}, {}});
                             // Its client may have called it back meanwhile.
                             if (const auto back = self->node().sessions.find(id))
                               caf::anon_send(back->session, session_end{"an operator has ended it"});
                             done(said(true, ""));
                           });
}

/// `done` once the session is in memory no more: that actor of it.
void await_departure(desk& at, const std::string& id, const caf::actor& which, milliseconds limit, reply done) {
  const auto gone = [self = at.shared_from_this(), id, number = which.id()] {
    const auto now = self->node().sessions.find(id);
    return !now || now->session.id() != number;
  };
  at.until(gone, limit, [done = std::move(done)](bool is_gone) { done(said(is_gone, "")); });
}

effect effect_of(answer a) {
  if (const auto* const p = std::get_if<problem>(&a))
    return {false, 0, p->title + (p->detail.empty() ? "" : ": " + p->detail)};
  const auto& json = std::get<std::string>(a);
  const auto done = flag_of(json, "done");
  return {done, done ? 1u : 0u, text_of(json, "why")};
}

/// A session that is on its way to another node is told there.
void tell_owner(desk& at, const std::string& id, const std::string& node, const std::string& params, milliseconds left,
                const finish& over) {
  at.ask_node(node, "do.session", params, left + answer_margin,
              [self = at.shared_from_this(), id, node, params, left, over](answer a) {
                const auto* const p = std::get_if<problem>(&a);
                if (p == nullptr || p->status != 409 || left <= move_pause) return over(effect_of(std::move(a)));
                self->after(move_pause, [self, id, node, params, left, over] {
                  const auto now = owner_of_id(*self, id);
                  tell_owner(*self, id, now.empty() ? node : now, params, left - move_pause, over);
                });
              });
}

void change_session(desk& at, const request& r, deed d, const std::string& what, reply done) {
  find_anywhere(
      at, r.args[0], true,
      [self = at.shared_from_this(), r, d = std::move(d), what, done = std::move(done)](found_session f) mutable {
        // One that is only in the store can be ended, too, by whoever owns its slot.
        if (f.trouble && f.trouble->status == 404 && what == "end" && mcp::is_random_id(r.args[0])) {
          f.id = r.args[0];
          f.node = owner_of_id(*self, f.id);
          if (!f.node.empty()) f.trouble.reset();
        }
        if (f.trouble) return done(*f.trouble);
        d.target = f.id;
        d.expected = 1;
        d.unit = "sessions";
        d.plan.front() += " session " + f.id.substr(0, 8) + " on node " + f.node;
        const auto params = json_object().text("id", f.id).text("what", what).number("wait", r.wait()).str();
        const auto act = [self, f, params, wait = r.wait()](const finish& over) {
          tell_owner(*self, f.id, f.node, params, wait, over);
        };
        carry_out(*self, r, std::move(d), act, std::move(done));
      });
}

}  // namespace

void do_session(desk& at, const std::string& params, reply done) {
  const auto id = text_of(params, "id");
  const auto limit = milliseconds{number_of(params, "wait")};
  const auto entry = at.node().sessions.find(id);
  const auto ends = text_of(params, "what") == "end";
  if (!entry && ends && at.node().store) return end_stored(at, id, std::move(done));
  if (!entry) return done(problem{404, "No such session in memory", {}, {}, {}});
  if (ends) {
    caf::anon_send(entry->session, session_end{"an operator has ended it"});
    return await_departure(at, id, entry->session, limit, std::move(done));
  }
  if (text_of(params, "what") == "forget results") {
    caf::anon_send(entry->session, results_forgotten{});
    return done(said(true, ""));
  }
  at.at_session(
      id, session_inspection::why_it_stays,
      [self = at.shared_from_this(), id, session = entry->session, limit, done = std::move(done)](const auto& why) {
        if (!why) return done(problem{404, "No such session in memory", {}, {}, {}});
        if (!why->empty()) return done(said(false, *why));
        caf::anon_send(session, session_move{});
        await_departure(*self, id, session, limit, done);
      });
}

void do_cancel(desk& at, const std::string& params, reply done) {
  const auto id = text_of(params, "id"), number = text_of(params, "number");
  const auto entry = at.node().sessions.find(id);
  const auto nothing = problem{404, "No such execution is under way", {}, {}, {}};
  if (!entry) return done(nothing);
  const auto under_way = [number](shard_actor& s) { return session_inspection::is_under_way(s, number) ? "yes" : ""; };
  at.at_session(id, under_way,
                [self = at.shared_from_this(), id, number, nothing, under_way, session = entry->session,
                 done = std::move(done)](const auto& there) {
                  if (!there || there->empty()) return done(nothing);
                  caf::anon_send(session, execution_cancel{number});
                  // Behind that message.
                  self->at_session(id, under_way, [done](const auto& still) {
                    const auto over = !still || still->empty();
                    done(said(over, over ? "" : "its end waits for the store"));
                  });
                });
}

void end_session(desk& at, const request& r, reply done) {
  change_session(
      at, r, {"session.end", {}, {"end", "its calls fail, its client gets 404 and has to begin anew"}, 0, {}, "ended"},
      "end", std::move(done));
}

void clear_session_cache(desk& at, const request& r, reply done) {
  change_session(at, r,
                 {"session.cache_clear",
                  {},
                  {"forget the results that are kept for this alone:", "its next calls are made"},
                  0,
                  {},
                  "cleared"},
                 "forget results", std::move(done));
}

void passivate_session(desk& at, const request& r, reply done) {
  change_session(at, r,
                 {"session.passivate",
                  {},
                  {"write down and let go", "it comes back with the next message of its client"},
                  0,
                  {},
                  "passivated"},
                 "passivate", std::move(done));
}

void cancel_execution(desk& at, const request& r, reply done) {
  const auto& id = r.args[0];
  const auto dot = id.rfind('.');
  if (dot == std::string::npos) return done(problem{400, "No id of an execution", "It is SESSION.NUMBER", {}, {}});
  const auto number = id.substr(dot + 1);
  find_session(
      at, id.substr(0, dot), true,
      [self = at.shared_from_this(), r, number, done = std::move(done)](const found_session& f) {
        if (f.trouble) return done(*f.trouble);
        const auto name = f.id + "." + number;
        const auto params = json_object().text("id", f.id).text("number", number).str();
        const auto plan = "cancel execution " + f.id.substr(0, 8) + "." + number + " on node " + f.node;
        // A plan for what is not there would be a lie.
        self->ask_node(
            f.node, "execution", params, self->answer_within(),
            [self, r, name, params, plan, node = f.node, done](answer a) {
              if (auto* const p = std::get_if<problem>(&a)) return done(std::move(*p));
              const auto call = mcp::member(mcp::member(std::get<std::string>(a), "answer"), "execution");
              if (call.empty()) return done(problem{404, "No such execution is under way or remembered", {}, {}, {}});
              const auto state = text_of(call, "state");
              if (state == "succeeded" || state == "failed" || state == "cancelled" || state == "interrupted")
                return done(problem{409, "The execution has ended", "it is " + state, {}, {}});
              deed d{
                  "execution.cancel", name, {plan, "its client is told so; the upstream is told to stop"}, 1, "calls",
                  "cancelled"};
              const auto act = [self, node, params, limit = r.wait() + answer_margin](const finish& over) {
                self->ask_node(node, "do.cancel", params, limit, [over](answer b) { over(effect_of(std::move(b))); });
              };
              carry_out(*self, r, std::move(d), act, done);
            });
      });
}

}  // namespace holdfast::actors::admin
