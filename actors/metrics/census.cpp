#include "actors/metrics/census.hpp"

#include <memory>
#include <string>

#include "actors/node_context.hpp"

namespace holdfast::actors::metrics {

/// One slot after another.
struct census::round : std::enable_shared_from_this<census::round> {
  static constexpr std::size_t at_once = 512;

  round(census& o, node_context& n, shard& v) : of(o), node(n), via(v) {}

  void next(const std::string& cursor) {
    while (slot < persistence::slot_count && !node.store->holds(slot)) ++slot;
    if (slot == persistence::slot_count || node.draining) return over(!node.draining);
    via.lane()->list("session", slot, cursor, at_once, [self = shared_from_this()](const auto& page) {
      if (!page) return self->over(false);
      for (const auto& e : page->entries) self->count += self->node.sessions.find(e.id) ? 0 : 1;
      if (page->next.empty()) ++self->slot;
      self->next(page->next);
    });
  }

  void over(bool complete) {
    of.under_way_ = false;
    if (complete) of.stored_ = count;
  }

  census& of;
  node_context& node;
  shard& via;
  std::uint16_t slot = 0;
  std::uint64_t count = 0;
};

void census::begin_if_due(node_context& node, shard& via) {
  const auto now = std::chrono::steady_clock::now();
  if (!node.store || under_way_ || (begun_ && now - *begun_ < pause)) return;
  begun_ = now;
  under_way_ = true;
  std::make_shared<round>(*this, node, via)->next({});
}

}  // namespace holdfast::actors::metrics
