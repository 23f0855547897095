#include "actors/admin/desk.hpp"

#include <algorithm>

#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/peer_ask.hpp"
#include "transport/errc.hpp"

namespace holdfast::actors::admin {
namespace {

constexpr std::size_t peer_answer_max = 16u << 20;
constexpr milliseconds until_pause{10};

problem silent(const std::string& name) {
  return {502, "The node does not answer", name + " gave no answer in time", {}, {name}};
}

}  // namespace

std::vector<std::string> parts::joined(std::string_view list) const {
  std::vector<std::string> elements;
  for (const auto& p : all) {
    for (const auto raw : list_of(p.json, list)) elements.emplace_back(raw);
  }
  return elements;
}

std::string desk::name() const { return node_name(node_); }

void desk::at_session(const std::string& id, std::function<std::string(shard_actor&)> f,
                      std::function<void(std::optional<std::string>)> done) {
  auto entry = node_.sessions.find(id);
  if (!entry) return done(std::nullopt);
  const auto back = [self = shared_from_this(), done = std::move(done)](std::optional<std::string> text) {
    self->home_.loop().post([self, done, text = std::move(text)]() mutable {
      if (!self->closed()) done(std::move(text));
    });
  };
  entry->home->loop().post([entry = std::move(*entry), f = std::move(f), back] {
    auto* const actor = static_cast<shard_actor*>(caf::actor_cast<caf::abstract_actor*>(entry.session));
    back(f(*actor));
  });
}

void desk::ask_here(std::string_view question, const std::string& params, reply done) {
  const auto* const q = find_question(question);
  if (q == nullptr) return done(problem{404, "No such question", std::string(question), {}, {}});
  q->ask(*this, params, std::move(done));
}

void desk::ask_node(const std::string& to, std::string_view question, const std::string& params, milliseconds limit,
                    reply done) {
  if (to == name()) return ask_here(question, params, std::move(done));
  const auto nobody = problem{404, "No node of this name", to, {}, {}};
  if (!node_.in_cluster) return done(nobody);
  const auto& cluster = *node_.in_cluster;
  const auto view = cluster.membership.get();
  const auto found =
      std::find_if(view->members.begin(), view->members.end(), [&](const auto& m) { return m.name == to; });
  if (found == view->members.end()) return done(nobody);
  const auto body = json_object().text("question", question).raw("params", params).str();
  ask_peer(
      home_.loop(), cluster, cluster.target_of(found->address), peer_path::admin, body, limit,
      [self = shared_from_this(), to, done = std::move(done)](const transport::outcome<std::string>& said) {
        if (self->closed()) return;
        const auto whole = said && mcp::elements("[" + *said + "]") && mcp::is_object(*said);
        if (!whole) return done(silent(to));
        const auto trouble = mcp::member(*said, "problem");
        if (trouble.data() != nullptr)
          return done(read_problem(static_cast<int>(number_of(trouble, "status")), trouble));
        done(std::string(mcp::member(*said, "answer")));
      },
      peer_answer_max);
}

void desk::ask_all(bool whole_cluster, std::string_view question, const std::string& params,
                   std::function<void(parts)> done) {
  std::vector<std::string> names{name()};
  if (whole_cluster && node_.in_cluster) {
    const auto me = node_.store->incarnation();
    for (const auto& m : node_.in_cluster->membership.get()->members) {
      if (m.incarnation != me) names.push_back(m.name);
    }
  }
  struct round {
    parts got;
    std::size_t open;
    std::function<void(parts)> done;
  };
  const auto r = std::make_shared<round>(round{{}, names.size(), std::move(done)});
  for (const auto& n : names) {
    ask_node(n, question, params, answer_within(), [r, n](answer a) {
      if (auto* const json = std::get_if<std::string>(&a)) {
        r->got.all.push_back({n, std::move(*json)});
      } else if (auto& p = std::get<problem>(a); p.status == 502) {
        r->got.unreachable.push_back(n);
      } else {
        r->got.problems.push_back(std::move(p));
      }
      if (--r->open > 0) return;
      std::sort(r->got.all.begin(), r->got.all.end(), [](const auto& x, const auto& y) { return x.node < y.node; });
      std::sort(r->got.unreachable.begin(), r->got.unreachable.end());
      r->done(std::move(r->got));
    });
  }
}

void desk::with_view(milliseconds wait, std::function<void(const view_ptr&)> done) {
  if (wait.count() == 0) return done(node_.views[0].get());
  awaiting_view_.push_back(std::move(done));
  want_view(wait);
}

void desk::on_view(const view_ptr& v) {
  // Every answer serves all who wait: they all want to see the upstreams after their first attempt.
  for (const auto& f : std::exchange(awaiting_view_, {})) f(v);
}

void desk::after(milliseconds delay, std::function<void()> f) {
  home_.loop().after(delay, [self = shared_from_this(), f = std::move(f)] {
    if (!self->closed()) f();
  });
}

void desk::until(std::function<bool()> is_so, milliseconds limit, std::function<void(bool)> done) {
  if (is_so()) return done(true);
  if (limit <= milliseconds{0}) return done(false);
  after(until_pause, [self = shared_from_this(), is_so = std::move(is_so), limit, done = std::move(done)]() mutable {
    self->until(std::move(is_so), limit - until_pause, std::move(done));
  });
}

}  // namespace holdfast::actors::admin
