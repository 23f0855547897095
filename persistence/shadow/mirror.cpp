#include "persistence/shadow/mirror_impl.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <memory>
#include <utility>

namespace holdfast::persistence::shadow {
namespace {

constexpr std::size_t slots_at_once = 32;
constexpr std::size_t changes_in_a_row = 16;  // of one slot, before the others have their turn
constexpr std::size_t looks_max = 1'000;

}  // namespace

mirror::mirror(store& primary, store& shadow, const shadow_limits& limits)
    : primary_(primary), shadow_(shadow), limits_(limits), chains_(slot_count), thread_([this] { run(); }) {}

mirror::~mirror() {
  {
    std::unique_lock lock(mutex_);
    idle_.wait_for(lock, limits_.last_writes_max, [this] { return waiting_ == 0; });
  }
  io_.stop();
  thread_.join();
}

bool mirror::admit(const change& c, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  // Comparisons must not take the room that writes may need.
  const std::size_t room = std::holds_alternative<looked_at>(c) ? limits_.waiting_max / 2 : limits_.waiting_max;
  if (waiting_ >= room || bytes > limits_.bytes_max - bytes_) return false;
  ++waiting_;
  bytes_ += bytes;
  return true;
}

std::shared_ptr<void> mirror::expect(std::uint16_t slot) {
  ++(*expected_)[slot];
  return {nullptr, [of = expected_, slot](void*) { --(*of)[slot]; }};
}

void mirror::tell(change c) {
  const std::size_t bytes = bytes_of(c);
  if (admit(c, bytes))
    boost::asio::post(io_, [this, i = item{std::move(c), bytes}]() mutable { push(std::move(i)); });
  else if (!std::holds_alternative<looked_at>(c))
    ++differences_;
}

void mirror::finish(std::size_t bytes) {
  if (bytes == 0) return;
  const std::lock_guard lock(mutex_);
  bytes_ -= bytes;
  if (--waiting_ == 0) idle_.notify_all();
}

void mirror::run() {
  const auto work = boost::asio::make_work_guard(io_);
  const auto primary = primary_.lane(io_);
  const auto shadow = shadow_.lane(io_);
  copyist c({*primary, *shadow, differences_, [this](change next) { push({std::move(next)}); },
             [this](looked_at later) { look_again(std::move(later)); }});
  copyist_ = &c;
  shadow->on_history_changed = [&c] { c.start_over(); };
  io_.run();
}

void mirror::push(item i) {
  const std::uint16_t slot = slot_of(i.what);
  chain& its = chains_[slot];
  its.items.push_back(std::move(i));
  if (!std::exchange(its.known, true)) ready_.push_back(slot);
  start_chains();
}

// What the primary had taken at the first look comes here before the second: that waits until all of it was told, and
// stands behind it.
void mirror::look_again(looked_at c) {
  if (looks_ >= looks_max) return;
  ++looks_;
  const auto timer = std::make_shared<boost::asio::steady_timer>(io_, limits_.look_again);
  timer->async_wait([this, timer, c = std::move(c)](const boost::system::error_code&) mutable {
    --looks_;
    if ((*expected_)[c.of.slot()] != 0) return look_again(std::move(c));
    boost::asio::post(io_, [this, c = std::move(c)]() mutable { push({std::move(c)}); });
  });
}

void mirror::start_chains() {
  while (running_ < slots_at_once && !ready_.empty()) {
    ++running_;
    const std::uint16_t slot = ready_.front();
    ready_.pop_front();
    boost::asio::co_spawn(io_, follow(slot), [](const std::exception_ptr& thrown) {
      if (thrown) std::rethrow_exception(thrown);
    });
  }
}

boost::asio::awaitable<void> mirror::follow(std::uint16_t slot) {
  chain& its = chains_[slot];
  for (std::size_t n = 0; n < changes_in_a_row && !its.items.empty(); ++n) {
    item i = std::move(its.items.front());
    its.items.pop_front();
    co_await copyist_->apply(std::move(i.what));
    finish(i.bytes);
  }
  its.known = !its.items.empty();
  if (its.known) ready_.push_back(slot);
  --running_;
  start_chains();
}

}  // namespace holdfast::persistence::shadow
