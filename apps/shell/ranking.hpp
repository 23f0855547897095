#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apps/shell/json_view.hpp"

namespace holdfast::apps {

/// A line of `top`.
struct ranked_session {
  std::string id, node, state, client;
  double calls = 0, mailbox = 0, memory = 0, age = 0, idle = 0;
  double rate = 0;  ///< messages handled a second, since the look before
};

/// The node's answer for programs: its sessions in this order, with their rates.
std::string ranked_json(const json_value& answer, const std::vector<ranked_session>& sessions);

/// Which sessions come first, from one look to the next. Pure but for what it remembers.
class ranking {
 public:
  /// What `top` can sort by.
  static constexpr std::string_view keys = "rate|calls|mailbox|memory|age|idle";

  /// The sessions of a node's answer, the largest by `key` first. `at` tells how long the look before is ago.
  std::vector<ranked_session> look(const json_value& answer, std::string_view key,
                                   std::chrono::steady_clock::time_point at);

 private:
  std::map<std::string, double> handled_;
  std::chrono::steady_clock::time_point looked_;
};

}  // namespace holdfast::apps
