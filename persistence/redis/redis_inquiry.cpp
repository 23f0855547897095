#include "persistence/redis/redis_inquiry_impl.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::persistence {

using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

constexpr auto connecting_max = 1'000ms, answer_max = 1'500ms;
constexpr auto pause_calm = 1'000ms, pause_hurried = 100ms, pause_min = 50ms;

redis_link_settings without_credentials(redis_link_settings s) {
  s.credentials = {};
  return s;
}

}  // namespace

redis_inquiry::redis_inquiry(boost::asio::io_context& context, redis_link_settings link, bool reticent,
                             const std::vector<std::string>& commands, redis_inquiry_listener& listener)
    : context_(context), settings_(std::move(link)), reticent_(reticent), listener_(&listener), timer_(context) {
  settings_.credentials.database = 0;
  settings_.masters_only = false;
  settings_.wait_replicas = 0;
  settings_.patience = std::min<std::chrono::milliseconds>(settings_.patience, connecting_max);
  for (const auto& command : commands) requests_.emplace_back().bytes = command;
}

template <class Handler>
void redis_inquiry::at(clock::time_point when, Handler h) {
  timer_.expires_at(when);
  timer_.async_wait([self = shared_from_this(), h = std::move(h)](const error_code& ec) {
    if (!ec && self->listener_ != nullptr) h(*self);
  });
}

void redis_inquiry::start(std::vector<redis_endpoint> whom) {
  choose_from(std::move(whom));
  hurried_ = true;
  haste_ = pause_hurried;
  turn_to_next();
}

void redis_inquiry::choose_from(std::vector<redis_endpoint> whom) { whom_ = std::move(whom); }

void redis_inquiry::close() {
  listener_ = nullptr;
  timer_.cancel();
  if (const auto link = std::exchange(link_, nullptr)) link->close();
}

void redis_inquiry::hurry() {
  if (listener_ == nullptr || std::exchange(hurried_, true)) return;
  haste_ = pause_hurried;
  if (pausing_ || !link_) pause(pause_min);
}

void redis_inquiry::turn_to_next() {
  next_ = next_ % whom_.size();
  asked_ = whom_[next_++];
  connect(!reticent_);
}

void redis_inquiry::connect(bool introduced) {
  if (const auto before = std::exchange(link_, nullptr)) before->close();
  introduced_ = introduced;
  redis_link_events& events = *this;
  const auto& settings = introduced ? settings_ : without_credentials(settings_);
  link_ = std::make_shared<redis_link>(context_, asked_, settings, events);
  link_->start();
  at(clock::now() + answer_max, [](redis_inquiry& i) {
    i.on_vain({store_errc::unavailable, shown(i.asked_) + ": no answer in time"});
  });
}

void redis_inquiry::on_ready(redis_link& /*link*/) { ask(); }

void redis_inquiry::ask() {
  replies_.clear();
  for (auto& r : requests_) link_->send(r);
  at(clock::now() + answer_max, [](redis_inquiry& i) {
    i.on_vain({store_errc::unavailable, shown(i.asked_) + ": no answer in time"});
  });
}

void redis_inquiry::on_lost(redis_link& /*link*/, const store_failure& why) {
  if (listener_ != nullptr) on_vain(why);
}

void redis_inquiry::on_reply(redis_link& /*link*/, redis_request& /*r*/, redis_reply& reply) {
  if (listener_ == nullptr) return;
  replies_.push_back(std::move(reply));
  if (replies_.size() == requests_.size()) on_all_replies();
}

void redis_inquiry::on_all_replies() {
  const auto& first = replies_[0];
  if (first.is_error()) return on_vain_reply(failure_of(first));
  last_asked_ = clock::now();
  pause(hurried_ ? haste_ : pause_calm);
  const auto self = shared_from_this();
  auto why = listener_->on_told(asked_, replies_);
  if (why && listener_ != nullptr) return on_vain_reply(std::move(*why));
  vain_ = rejections_ = 0;
}

void redis_inquiry::on_vain_reply(store_failure why) {
  why.detail = shown(asked_) + ": " + why.detail;
  on_vain(why);
}

void redis_inquiry::on_vain(const store_failure& why) {
  const bool rejected = why.code == store_errc::rejected;
  if (rejected && !introduced_ && !settings_.credentials.password.empty()) return connect(true);
  if (const auto link = std::exchange(link_, nullptr)) link->close();
  if (rejected) {
    ++rejections_;
    rejection_ = why.detail;
  }
  if (++vain_ < whom_.size()) return turn_to_next();
  const bool all_rejected = rejections_ == vain_;
  vain_ = rejections_ = 0;
  last_asked_ = clock::now();
  pause(haste_);
  listener_->on_silence(all_rejected ? store_failure{store_errc::rejected, rejection_}
                                     : store_failure{store_errc::unavailable, why.detail});
}

void redis_inquiry::pause(std::chrono::milliseconds length) {
  pausing_ = true;
  at(std::max(clock::now(), last_asked_ + length), [](redis_inquiry& i) { i.go_on(); });
}

void redis_inquiry::go_on() {
  pausing_ = false;
  if (hurried_) haste_ = std::min<std::chrono::milliseconds>(2 * haste_, pause_calm);
  const bool other = hurried_ && whom_.size() > 1;
  if (other || !link_ || !link_->is_ready()) return turn_to_next();
  ask();
}

}  // namespace holdfast::persistence
