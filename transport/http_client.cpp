#include "transport/http_client.hpp"

#include <algorithm>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "transport/client_connection_impl.hpp"
#include "transport/errc.hpp"
#include "transport/loop_impl.hpp"
#include "transport/tls_identity_impl.hpp"

namespace holdfast::transport {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds sweep_interval{1'000};

class pool final : public http_pool, public client_connection_owner, public std::enable_shared_from_this<pool> {
 public:
  pool(loop& on, const http_target& target) : loop_(on), target_(target) {}

  void send(http_request_out request, std::shared_ptr<http_receiver> receiver) override {
    if (request.counted && turns_ >= target_.connections_max)
      waiting_.push_back({std::move(request), std::move(receiver)});
    else
      send_now(std::move(request), std::move(receiver));
  }

  void cancel(http_receiver& receiver) override {
    if (auto* c = carrier_of(receiver)) return c->abort();
    auto at =
        std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& w) { return w.receiver.get() == &receiver; });
    if (at != waiting_.end()) waiting_.erase(at);
  }

  std::size_t connections() const noexcept override { return all_.size(); }

  void on_idle(client_connection& c) override {
    idle_.push_back(&c);
    end_turn(c);
    if (!idle_.empty() && !sweeping_) sweep_later();
  }

  void on_closed(client_connection& c) override {
    std::erase(idle_, &c);
    auto at = all_.find(&c);
    if (at == all_.end()) return;
    // It is in the middle of its own member function.
    loop_.post([gone = std::move(at->second)] {});
    all_.erase(at);
    end_turn(c);
  }

  void abandon() noexcept {
    waiting_.clear();
    idle_.clear();
    auto all = std::exchange(all_, {});
    for (auto& [key, c] : all) c->abandon();
  }

 private:
  struct waiter {
    http_request_out request;
    std::shared_ptr<http_receiver> receiver;
  };

  void send_now(http_request_out request, std::shared_ptr<http_receiver> receiver) {
    const bool counted = request.counted;
    while (!idle_.empty()) {
      // The one used last: the others can grow old and be closed.
      auto* c = idle_.back();
      idle_.pop_back();
      if (c->start(request, receiver)) {
        turns_ += counted;
        return;
      }
      c->abort();
    }
    open(std::move(request), std::move(receiver));
  }

  void open(http_request_out request, std::shared_ptr<http_receiver> receiver) {
    if (target_.identity) {
      // What its files hold now.
      const auto contexts = contexts_of(*target_.identity);
      tls_ = {contexts, &contexts->client};
    } else if (target_.tls && !tls_) {
      auto made = make_tls_context(target_);
      if (!made) {
        loop_.post([receiver = std::move(receiver), why = made.error()] { receiver->on_failed(why); });
        return;
      }
      tls_ = std::move(*made);
    }
    turns_ += request.counted;
    auto c = std::make_shared<client_connection>(loop_, target_, tls_, *this);
    all_.emplace(c.get(), c);
    c->open(std::move(request), std::move(receiver));
  }

  void end_turn(client_connection& c) {
    if (c.give_back_turn()) --turns_;
    while (!waiting_.empty() && turns_ < target_.connections_max) {
      auto next = std::move(waiting_.front());
      waiting_.pop_front();
      send_now(std::move(next.request), std::move(next.receiver));
    }
  }

  void sweep_later() {
    sweeping_ = true;
    loop_.after(sweep_interval, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->sweep();
    });
  }

  void sweep() {
    sweeping_ = false;
    const auto now = std::chrono::steady_clock::now();
    auto old = idle_;
    std::erase_if(old, [&](auto* c) { return !c->expired(now); });
    for (auto* c : old) c->abort();
    if (!idle_.empty()) sweep_later();
  }

  loop& loop_;
  const http_target target_;
  std::shared_ptr<asio::ssl::context> tls_;
  std::unordered_map<client_connection*, std::shared_ptr<client_connection>> all_;
  std::vector<client_connection*> idle_;
  std::deque<waiter> waiting_;
  std::size_t turns_ = 0;  ///< counted requests under way
  bool sweeping_ = false;
};

/// The pools of one loop. Belongs to its context, and so ends with it.
class pools final : public asio::execution_context::service {
 public:
  using key_type = pools;
  inline static asio::execution_context::id id;

  explicit pools(asio::execution_context& owner) : asio::execution_context::service(owner) {}

  std::shared_ptr<http_pool> of(loop& on, const http_target& t) {
    auto key = (t.tls ? "s " : "p ") + t.host + " " + std::to_string(t.port) + " " + std::to_string(t.connections_max) +
               " " + std::to_string(t.keep_alive.count()) + " " + t.source + " " +
               std::to_string(reinterpret_cast<std::uintptr_t>(t.identity.get())) + " " + t.ca_file + " " +
               t.certificate_file + " " + t.key_file + " " + t.unix_path;
    auto& entry = pools_[key];
    if (!entry) entry = std::make_shared<pool>(on, t);
    return entry;
  }

 private:
  void shutdown() noexcept override {
    auto all = std::exchange(pools_, {});
    for (auto& [key, p] : all) p->abandon();
  }

  std::unordered_map<std::string, std::shared_ptr<pool>> pools_;
};

}  // namespace

std::shared_ptr<http_pool> http_pool::of(loop& on, const http_target& target) {
  return asio::use_service<pools>(context_of(on)).of(on, target);
}

}  // namespace holdfast::transport
