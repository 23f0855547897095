#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "persistence/sqlite/mailbox_impl.hpp"
#include "persistence/sqlite/upkeep_impl.hpp"

namespace holdfast::persistence::sqlite {

/// Carries out operations in the order they come, on a thread of its own: whatever has come while one transaction was
/// being written goes into the next. Thread-safe.
class writer {
 public:
  struct counts {
    std::size_t queued = 0;  // accepted, and not begun
    std::uint64_t accepted = 0, answered = 0, failures = 0, commits = 0, transactions = 0;
    std::chrono::microseconds latency{0};  // of commits, a moving average
    std::optional<store_failure> trouble;  // what the last transaction failed with, if it did
  };

  /// `in` is prepared and ok. An operation whose transaction has not begun within `deadline` is answered `unavailable`.
  writer(std::unique_ptr<database> in, std::unique_ptr<tables> of, std::chrono::milliseconds deadline);

  /// Carries out all it has accepted.
  ~writer();

  void accept(std::shared_ptr<operation> o);

  /// Answers it `overloaded`.
  void refuse(const std::shared_ptr<operation>& o);

  counts count() const;

 private:
  void work();
  void watch();
  operations next_batch();
  void give_up_overdue();
  operations take_overdue();
  void serve(std::span<const std::shared_ptr<operation>> batch);
  std::optional<store_failure> attempt(std::span<const std::shared_ptr<operation>> batch);
  void note(std::optional<store_failure> outcome);
  void answer(const operations& batch);

  const std::chrono::milliseconds deadline_;
  const std::unique_ptr<database> database_;
  const std::unique_ptr<tables> tables_;
  upkeep upkeep_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wanted_, stopped_;
  std::deque<std::shared_ptr<operation>> queue_;
  bool asleep_ = false, stopping_ = false;
  counts counts_;

  std::thread watcher_, worker_;
};

}  // namespace holdfast::persistence::sqlite
