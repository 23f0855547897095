#include "transport/loop.hpp"

#include <algorithm>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <limits>
#include <utility>

#include "transport/loop_impl.hpp"
#include "transport/timer_wheel.hpp"

namespace holdfast::transport {

namespace {

namespace asio = boost::asio;
using clock = std::chrono::steady_clock;
using wheel_timer = asio::basic_waitable_timer<clock, asio::wait_traits<clock>, asio::io_context::executor_type>;

constexpr std::chrono::milliseconds tick_length{10};
constexpr timer_wheel::tick not_armed = std::numeric_limits<timer_wheel::tick>::max();

thread_local loop* current_loop = nullptr;

class asio_loop final : public loop {
 public:
  asio_loop() : context_(1), work_(context_.get_executor()), alarm_(context_), epoch_(clock::now()) {}

  // Tasks may own sockets of the context, so they go first; what the context then destroys may still cancel timers.
  ~asio_loop() override { wheel_.close(); }

  void run() override {
    loop* const outer = std::exchange(current_loop, this);
    struct restore {
      loop* outer;
      ~restore() { current_loop = outer; }
    } at_exit{outer};
    context_.run();
  }

  void stop() override { context_.stop(); }

  void post(task t) override { asio::post(context_, std::move(t)); }

  timer after(std::chrono::milliseconds delay, task t) override {
    const auto now = clock::now();
    wheel_.set_idle_time(tick_at(now));
    const auto from_epoch = now - epoch_ + std::max(delay, std::chrono::milliseconds{0});
    const auto due = static_cast<timer_wheel::tick>((from_epoch + tick_length - clock::duration{1}) / tick_length);
    const timer name = wheel_.add(due, std::move(t));
    if (name != 0 && !advancing_ && due < armed_for_) arm();
    return name;
  }

  // The alarm stays as it is: a needless wake-up is cheaper than setting the clock of the kernel for each request.
  void cancel(timer t) override { wheel_.cancel(t); }

  asio::io_context& context() noexcept { return context_; }

 private:
  timer_wheel::tick tick_at(clock::time_point t) const {
    return static_cast<timer_wheel::tick>((t - epoch_) / tick_length);
  }

  void arm() {
    const auto next = wheel_.next();
    armed_for_ = next.value_or(not_armed);
    if (!next) return;
    alarm_.expires_at(epoch_ + *next * tick_length);
    alarm_.async_wait([this](const boost::system::error_code& ec) {
      if (!ec) on_alarm();
    });
  }

  void on_alarm() {
    advancing_ = true;
    wheel_.advance(tick_at(clock::now()));
    advancing_ = false;
    arm();
  }

  timer_wheel wheel_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  wheel_timer alarm_;
  const clock::time_point epoch_;
  timer_wheel::tick armed_for_ = not_armed;
  bool advancing_ = false;
};

}  // namespace

std::unique_ptr<loop> loop::create() { return std::make_unique<asio_loop>(); }

loop* loop::current() noexcept { return current_loop; }

asio::io_context& context_of(loop& l) noexcept { return static_cast<asio_loop&>(l).context(); }

}  // namespace holdfast::transport
