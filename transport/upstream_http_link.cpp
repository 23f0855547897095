#include "transport/upstream_http_link.hpp"

#include <cassert>
#include <unordered_map>

#include "transport/countdown.hpp"
#include "transport/errc.hpp"
#include "transport/upstream_exchange.hpp"
#include "transport/upstream_handshake.hpp"
#include "transport/upstream_post.hpp"

namespace holdfast::transport {

/// What one loop has under way on a link.
class http_lane final : public exchange_owner, public std::enable_shared_from_this<http_lane> {
 public:
  http_lane(loop& on, std::shared_ptr<const upstream_site> site, const upstream_limits& limits,
            std::function<void(const failure&)> on_lost, std::shared_ptr<std::atomic<std::size_t>> in_flight)
      : loop_(on),
        site_(std::move(site)),
        pool_(http_pool::of(on, site_->target())),
        message_bytes_max_(limits.message_bytes_max),
        on_lost_(std::move(on_lost)),
        in_flight_(std::move(in_flight)),
        sends_(std::make_shared<post_queue>(on, site_, pool_, limits.queue_bytes_max, [this](const outcome<int>& o) {
          if (o && *o == 404 && site_->has_session())
            on_lost_({make_error_code(errc::session_lost), "HTTP 404 to a notification"});
        })) {}

  ~http_lane() override { sends_->clear(); }

  void request(upstream_request r, const std::string& last_event_id, std::shared_ptr<upstream_events> events) {
    const auto id = r.id;
    auto exchange = std::make_shared<upstream_exchange>(loop_, site_, pool_, message_bytes_max_, shared_from_this());
    exchanges_.emplace(id, exchange);
    if (last_event_id.empty()) return exchange->start(std::move(r), std::move(events));
    exchange->start_after(last_event_id, std::move(r), std::move(events));
  }

  void refuse(std::uint64_t id, std::shared_ptr<upstream_events> events, failure why) {
    refused_.emplace(id, std::move(events));
    loop_.post([self = shared_from_this(), id, why = std::move(why)]() mutable {
      if (auto node = self->refused_.extract(id)) node.mapped()->on_failed(std::move(why));
    });
  }

  void forget(std::uint64_t id) {
    refused_.erase(id);
    auto node = exchanges_.extract(id);
    if (!node) return;
    in_flight_->fetch_sub(1, std::memory_order_relaxed);
    node.mapped()->abandon();
  }

  void send(std::string json) { sends_->push(std::move(json)); }

  void progress(std::uint64_t id, std::string json) {
    auto at = exchanges_.find(id);
    if (at != exchanges_.end()) std::shared_ptr(at->second)->deliver(std::move(json));
  }

  void fail_all(const failure& why) {
    while (!exchanges_.empty()) std::shared_ptr(exchanges_.begin()->second)->fail(why);
  }

  void on_exchange_over(std::uint64_t id) override {
    in_flight_->fetch_sub(exchanges_.erase(id), std::memory_order_relaxed);
  }

  void on_exchange_timeout(std::uint64_t id) override { send(cancelled_notification(id, "timed out")); }

  void on_session_lost(failure why) override { on_lost_(why); }

