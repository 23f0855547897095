#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "persistence/store.hpp"

namespace holdfast::persistence {

struct shadow_limits {
  std::size_t waiting_max = 10'000;                  ///< writes that the shadow has still to take
  std::size_t bytes_max = std::size_t{64} << 20;     ///< of their content
  unsigned loads_compared = 16;                      ///< one load of so many is compared
  std::chrono::milliseconds look_again{1'000};       ///< what lags gets so much time to catch up
  std::chrono::milliseconds last_writes_max{2'000};  ///< the destructor waits so long for the shadow
};

/// A store that answers as `primary` does, and writes to `shadow` what `primary` has taken: claims, releases, commits,
/// restorations, extensions and expiries of entities; locks, cached results and the view of the cluster stay out. The
/// shadow gives its own tokens, for claims under the view that it has itself; it is written to by a thread of its own
/// and never delays or fails an answer.
///
/// When a slot is claimed, all of its entities that the shadow lacks are copied to it, and it loses what the primary
/// does not have, so that a shadow attached at any time is complete once every slot was claimed and its queue is empty.
///
/// `store_health::differences` counts: writes the shadow refused, failed or had to miss because too much waited for it;
/// entities found there with other content, or behind. Whatever differs is copied anew.
std::unique_ptr<store> with_shadow(std::unique_ptr<store> primary, std::unique_ptr<store> shadow,
                                   const shadow_limits& limits = {});

}  // namespace holdfast::persistence
