#include "persistence/sqlite/mailbox_impl.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace holdfast::persistence::sqlite {

mailbox::mailbox(boost::asio::io_context& on, std::function<void(const std::shared_ptr<operation>&)> take)
    : on_(&on), take_(std::move(take)) {}

void mailbox::post(operations answered) {
  // Held while posting, so that the lane cannot go, and its io_context with it, in between.
  const std::lock_guard lock(mutex_);
  if (on_ == nullptr) return;
  boost::asio::post(*on_, [self = shared_from_this(), answered = std::move(answered)] {
    for (const auto& one : answered) {
      // A completion may have destroyed the lane.
      if (!self->open_) return;
      self->take_(one);
    }
  });
}

void mailbox::close() {
  open_ = false;
  const std::lock_guard lock(mutex_);
  on_ = nullptr;
}

}  // namespace holdfast::persistence::sqlite
