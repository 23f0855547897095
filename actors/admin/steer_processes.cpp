#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "actors/admin/await_slots.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/log.hpp"

// Nodes that end at once, or start anew. Each does it to itself: nobody else can, from another machine.

namespace holdfast::actors::admin {
namespace {

constexpr milliseconds parting{50};  // for the last answer to get away

/// The process as it was when the operator was shown what would happen to it.
struct subject {
  std::string name, incarnation;
  std::uint64_t pid = 0, slots = 0, sessions = 0, inflight = 0;
  bool asked_itself = false;
};

problem out_of_reach(problem p, const std::string& name) {
  if (p.status == 502) p.detail = name + " gave no answer in time: only on its machine can it be ended or started anew";
  return p;
}

/// `then` with the node as it says it is; a problem is answered.
void look_at_node(desk& at, const std::string& name, const reply& done, std::function<void(subject)> then) {
  at.ask_node(name, "node", "{}", at.answer_within(),
              [self = at.shared_from_this(), name, done, then = std::move(then)](answer a) {
                if (auto* const p = std::get_if<problem>(&a)) return done(out_of_reach(std::move(*p), name));
                const auto& line = std::get<std::string>(a);
                then({name, text_of(line, "incarnation"), number_of(line, "pid"), number_of(line, "slots"),
                      number_of(line, "sessions"), number_of(line, "inflight"), name == self->name()});
              });
}

bool is_member(desk& at, const std::string& incarnation) {
  return machines::membership::find(*at.node().in_cluster->membership.get(), incarnation) != nullptr;
}

bool has_heirs(desk& at, const std::string& name) {
  if (!at.node().in_cluster) return false;
  const auto view = at.node().in_cluster->membership.get();
  return std::any_of(view->members.begin(), view->members.end(),
                     [&](const auto& m) { return !m.leaving && m.name != name; });
}

std::string what_it_has(const subject& s) {
  return std::to_string(s.slots) + " slots with " + std::to_string(s.sessions) + " sessions in memory and " +
         std::to_string(s.inflight) + " calls under way";
}

/// It tells the node; what comes of that is seen by `settled`. A node that was asked itself answers before it obeys,
/// and somebody else has to look.
void order(desk& at, const request& r, deed d, const subject& s, const std::string& question, const judgement& settled,
           reply done) {
  const auto params = json_object().text("incarnation", s.incarnation).str();
  const auto self = at.shared_from_this();
  if (s.asked_itself) {
    const auto act = [s](const finish& over) {
      over({false, 0, {}, s.name + " cannot tell what comes of it itself; "});
    };
    return carry_out(at, r, std::move(d), act, [self, r, question, params, done = std::move(done)](const answer& a) {
      done(a);
      if (!r.flag("dry_run")) self->ask_here(question, params, [](const answer&) {});
    });
  }
  const auto act = [self, s, question, params, wait = r.wait(), settled](const finish& over) {
    self->ask_node(s.name, question, params, self->answer_within(), [self, wait, settled, over](const answer& a) {
      const auto* const p = std::get_if<problem>(&a);
      if (p != nullptr && p->status != 502)
        return over({false, 0, p->title + (p->detail.empty() ? "" : ": " + p->detail), {}});
      // One that gave no answer may have obeyed all the same.
      await_slots(*self, wait, settled, over);
    });
  };
  carry_out(at, r, std::move(d), act, std::move(done));
}

/// Whether this is still the process that the operator saw.
std::optional<problem> objection_to(desk& at, const std::string& params) {
  const auto now = at.node().store ? at.node().store->incarnation() : std::string();
  if (text_of(params, "incarnation") == now) return std::nullopt;
  return problem{409, "The node has started anew meanwhile", "Look again", {}, {}};
}

}  // namespace

void kill_node(desk& at, const request& r, reply done) {
  look_at_node(at, r.args[0], done, [self = at.shared_from_this(), r, done](const subject& s) {
    const auto what = what_it_has(s);
    deed d{"node.kill",
           s.name,
           {"end process " + std::to_string(s.pid) + " of " + s.name + " at once, as kill -9 does",
            has_heirs(*self, s.name) ? "others take over what it has: " + what
                                     : "nobody can take over what it has until it is started: " + what,
            "calls that cannot be resumed end as interrupted"},
           s.slots,
           "slots",
           "moved"};
    const auto gone = [self, s](const slot_picture& all, const parts&) -> effect {
      const auto left = is_member(*self, s.incarnation);
      const auto without = std::min<std::uint64_t>(all.unowned, s.slots);
      return {!left && without == 0, left ? 0 : s.slots - without, {}, left ? "" : s.name + " has ended; "};
    };
    order(*self, r, std::move(d), s, "do.kill", gone, done);
  });
}

void do_kill(desk& at, const std::string& params, reply done) {
  if (auto p = objection_to(at, params)) return done(std::move(*p));
  log::warning("node.killed", {{"by", "an operator"}});
  done(std::string("{}"));
  at.home().loop().after(parting, [] { ::kill(::getpid(), SIGKILL); });
}

void restart_node(desk& at, const request& r, reply done) {
  look_at_node(at, r.args[0], done, [self = at.shared_from_this(), r, done](const subject& s) {
    self->ask_node(s.name, "may.restart", "{}", self->answer_within(), [self, r, s, done](answer a) {
      if (auto* const p = std::get_if<problem>(&a)) return done(out_of_reach(std::move(*p), s.name));
      deed d{"node.restart",
             s.name,
             {has_heirs(*self, s.name) ? "others take over what it has as its calls end: " + what_it_has(s)
                                       : "nobody has until it is back what it has now: " + what_it_has(s),
              "process " + std::to_string(s.pid) + " of " + s.name +
                  " starts anew, with its program and its configuration as they are now",
              "it takes its slots back"},
             s.slots,
             "slots",
             "moved"};
      const auto back = [self, s](const slot_picture& all, const parts& p) -> effect {
        const auto view = self->node().in_cluster->membership.get();
        const auto* const now = member_named(*view, s.name);
        const auto answers =
            std::any_of(p.all.begin(), p.all.end(), [&](const auto& each) { return each.node == s.name; });
        if (now == nullptr || now->incarnation == s.incarnation || !answers) return {false, 0, {}, {}};
        const auto held = held_by(all, s.name);
        return {
            all.unowned + all.moving == 0, held, {}, s.name + " came back as incarnation " + now->incarnation + "; "};
      };
      order(*self, r, std::move(d), s, "do.restart", back, done);
    });
  });
}

void may_restart(desk& at, const std::string&, reply done) {
  const auto& process = at.node().process;
  if (!process.restart) return done(problem{409, "This process cannot start itself anew", {}, {}, {}});
  if (at.node().draining) return done(problem{409, "The node is stopping", {}, {}, {}});
  const auto why = process.objection();
  if (!why.empty()) return done(problem{409, "The node would not start", why, {}, {}});
  done(std::string("{}"));
}

void do_restart(desk& at, const std::string& params, reply done) {
  if (auto p = objection_to(at, params)) return done(std::move(*p));
  may_restart(at, params, [self = at.shared_from_this(), done = std::move(done)](answer a) {
    const bool may = std::holds_alternative<std::string>(a);
    done(std::move(a));
    if (!may) return;
    log::info("node.restarting", {{"by", "an operator"}});
    self->after(parting, [self] { self->node().process.restart(); });
  });
}

}  // namespace holdfast::actors::admin
