#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "persistence/redis/redis_dispatcher_impl.hpp"
#include "persistence/redis/redis_scripts.hpp"

namespace holdfast::persistence {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t bytes_max = 512U << 20U;
constexpr std::size_t spare_max = 1'024, spare_bytes_max = 16U << 10U;
constexpr auto probe_pause = 500ms;
constexpr std::uint16_t probe_step = 4'099;  // leads from master to master of a cluster

redis_request blank(std::string room) {
  redis_request r;
  r.bytes = std::move(room);
  r.bytes.clear();
  return r;
}

}  // namespace

redis_dispatcher::redis_dispatcher(asio::io_context& context, const redis_site& site, const redis_link_settings& link,
                                   const store_options& options, std::shared_ptr<redis_gauges> gauges)
    : context_(context),
      options_(options),
      gauges_(std::move(gauges)),
      topology_(make_topology({context, site, link, options.connections, *this, *this})),
      deadline_timer_(context),
      retry_timer_(context),
      probe_timer_(context) {}

void redis_dispatcher::start() { topology_->start(); }

void redis_dispatcher::close() {
  closed_ = true;
  deadline_timer_.cancel();
  retry_timer_.cancel();
  probe_timer_.cancel();
  on_history_changed = nullptr;
  topology_.reset();
  open_.clear();
  left_.clear();
  refused_.clear();
  gauges_->retire();
}

redis_request& redis_dispatcher::prepare() {
  if (spare_.empty()) spare_.emplace_back();
  open_.splice(open_.end(), spare_, spare_.begin());
  auto& r = open_.back();
  r = blank(std::move(r.bytes));
  r.self = std::prev(open_.end());
  return r;
}

void redis_dispatcher::submit(redis_request& r) {
  r.started = clock::now();
  r.deadline = r.started + options_.deadline;
  bytes_ += r.bytes.size();
  if (open_.size() > options_.waiting_max || bytes_ > bytes_max)
    return refuse(r, {store_errc::overloaded, "too many operations wait for Redis"});
  if (auto refusal = topology_->refusal()) return refuse(r, std::move(*refusal));
  if (circuit_.is_open() && r.purpose != redis_request::purpose::probe)
    return refuse(r, {store_errc::unavailable, "Redis is given up for now: " + trouble_.detail + hindrance_});
  gauges_->waiting.set(open_.size());
  watch_deadlines();
  route(r);
}

void redis_dispatcher::refuse(redis_request& r, store_failure why) {
  if (refused_.empty()) asio::post(context_, [self = shared_from_this()] { self->deliver_refusals(); });
  refused_.emplace_back(std::move(r.done), std::move(why));
  free(r);
}

void redis_dispatcher::deliver_refusals() {
  for (const auto& [done, why] : std::exchange(refused_, {})) {
    if (closed_) return;
    gauges_->operations.add(1);
    gauges_->failures.add(1);
    done({nullptr, why, false});
  }
}

void redis_dispatcher::defer(std::function<void()> f) {
  asio::post(context_, [self = shared_from_this(), f = std::move(f)] {
    if (!self->closed_) f();
  });
}

void redis_dispatcher::watch_deadlines() {
  if (watching_ || open_.empty()) return;
  watching_ = true;
  deadline_timer_.expires_at(open_.front().deadline);
  deadline_timer_.async_wait([self = shared_from_this()](const error_code& ec) {
    self->watching_ = false;
    if (!ec && !self->closed_) self->on_deadline();
  });
}

void redis_dispatcher::on_deadline() {
  const auto self = shared_from_this();
  const auto now = clock::now();
  while (!closed_ && !open_.empty() && open_.front().deadline <= now) give_up(open_.front());
  if (closed_) return;
  free_given_up(parked_);
  free_given_up(pausing_);
  watch_deadlines();
}

void redis_dispatcher::give_up(redis_request& r) {
  const auto* link = r.borrower;
  if (link != nullptr && link->heard() < r.started) r.borrower->drop("no answer");
  on_unavailable();
  const auto& known = trouble_.detail.empty() ? hindrance_ : trouble_.detail;
  const std::string limit = std::to_string(options_.deadline.count()) + " ms";
  finish(r, {nullptr,
             {store_errc::unavailable, "no answer from Redis within " + limit + (known.empty() ? "" : ": " + known)},
             r.repeated});
}

void redis_dispatcher::free_given_up(std::vector<redis_request*>& among) {
  std::erase_if(among, [this](redis_request* r) {
    if (!r->given_up) return false;
    free(*r);
    return true;
  });
}

void redis_dispatcher::finish(redis_request& r, const redis_outcome& outcome) {
  const auto done = std::exchange(r.done, nullptr);
  if (r.purpose != redis_request::purpose::probe) {
    gauges_->operations.add(1);
    if (outcome.reply == nullptr) gauges_->failures.add(1);
  }
  if (r.borrower != nullptr || r.queued) {
    r.given_up = true;
    left_.splice(left_.end(), open_, r.self);
  } else {
    free(r);
  }
  gauges_->waiting.set(open_.size());
  done(outcome);
}

void redis_dispatcher::free(redis_request& r) {
  bytes_ -= r.bytes.size();
  auto& from = r.given_up ? left_ : open_;
  if (spare_.size() >= spare_max || r.bytes.capacity() > spare_bytes_max)
    from.erase(r.self);
  else
    spare_.splice(spare_.begin(), from, r.self);
}

void redis_dispatcher::on_unavailable() {
  if (!circuit_.on_unavailable()) return;
  gauges_->circuit_open.set(true);
  show();
  probe();
}

void redis_dispatcher::on_answered() {
  if (circuit_.is_open()) {
    probe_timer_.cancel();
    gauges_->circuit_open.set(false);
    circuit_.on_answered();
    show();
  }
  circuit_.on_answered();
  hindrance_.clear();
}

void redis_dispatcher::probe() {
  probe_timer_.expires_after(probe_pause);
  probe_timer_.async_wait([self = shared_from_this()](const error_code& ec) {
    if (ec || self->closed_ || !self->circuit_.is_open()) return;
    self->try_out();
  });
}

void redis_dispatcher::try_out() {
  auto& r = prepare();
  r.purpose = redis_request::purpose::probe;
  r.hash_slot = probed_ += probe_step;
  r.durable = true;
  r.done = [this](const redis_outcome&) {
    if (circuit_.is_open()) probe();
  };
  begin_script(r, scripts().probe, 0, 0);
  submit(r);
}

void redis_dispatcher::show() {
  gauges_->connections.set(topology_->connections());
  gauges_->connected.set(trouble_.detail.empty());
  gauges_->describe(!trouble_.detail.empty() ? trouble_.detail
                    : circuit_.is_open()     ? "connected, but " + hindrance_
                                             : topology_->shown());
}

}  // namespace holdfast::persistence
