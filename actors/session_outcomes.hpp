#pragma once

#include "actors/call.hpp"
#include "actors/metrics/counters.hpp"

namespace holdfast::actors {

/// How the client's request ended that this call was made for; the call is in a final state.
metrics::request_outcome outcome_of(const call& c) noexcept;

/// What the log calls it: what operators can give to `explain`, with the beginning of the session's id.
std::string log_name_of(std::string_view session, const call& c);

}  // namespace holdfast::actors
