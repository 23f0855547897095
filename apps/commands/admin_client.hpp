#pragma once

#include <chrono>
#include <string>

#include "transport/result.hpp"

namespace holdfast::apps {

/// Asks a node's address for operators: GET `base`/`path`, blocking. Answers with the body, which is valid JSON.
/// `bad_address`: `base` is no http URL; `refused`: nobody listens; `timed_out`; `http_status`: not 200, with the
/// node's words in the detail; `bad_json`, `bad_http`, `too_large`: not what a node answers.
transport::outcome<std::string> admin_get(const std::string& base, const std::string& path,
                                          std::chrono::milliseconds timeout);

}  // namespace holdfast::apps
