#include <boost/asio/post.hpp>
#include <charconv>
#include <optional>
#include <utility>

#include "persistence/redis/redis_dispatcher_impl.hpp"

/// How the dispatcher finds the way to a server, and what it does when it was the wrong one or the wrong moment.
namespace holdfast::persistence {

using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

constexpr auto retry_pause = 50ms;
constexpr unsigned redirections_max = 8;

/// Of errors that pass: the server starts, is about to change its role, runs a long script, misses replicas or has
/// given away a part of what the script wants to see.
bool is_passing(const redis_reply& error) {
  const auto code = error.error_code();
  if (error.text.find("non local key") != error.text.npos) return true;
  for (const std::string_view passing :
       {"LOADING", "MASTERDOWN", "TRYAGAIN", "BUSY", "CLUSTERDOWN", "NOREPLICAS", "MISCONF", "UNKILLABLE"})
    if (code == passing) return true;
  return false;
}

struct redirection {
  std::uint16_t hash_slot = 0;
  redis_endpoint to;
};

/// Of "MOVED 3999 127.0.0.1:6381" and "ASK …".
std::optional<redirection> redirection_of(std::string_view error) {
  redirection r;
  const auto first = error.find(' '), second = error.find(' ', first + 1), colon = error.rfind(':');
  if (first == error.npos || second == error.npos || colon == error.npos || colon < second) return std::nullopt;
  const auto* const end = error.data() + error.size();
  const auto slot = std::from_chars(error.data() + first + 1, error.data() + second, r.hash_slot);
  const auto port = std::from_chars(error.data() + colon + 1, end, r.to.port);
  if (slot.ec != std::errc() || port.ec != std::errc() || port.ptr != end) return std::nullopt;
  r.to.host = error.substr(second + 1, colon - second - 1);
  return r;
}

}  // namespace

void redis_dispatcher::route(redis_request& r) {
  auto* link = topology_->link_for(r.hash_slot, r.bulk);
  if (link == nullptr || !link->is_ready()) {
    r.queued = true;
    parked_.push_back(&r);
    return;
  }
  r.queued = false;
  r.borrower = link;
  link->send(r);
}

void redis_dispatcher::route_parked() {
  for (auto* r : std::exchange(parked_, {}))
    if (r->given_up)
      free(*r);
    else
      route(*r);
}

void redis_dispatcher::retry_later(redis_request& r, std::string why) {
  hindrance_ = std::move(why);
  r.queued = true;
  pausing_.push_back(&r);
  if (retrying_) return;
  retrying_ = true;
  retry_timer_.expires_after(retry_pause);
  retry_timer_.async_wait([self = shared_from_this()](const error_code& ec) {
    self->retrying_ = false;
    if (ec || self->closed_) return;
    auto& again = self->parked_;
    again.insert(again.end(), self->pausing_.begin(), self->pausing_.end());
    self->pausing_.clear();
    self->route_parked();
  });
}

void redis_dispatcher::on_ready(redis_link& link) {
  if (closed_) return;
  trouble_ = {};
  const bool other_history = topology_->on_ready(link);
  if (other_history) gauges_->histories.add(1);
  show();
  route_parked();
  // A copy: who is told may close this.
  if (const auto tell = on_history_changed; other_history && tell) tell();
}

void redis_dispatcher::on_lost(redis_link& link, const store_failure& why) {
  if (closed_) return;
  topology_->on_lost(link, why);
  route_parked();
  on_trouble(why);
}

void redis_dispatcher::on_changed() {
  show();
  route_parked();
}

void redis_dispatcher::on_trouble(const store_failure& why) {
  if (topology_->connections() == 0) trouble_ = why;
  show();
  if (auto refusal = topology_->refusal()) fail_parked(*refusal);
}

void redis_dispatcher::fail_parked(const store_failure& why) {
  const auto self = shared_from_this();
  for (auto* r : std::exchange(parked_, {})) {
    if (closed_) return;
    r->queued = false;
    if (r->given_up)
      free(*r);
    else
      finish(*r, {nullptr, why, r->repeated});
  }
}

void redis_dispatcher::on_reply(redis_link& link, redis_request& r, redis_reply& reply) {
  r.borrower = nullptr;
  if (r.given_up) {
    if (!is_passing(reply)) on_answered();
    return free(r);
  }
  if (reply.is_error() && tried_again(link, r, reply)) return;
  on_answered();
  if (reply.is_error()) return finish(r, {nullptr, failure_of(reply), r.repeated});
  if (r.purpose == redis_request::purpose::commit) {
    gauges_->commits.add(1);
    gauges_->took(link.heard() - r.started);
  }
  finish(r, {&reply, {}, r.repeated});
}

bool redis_dispatcher::tried_again(redis_link& link, redis_request& r, const redis_reply& error) {
  const auto code = error.error_code();
  if (code == "NOSCRIPT" && !r.send_body) {
    r.send_body = true;
    route(r);
    return true;
  }
  if (code == "READONLY") {
    topology_->on_read_only(link);
    link.drop("it became a replica");
    retry_later(r, "it is a replica");
    return true;
  }
  if (code == "MOVED" || code == "ASK") return redirected(link, r, error);
  if (!is_passing(error)) return false;
  retry_later(r, error.text);
  return true;
}

bool redis_dispatcher::redirected(redis_link& link, redis_request& r, const redis_reply& error) {
  const auto to = redirection_of(error.text);
  if (!to) return false;
  const bool for_good = error.error_code() == "MOVED";
  if (for_good) topology_->on_moved(link, to->hash_slot, to->to);
  if (auto refusal = topology_->refusal()) {
    finish(r, {nullptr, *refusal, r.repeated});
    return true;
  }
  if (++r.redirections % redirections_max == 0) {
    retry_later(r, "the cluster sends from node to node");
    return true;
  }
  if (!for_good && r.sweeping) {
    retry_later(r, "the cluster is moving the slot");
    return true;
  }
  auto* other = for_good ? nullptr : topology_->link_to(link, to->to);
  if (other != nullptr && other->is_ready()) {
    r.borrower = other;
    other->send(r, true);
  } else if (for_good) {
    route(r);
  } else {
    retry_later(r, "a cluster's node is not reached yet");
  }
  return true;
}

void redis_dispatcher::on_short_of_replicas(redis_link& /*link*/, redis_request& r) {
  r.borrower = nullptr;
  r.repeated = true;
  if (r.given_up) return free(r);
  retry_later(r, "fewer replicas than asked for have the write");
}

void redis_dispatcher::on_unanswered(redis_request& r) {
  r.borrower = nullptr;
  if (closed_) return;
  if (r.given_up) return free(r);
  r.queued = true;
  parked_.push_back(&r);
}

}  // namespace holdfast::persistence
