#pragma once

#include <chrono>

namespace holdfast::apps {

/// Whoever waits for an answer looks so often whether the user has pressed Ctrl-C.
inline constexpr std::chrono::milliseconds interrupt_latency{50};

}  // namespace holdfast::apps
