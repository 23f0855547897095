#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "persistence/sqlite/tables_impl.hpp"
#include "persistence/store.hpp"

namespace holdfast::persistence::sqlite {

class mailbox;

/// A request of a lane on its way to the writer and back. The lane's thread makes it and completes it; in between only
/// the writer's threads touch it, but for the completion, which stays the lane's: it may hold anything of that thread.
class operation {
 public:
  using clock = std::chrono::steady_clock;

  virtual ~operation() = default;

  /// In a transaction. May run again if that transaction failed.
  virtual void run(tables& in) = 0;
  virtual void fail(const store_failure& why) = 0;
  virtual bool failed() const noexcept = 0;

  /// Hands the answer to the completion. Lane's thread.
  virtual void complete() = 0;
  /// Drops the completion. Lane's thread.
  virtual void forget() noexcept = 0;

  std::shared_ptr<mailbox> to;
  clock::time_point accepted;
  bool commits = false;
  std::size_t bytes = 0;  // about as many to write
  std::size_t place = 0;  // among the lane's, for the lane
};

/// `Work` answers a `result<T>` for `tables&`.
template <class T, class Work>
class operation_of final : public operation {
 public:
  operation_of(Work work, completion<T> done) : work_(std::move(work)), done_(std::move(done)) {}

  void run(tables& in) override { answer_.emplace(work_(in)); }
  void fail(const store_failure& why) override { answer_.emplace(why); }
  bool failed() const noexcept override { return answer_ && answer_->has_error(); }
  void complete() override {
    const auto done = std::exchange(done_, nullptr);
    done(std::move(*answer_));
  }
  void forget() noexcept override { done_ = nullptr; }

 private:
  Work work_;
  completion<T> done_;
  std::optional<result<T>> answer_;
};

}  // namespace holdfast::persistence::sqlite
