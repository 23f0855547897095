#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace holdfast::transport {

/// One I/O thread: an event loop with a coarse timer wheel. Everything that is created with a loop is used on that
/// loop's thread only, unless its header says otherwise. A node has one loop per core.
class loop {
 public:
  using task = std::function<void()>;

  /// Names an armed timer; 0 is never one.
  using timer = std::uint64_t;

  static std::unique_ptr<loop> create();
  virtual ~loop() = default;

  /// Runs handlers on the calling thread until `stop`.
  virtual void run() = 0;

  /// Ends `run` soon; queued tasks may be left unrun. Any thread.
  virtual void stop() = 0;

  /// Runs `t` on the loop's thread, after this call returns; tasks of one thread keep their order. Any thread.
  virtual void post(task t) = 0;

  /// Runs `t` once, not earlier than `delay` and at most about 10 ms later. Loop thread only.
  virtual timer after(std::chrono::milliseconds delay, task t) = 0;

  /// Forgets a timer; of no effect on one that has run or been cancelled. Loop thread only.
  virtual void cancel(timer t) = 0;

  /// The loop whose `run` is on this thread's stack, or null.
  static loop* current() noexcept;
};

/// The context that `l`, made by `loop::create`, runs. One thread runs it; everything bound to it needs no strand.
boost::asio::io_context& context_of(loop& l) noexcept;

}  // namespace holdfast::transport
