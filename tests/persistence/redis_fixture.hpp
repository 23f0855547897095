#pragma once

#include <algorithm>
#include <chrono>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/persistence/store_contract_fixture.hpp"
#include "tests/persistence/store_harness.hpp"
#include "tests/support/redis_server.hpp"

namespace holdfast::tests {

inline persistence::store_options with(std::string url, std::chrono::milliseconds deadline = std::chrono::seconds(5)) {
  persistence::store_options o;
  o.url = std::move(url);
  o.deadline = deadline;
  return o;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Ids of one slot, sorted.
inline std::vector<std::string> ids_in_one_slot(std::size_t count) {
  auto ids = ids_beside("a", count);
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace holdfast::tests
