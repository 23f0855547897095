#include "transport/pending_calls.hpp"

#include <cassert>
#include <utility>
#include <vector>

#include "transport/countdown.hpp"
#include "transport/errc.hpp"

namespace holdfast::transport {
namespace {

constexpr std::size_t backlog_max = 4096;

}  // namespace

bool pending_calls::add(std::uint64_t id, std::chrono::milliseconds timeout, std::shared_ptr<upstream_events> events,
                        std::function<void()> on_timeout) {
  auto c = std::make_shared<call>();
  c->id = id;
  c->caller = loop::current();
  c->events = std::move(events);
  assert(c->caller != nullptr);
  std::optional<failure> refusal;
  {
    std::lock_guard lock(mutex_);
    if (shut_)
      refusal = never_sent(*shut_);
    else if (size() >= in_flight_max_)
      refusal = failure{make_error_code(errc::overloaded), "too many requests in flight to this upstream"};
    else
      size_.fetch_add(1, std::memory_order_relaxed);
    c->settled = refusal.has_value();
    calls_.insert_or_assign(id, c);
  }
  if (refusal) {
    fail_later(std::move(c), std::move(*refusal));
    return false;
  }
  if (timeout.count() > 0)
    c->timer = c->caller->after(
        timeout, [self = shared_from_this(), id, then = std::move(on_timeout)] { self->on_timer(id, then); });
  return true;
}

void pending_calls::on_timer(std::uint64_t id, const std::function<void()>& then) {
  // Settled already: the answer or failure was posted to this loop before, and stands.
  auto c = settle(id);
  if (!c) return;
  if (auto events = finish(*c)) events->on_failed({make_error_code(errc::timed_out), "no answer in time"});
  then();
}

void pending_calls::forget(std::uint64_t id) {
  settle(id);
  if (auto c = find(id)) finish(*c);
}

bool pending_calls::answer(std::uint64_t id, std::string json) {
  auto c = settle(id);
  if (!c) return false;
  auto& caller = *c->caller;
  if (&caller == loop::current()) {
    if (auto events = finish(*c)) events->on_answer(std::move(json));
    return true;
  }
  caller.post([self = shared_from_this(), c = std::move(c), json = std::move(json)]() mutable {
    if (auto events = self->finish(*c)) events->on_answer(std::move(json));
  });
  return true;
}

bool pending_calls::message(std::uint64_t id, std::string json) {
  auto c = find(id);
  if (!c) return false;
  auto& caller = *c->caller;
  if (&caller == loop::current()) {
    if (auto events = c->events) events->on_message(std::move(json));
    return true;
  }
  if (c->backlog.fetch_add(1, std::memory_order_relaxed) >= backlog_max) {
    fail(id, {make_error_code(errc::overloaded), "messages came faster than they could be passed on"});
    return true;
  }
  caller.post([c = std::move(c), json = std::move(json)]() mutable {
    c->backlog.fetch_sub(1, std::memory_order_relaxed);
    if (auto events = c->events) events->on_message(std::move(json));
  });
  return true;
}

bool pending_calls::fail(std::uint64_t id, failure why) {
  auto c = settle(id);
  if (!c) return false;
  fail_later(std::move(c), std::move(why));
  return true;
}

std::optional<std::uint64_t> pending_calls::only_one() const {
  std::lock_guard lock(mutex_);
  if (size() != 1) return std::nullopt;
  for (const auto& [id, c] : calls_)
    if (!c->settled) return id;
  return std::nullopt;
}

void pending_calls::shut(const failure& why, loop& home, std::function<void()> then) {
  std::vector<call_ptr> failed;
  {
    std::lock_guard lock(mutex_);
    if (shut_) return;
    shut_ = why;
    for (auto& [id, c] : calls_)
      if (!std::exchange(c->settled, true)) failed.push_back(c);
    size_.store(0, std::memory_order_relaxed);
  }
  if (failed.empty()) return home.post(std::move(then));
  auto all = std::make_shared<countdown>(failed.size(), home, std::move(then));
  for (auto& c : failed) {
    auto& caller = *c->caller;
    fail_later(std::move(c), why);
    caller.post([all] { all->done(); });
  }
}

/// The call if it is in flight; from here on it is not.
pending_calls::call_ptr pending_calls::settle(std::uint64_t id) {
  std::lock_guard lock(mutex_);
  auto at = calls_.find(id);
  if (at == calls_.end() || std::exchange(at->second->settled, true)) return nullptr;
  size_.fetch_sub(1, std::memory_order_relaxed);
  return at->second;
}

pending_calls::call_ptr pending_calls::find(std::uint64_t id) const {
  std::lock_guard lock(mutex_);
  auto at = calls_.find(id);
  return at == calls_.end() ? nullptr : at->second;
}

/// On the caller's loop: what is left to tell the last event to, if anybody.
std::shared_ptr<upstream_events> pending_calls::finish(call& c) {
  {
    std::lock_guard lock(mutex_);
    calls_.erase(c.id);
  }
  c.caller->cancel(c.timer);
  return std::exchange(c.events, nullptr);
}

void pending_calls::fail_later(call_ptr c, failure why) {
  auto& caller = *c->caller;
  caller.post([self = shared_from_this(), c = std::move(c), why = std::move(why)]() mutable {
    if (auto events = self->finish(*c)) events->on_failed(std::move(why));
  });
}

}  // namespace holdfast::transport
