#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/admin/request.hpp"
#include "actors/node_context.hpp"
#include "actors/shard_actor.hpp"

namespace holdfast::actors::admin {

using std::chrono::milliseconds;

/// Another node that waits for something on our behalf is given so much longer to say so.
inline constexpr milliseconds answer_margin{500};

/// What one node says to a question about itself.
struct part {
  std::string node;
  std::string json;
};
struct parts {
  std::vector<part> all;                 ///< of those that answered with JSON
  std::vector<problem> problems;         ///< what the others answered
  std::vector<std::string> unreachable;  ///< who did not answer

  /// The elements of a list that every node gives its share of.
  std::vector<std::string> joined(std::string_view list) const;
};

/// Where the operators' questions are worked on: on the admin actor's shard, in tasks of its loop. Asks this node's
/// shards and the other nodes, and waits for none of them longer than it was told.
class desk : public std::enable_shared_from_this<desk> {
 public:
  desk(caf::actor_system& system, shard& home, node_context& node) : system_(system), home_(home), node_(node) {}

  caf::actor_system& system() noexcept { return system_; }
  shard& home() noexcept { return home_; }
  node_context& node() noexcept { return node_; }

  /// The name of this node; "local" if it is on its own.
  std::string name() const;

  /// How long an operator waits for a node that does not answer. What a node asks of others in turn takes less.
  milliseconds answer_within() const noexcept { return node_.config.admin.answer_within; }

  /// Nothing is answered any more.
  void close() {
    closed_ = true;
    awaiting_view_.clear();
  }
  bool closed() const noexcept { return closed_; }

  /// Runs `f` on every shard, in a task of its loop, and `done` with what it gave; without what came too late.
  template <class T>
  void at_every_shard(std::function<T(shard&)> f, std::function<void(std::vector<T>)> done);

  /// Runs `f` with a session that is in memory here, in a task of its shard; `done` with what it gave, or nothing.
  void at_session(const std::string& id, std::function<std::string(shard_actor&)> f,
                  std::function<void(std::optional<std::string>)> done);

  /// Asks one question (see questions.hpp) of this node.
  void ask_here(std::string_view question, const std::string& params, reply done);

  /// Asks it of one node by its name. A problem 404 if there is no such node, 502 if it does not answer in time.
  void ask_node(const std::string& name, std::string_view question, const std::string& params, milliseconds limit,
                reply done);

  /// Asks it of this node and, for the `whole_cluster`, of all others.
  void ask_all(bool whole_cluster, std::string_view question, const std::string& params,
               std::function<void(parts)> done);

  /// The catalogue, after all upstreams have been connected to, or after `wait`; what there is of it if that is 0.
  void with_view(milliseconds wait, std::function<void(const view_ptr&)> done);
  void on_view(const view_ptr& v);

  /// Asks the catalogue for it; `on_view` is called then. To be set.
  std::function<void(milliseconds)> want_view;

  /// `f` later, unless the desk is closed by then.
  void after(milliseconds delay, std::function<void()> f);

  /// Looks whether something is so, until it is or `limit` is over; `done` with whether.
  void until(std::function<bool()> is_so, milliseconds limit, std::function<void(bool)> done);

 private:
  caf::actor_system& system_;
  shard& home_;
  node_context& node_;
  std::vector<std::function<void(const view_ptr&)>> awaiting_view_;
  bool closed_ = false;
};

template <class T>
void desk::at_every_shard(std::function<T(shard&)> f, std::function<void(std::vector<T>)> done) {
  struct round {
    std::vector<T> got;
    std::size_t open;
    std::function<void(std::vector<T>)> done;
  };
  const auto r = std::make_shared<round>(round{{}, node_.shards.size(), std::move(done)});
  const auto finish = [self = shared_from_this(), r] {
    if (const auto f = std::exchange(r->done, nullptr); f && !self->closed()) f(std::move(r->got));
  };
  after(answer_within() * 4 / 5, finish);
  for (const auto& s : node_.shards) {
    s->loop().post([at = s.get(), f, r, finish, home = &home_] {
      auto value = f(*at);
      home->loop().post([r, finish, value = std::move(value)]() mutable {
        if (!r->done) return;
        r->got.push_back(std::move(value));
        if (--r->open == 0) finish();
      });
    });
  }
}

}  // namespace holdfast::actors::admin
