#include "actors/node_store.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "actors/log.hpp"
#include "persistence/shadow_store.hpp"
#include "transport/errc.hpp"
#include "transport/mcp/sealed.hpp"

namespace holdfast::actors {

namespace {

constexpr std::uint64_t no_view = 0;

std::string random_incarnation() {
  auto id = mcp::random_id();
  std::replace_if(
      id.begin(), id.end(), [](char c) { return c == '-' || c == '_'; }, '0');
  return id;
}

transport::failure failure_of(const std::string& detail) {
  return {std::make_error_code(std::errc::io_error), "store: " + detail};
}

/// Claims one slot after another, some at a time.
struct claiming : std::enable_shared_from_this<claiming> {
  static constexpr std::uint16_t at_once = 64;

  claiming(persistence::store_lane& l, std::string_view i, std::vector<persistence::token>& t,
           std::function<void(std::string)> d)
      : lane(l), incarnation(i), tokens(t), done(std::move(d)) {}

  void more() {
    while (under_way < at_once && next < persistence::slot_count && problem.empty()) {
      const auto slot = next++;
      ++under_way;
      lane.claim(slot, incarnation, no_view, [self = shared_from_this(), slot](auto r) {
        --self->under_way;
        if (!r) {
          self->problem = r.error().detail.empty() ? "it does not answer" : r.error().detail;
        } else if (!*r) {
          self->problem = "a newer view of the cluster gave its slots to others";
        } else {
          self->tokens[slot] = std::move(**r);
        }
        self->more();
      });
    }
    if (under_way == 0 && done) std::exchange(done, nullptr)(problem);
  }

  persistence::store_lane& lane;
  const std::string_view incarnation;
  std::vector<persistence::token>& tokens;
  std::function<void(std::string)> done;
  std::string problem;
  std::uint16_t next = 0, under_way = 0;
};

}  // namespace

node_store::node_store(std::unique_ptr<persistence::store> s, persistence::encoding texts, bool degrades)
    : store_(std::move(s)),
      texts_(std::move(texts)),
      degrades_(degrades),
      incarnation_(random_incarnation()),
      tokens_(persistence::slot_count) {}

transport::outcome<std::unique_ptr<node_store>> node_store::open(const store_config& c) {
  if (c.primary.url == "memory:" && c.shadow.empty()) return std::unique_ptr<node_store>();
  persistence::encoding_options texts;
  texts.format = c.format;
  texts.compress_above = c.compress_above;
  if (!c.keys.empty()) {
    auto keys = persistence::read_keys(c.keys);
    if (!keys) return failure_of("keys: " + keys.error().detail);
    texts.keys = std::move(*keys);
  }
  auto options = c.primary;
  // What waits for a commit is told of a failure when the commit is.
  options.deadline = std::min(options.deadline, c.hold_timeout);
  auto opened = persistence::store::open(options);
  if (!opened) return failure_of(opened.error().detail);
  if (!c.shadow.empty()) {
    auto shadowed = options;
    shadowed.url = c.shadow;
    shadowed.wait_replicas = 0;
    auto shadow = persistence::store::open(shadowed);
    if (!shadow) return failure_of("the shadow: " + shadow.error().detail);
    *opened = persistence::with_shadow(std::move(*opened), std::move(*shadow));
  }
  return std::unique_ptr<node_store>(
      new node_store(std::move(*opened), persistence::encoding(std::move(texts)), c.on_loss == on_store_loss::degrade));
}

void node_store::claim_all(persistence::store_lane& lane, std::function<void(std::string)> done) {
  std::make_shared<claiming>(lane, incarnation_, tokens_, std::move(done))->more();
}

void node_store::verify(persistence::store_lane& lane, std::uint16_t slot, persistence::completion<bool> done) {
  const auto take = [this, slot](const persistence::token& t) {
    const std::lock_guard guard(tokens_lock_);
    tokens_[slot] = t;
  };
  lane.owner(slot, [this, &lane, slot, take, done = std::move(done)](const auto& owner) {
    if (!owner) return done(owner.error());
    if (*owner) {
      const auto ours = (*owner)->incarnation == incarnation_;
      if (ours) take(**owner);
      return done(ours);
    }
    lane.claim(slot, incarnation_, no_view, [take, done](const auto& claimed) {
      if (!claimed) return done(claimed.error());
      if (*claimed) take(**claimed);
      done(claimed->has_value());
    });
  });
}

void node_store::note_failure(const persistence::store_failure& f) {
  if (!available_.exchange(false)) return;
  log::error("store.unavailable", {{"store", shown()},
                                   {"reason", f.detail},
                                   {"effect", degrades_ ? "going on without durability" : "answers are held back"}});
}

void node_store::note_return() {
  if (!available_.exchange(true)) log::info("store.available", {{"store", shown()}});
}

}  // namespace holdfast::actors
