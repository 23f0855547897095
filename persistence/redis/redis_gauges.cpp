#include "persistence/redis/redis_gauges.hpp"

#include <algorithm>

namespace holdfast::persistence {

void redis_gauges::retire() {
  waiting.set(0);
  connections.set(0);
  latency_ns.set(0);
  connected.set(true);
  circuit_open.set(false);
  describe({});
}

void redis_gauges::add_to(store_health& h) const {
  const bool fine = connected.value() && !circuit_open.value();
  {
    // Of several lanes, the one in trouble has more to say.
    const std::lock_guard lock(mutex_);
    if (h.detail.empty() || (h.available && !fine)) h.detail = detail_;
  }
  h.available = h.available && fine;
  h.circuit_open = h.circuit_open || circuit_open.value();
  h.connections += connections.value();
  h.waiting += waiting.value();
  h.operations += operations.value();
  h.failures += failures.value();
  h.commits += commits.value();
  h.histories += histories.value();
  h.latency = std::max(
      h.latency, std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::nanoseconds(latency_ns.value())));
}

}  // namespace holdfast::persistence
