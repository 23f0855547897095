#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "actors/node_config.hpp"

namespace holdfast::actors::log {

/// Keeps what goes wrong a thousand times in the same way from filling the log: of the lines with the same key within
/// ten seconds only some are admitted, and of the rest the number is said. Bounded; one thread at a time.
class repeats {
 public:
  using clock = std::chrono::steady_clock;

  static constexpr auto window = std::chrono::seconds{10};
  static constexpr std::size_t keys_max = 256;  ///< what comes on top is admitted

  struct held_back {
    log_level level;
    std::string key;
    std::uint64_t times;
  };

  /// `admitted_max` lines of a key in a window; 0 = any number.
  explicit repeats(std::size_t admitted_max) : admitted_max_(admitted_max) {}

  /// False: this line is one too many.
  bool admit(log_level level, std::string_view key, clock::time_point now);

  /// What was held back in windows that are over by now, once.
  std::vector<held_back> over(clock::time_point now);

 private:
  struct counted {
    log_level level;
    clock::time_point until;
    std::uint64_t times = 0;
  };

  std::size_t admitted_max_;
  std::map<std::string, counted, std::less<>> keys_;
};

}  // namespace holdfast::actors::log
