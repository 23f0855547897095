#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

namespace holdfast::actors {

// registry → catalogue, sessions

/// These are to come into force: what they offer is read for those who are shown it. Then, or after `wait`, `done` runs
/// on the catalogue's thread.
struct upstreams_wanted {
  std::vector<std::uint32_t> those;
  std::chrono::milliseconds wait;
  std::function<void()> done;
};
/// Others are in force now (`upstream_table`). `done`: to the catalogue alone, once its views show it.
struct upstreams_changed {
  std::function<void()> done{};
};

}  // namespace holdfast::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::upstreams_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::upstreams_changed)