 private:
  loop& loop_;
  const std::shared_ptr<const upstream_site> site_;
  const std::shared_ptr<http_pool> pool_;
  const std::size_t message_bytes_max_;
  const std::function<void(const failure&)> on_lost_;
  const std::shared_ptr<std::atomic<std::size_t>> in_flight_;
  const std::shared_ptr<post_queue> sends_;
  std::unordered_map<std::uint64_t, std::shared_ptr<upstream_exchange>> exchanges_;
  std::unordered_map<std::uint64_t, std::shared_ptr<upstream_events>> refused_;  ///< not told yet
};

http_link::http_link(std::shared_ptr<const upstream_site> site, upstream_limits limits,
                     std::function<void(const failure&)> on_lost)
    : site_(std::move(site)),
      limits_(limits),
      on_lost_(std::move(on_lost)),
      in_flight_(std::make_shared<std::atomic<std::size_t>>(0)) {}

http_link::~http_link() {
  // What a lane holds belongs to its loop.
  for (auto& [owner, lane] : lanes_) owner->post([lane = std::move(lane)] {});
}

std::pair<std::shared_ptr<http_lane>, std::optional<failure>> http_link::lane_here() {
  auto* here = loop::current();
  assert(here != nullptr);
  std::lock_guard lock(mutex_);
  for (auto& [owner, lane] : lanes_)
    if (owner == here) return {lane, shut_};
  lanes_.emplace_back(here, std::make_shared<http_lane>(*here, site_, limits_, on_lost_, in_flight_));
  return {lanes_.back().second, shut_};
}

void http_link::request(upstream_request r, std::shared_ptr<upstream_events> events) {
  begin(std::move(r), {}, std::move(events));
}

bool http_link::resume(upstream_request r, const std::string& last_event_id, std::shared_ptr<upstream_events> events) {
  if (last_event_id.empty()) return false;
  begin(std::move(r), last_event_id, std::move(events));
  return true;
}

void http_link::begin(upstream_request r, const std::string& last_event_id, std::shared_ptr<upstream_events> events) {
  auto [lane, shut] = lane_here();
  auto refusal = shut ? std::optional(never_sent(*shut)) : std::nullopt;
  if (!refusal && in_flight_->fetch_add(1, std::memory_order_relaxed) >= limits_.in_flight_max) {
    in_flight_->fetch_sub(1, std::memory_order_relaxed);
    refusal = failure{make_error_code(errc::overloaded), "too many requests in flight to this upstream"};
  }
  if (refusal)
    lane->refuse(r.id, std::move(events), std::move(*refusal));
  else
    lane->request(std::move(r), last_event_id, std::move(events));
}

upstream_session http_link::session() const {
  std::lock_guard lock(mutex_);
  return {site_->session_id(), site_->revision(), last_event_id_, initialize_result_};
}

void http_link::set_initialize_result(std::string raw) {
  std::lock_guard lock(mutex_);
  initialize_result_ = std::move(raw);
}

void http_link::note_event(const std::string& id) {
  std::lock_guard lock(mutex_);
  last_event_id_ = id;
}

void http_link::send(std::string json) {
  auto [lane, refusal] = lane_here();
  if (!refusal) lane->send(std::move(json));
}

void http_link::forget(std::uint64_t id) { lane_here().first->forget(id); }

void http_link::progress(std::uint64_t id, const std::string& json) {
  std::lock_guard lock(mutex_);
  for (auto& [owner, lane] : lanes_) owner->post([lane = lane, id, json = json] { lane->progress(id, json); });
}

void http_link::shut(const failure& why, loop& home, std::function<void()> then) {
  std::lock_guard lock(mutex_);
  if (shut_) return;
  shut_ = why;
  if (lanes_.empty()) return home.post(std::move(then));
  auto all = std::make_shared<countdown>(lanes_.size(), home, std::move(then));
  // The upstream may be working on what it took before it forgot the session, and `session_lost` would say that it is
  // not: each request finds out by itself.
  const bool left_alone = why.code == errc::session_lost;
  for (auto& [owner, lane] : lanes_)
    owner->post([lane = lane, why, all, left_alone] {
      if (!left_alone) lane->fail_all(why);
      all->done();
    });
}

outcome<std::shared_ptr<upstream_link>> adopt_session(const http_endpoint& e, const upstream_limits& l,
                                                      const upstream_session& s) {
  auto site = upstream_site::make(e, l);
  if (!site) return site.error();
  return std::shared_ptr<upstream_link>(
      std::make_shared<http_link>((*site)->in_session(s.id, s.revision), l, [](const failure&) {}));
}

}  // namespace holdfast::transport
