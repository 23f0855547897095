#pragma once

#include <chrono>
#include <string>

#include "transport/result.hpp"

namespace holdfast::apps {

/// Asks a node as an operator: GET `base`/`path`, blocking; an empty `base` is found as `operator_addresses` says.
/// Answers with the body, which is valid JSON. `bad_address`: `base` is no address; `refused`: nobody listens;
/// `timed_out`; `http_status`: not 200, with the node's words in the detail; `bad_json`, `bad_http`, `too_large`: not
/// what a node answers.
transport::outcome<std::string> admin_get(const std::string& base, const std::string& path,
                                          std::chrono::milliseconds timeout);

}  // namespace holdfast::apps
