#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <stop_token>
#include <thread>

#include "actors/log.hpp"

namespace holdfast::actors {

/// Ends the process with 70, and says so in the log, unless it is destroyed in time: for what must not hang, whatever
/// is wrong.
class watchdog {
 public:
  explicit watchdog(std::chrono::milliseconds patience)
      : thread_([patience](const std::stop_token& over) {
          std::mutex lock;
          std::condition_variable_any never;
          std::unique_lock held(lock);
          if (never.wait_for(held, over, patience, [&] { return over.stop_requested(); })) return;
          log::error("node.stuck", {{"after_ms", static_cast<std::size_t>(patience.count())}});
          std::_Exit(70);
        }) {}

 private:
  std::jthread thread_;
};

}  // namespace holdfast::actors
