#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "persistence/sqlite/operation_impl.hpp"

namespace boost::asio {
class io_context;
}

namespace holdfast::persistence::sqlite {

using operations = std::vector<std::shared_ptr<operation>>;

/// The way from the writer back to a lane. Thread-safe; drops everything once the lane is gone.
class mailbox : public std::enable_shared_from_this<mailbox> {
 public:
  /// `take` is called on the thread of `on` with what was posted.
  mailbox(boost::asio::io_context& on, std::function<void(const std::shared_ptr<operation>&)> take);

  void post(operations answered);

  /// By the lane, on its thread: nothing is handed over from then on, and `on` is not used any more.
  void close();

 private:
  std::mutex mutex_;
  boost::asio::io_context* on_;                                  // null once closed
  std::function<void(const std::shared_ptr<operation>&)> take_;  // the lane's thread alone
  bool open_ = true;                                             // the lane's thread alone
};

}  // namespace holdfast::persistence::sqlite
