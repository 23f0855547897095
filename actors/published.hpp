#pragma once

#include <memory>
#include <mutex>

namespace holdfast::actors {

/// A value that one actor publishes and many threads read.
template <class T>
class published {
 public:
  std::shared_ptr<T> get() const {
    const std::lock_guard guard(lock_);
    return value_;
  }
  void set(std::shared_ptr<T> value) {
    const std::lock_guard guard(lock_);
    value_.swap(value);
  }

 private:
  mutable std::mutex lock_;
  std::shared_ptr<T> value_;
};

}  // namespace holdfast::actors
