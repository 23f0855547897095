#pragma once

#include "actors/call.hpp"
#include "actors/metrics/counters.hpp"

namespace holdfast::actors {

/// How the client's request ended that this call was made for; the call is in a final state.
metrics::request_outcome outcome_of(const call& c) noexcept;

}  // namespace holdfast::actors
