#pragma once

#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "transport/loop.hpp"

namespace holdfast::tests {

/// A loop that runs on a thread of its own until destroyed.
class loop_thread {
 public:
  loop_thread() : loop_(transport::loop::create()), thread_([this] { loop_->run(); }) {}
  loop_thread(const loop_thread&) = delete;
  loop_thread& operator=(const loop_thread&) = delete;
  ~loop_thread() {
    loop_->stop();
    thread_.join();
  }

  transport::loop& operator*() noexcept { return *loop_; }
  transport::loop* operator->() noexcept { return loop_.get(); }

  /// Runs `f` on the loop's thread and returns what it returned. Not from that thread.
  template <class F>
  auto run(F f) {
    std::packaged_task<decltype(f())()> task(std::move(f));
    auto done = task.get_future();
    loop_->post([&task] { task(); });
    return done.get();
  }

 private:
  std::unique_ptr<transport::loop> loop_;
  std::thread thread_;
};

}  // namespace holdfast::tests
