#include "apps/commands/mcp_client.hpp"

#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "apps/commands/interrupt_latency.hpp"
#include "transport/errc.hpp"
#include "transport/loop.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/messages.hpp"
#include "transport/mcp/revision.hpp"
#include "transport/upstream_link.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using transport::failure;
using transport::outcome;

constexpr std::size_t words_max = 5;
constexpr auto settle_patience = 1s, close_patience = 8s;

std::string initialize_params() {
  return "{\"protocolVersion\":" + mcp::quote(mcp::to_string(mcp::newest_legacy)) +
         ",\"capabilities\":{},\"clientInfo\":{\"name\":\"holdfast\",\"version\":" + mcp::quote(HOLDFAST_VERSION) +
         "}}";
}

/// What to say to a request of the server: we offered nothing, so only `ping` is due an answer of substance.
std::optional<std::string> answer_to(const std::string& json) {
  const auto message = mcp::scan(json);
  if (!message || message->kind != mcp::message_kind::request) return std::nullopt;
  if (message->what == mcp::method::ping) return mcp::make_result(message->id, "{}");
  return mcp::make_error(message->id, mcp::code::method_not_found, "this client offers no such method");
}

bool is_request(const std::string& json) {
  const auto message = mcp::scan(json);
  return message && message->kind == mcp::message_kind::request;
}

class pending_call final : public transport::upstream_events {
 public:
  pending_call(std::shared_ptr<transport::upstream_link> link, std::function<void(const std::string&)> on_notification)
      : link_(std::move(link)), on_notification_(std::move(on_notification)) {}

  std::future<outcome<std::string>> answer() { return answer_.get_future(); }

  void on_message(std::string json) override {
    if (auto reply = answer_to(json)) link_->send(std::move(*reply));
    if (on_notification_ && !is_request(json)) on_notification_(json);
  }
  void on_answer(std::string json) override { answer_.set_value(std::move(json)); }
  void on_failed(failure why) override { answer_.set_value(std::move(why)); }

 private:
  std::shared_ptr<transport::upstream_link> link_;
  std::function<void(const std::string&)> on_notification_;
  std::promise<outcome<std::string>> answer_;
};

/// Nothing if interrupted first.
std::optional<outcome<std::string>> wait_for(std::future<outcome<std::string>>& coming,
                                             const std::atomic<bool>& interrupted) {
  while (coming.wait_for(interrupt_latency) != std::future_status::ready) {
    if (interrupted) return std::nullopt;
  }
  return coming.get();
}

failure interrupted_failure() { return {std::make_error_code(std::errc::operation_canceled), "interrupted"}; }

}  // namespace

class mcp_client::connection final : public transport::upstream_connection_events {
 public:
  connection(target to, const transport::upstream_limits& limits)
      : loop_(transport::loop::create()), thread_([this] { loop_->run(); }) {
    run([&] { wire_ = transport::connection_to(*loop_, std::move(to), limits, *this); });
  }

  ~connection() override {
    settle();
    auto closed = std::make_shared<std::promise<void>>();
    auto done = closed->get_future();
    loop_->post([this, closed] { wire_->close([closed] { closed->set_value(); }); });
    done.wait_for(close_patience);
    run([this] {
      link_.reset();
      wire_.reset();
    });
    loop_->stop();
    thread_.join();
  }

  std::future<outcome<std::string>> open() {
    auto opened = std::make_shared<std::promise<outcome<std::string>>>();
    loop_->post([this, opened] {
      wire_->open(initialize_params(), [this, opened](outcome<std::string> result) {
        link_ = wire_->link();
        protocol_ = wire_->protocol();
        opened->set_value(std::move(result));
      });
    });
    return opened->get_future();
  }

  std::uint64_t request(std::shared_ptr<pending_call> events, const call& c) {
    const std::uint64_t id = link_->next_id();
    const std::string token = "{\"progressToken\":" + std::to_string(id) + "}";
    const std::string params = c.on_notification ? mcp::with_member(c.params, "_meta", token) : c.params;
    transport::upstream_request r{id, mcp::make_request(std::to_string(id), c.method, params), c.timeout};
    loop_->post([this, r = std::move(r), events]() mutable { link_->request(std::move(r), std::move(events)); });
    return id;
  }

  // Waits, so that the caller may forget what the call's notifications refer to.
  void cancel(std::uint64_t id) {
    run([this, id] {
      link_->forget(id);
      link_->send(mcp::make_notification(mcp::to_string(mcp::method::cancelled),
                                         "{\"requestId\":" + std::to_string(id) + ",\"reason\":\"interrupted\"}"));
    });
  }

  /// Notes that something was sent that has no answer.
  void sent_unanswered() { unsettled_ = true; }

  const std::shared_ptr<transport::upstream_link>& link() const noexcept { return link_; }
  const std::string& protocol() const noexcept { return protocol_; }

  std::vector<std::string> last_words() {
    const std::lock_guard lock(mutex_);
    return {words_.begin(), words_.end()};
  }

 private:
  // Over HTTP a notification travels beside the request that ends the session, and would come too late.
  void settle() {
    if (!link_ || !unsettled_) return;
    auto ping = std::make_shared<pending_call>(link_, nullptr);
    auto coming = ping->answer();
    request(ping, {mcp::to_string(mcp::method::ping), "{}", settle_patience, {}});
    coming.wait_for(2 * settle_patience);
  }

  template <class F>
  void run(F f) {
    std::promise<void> done;
    loop_->post([&] {
      f();
      done.set_value();
    });
    done.get_future().wait();
  }

  void on_message(std::string json) override {
    if (!link_) return;
    if (auto reply = answer_to(json)) link_->send(std::move(*reply));
  }

  // Requests in flight have been told already.
  void on_down(failure) override {}

  void on_stderr(std::string line) override {
    const std::lock_guard lock(mutex_);
    words_.push_back(std::move(line));
    if (words_.size() > words_max) words_.pop_front();
  }

  std::atomic<bool> unsettled_{false};
  std::mutex mutex_;
  std::deque<std::string> words_;
  std::shared_ptr<transport::upstream_connection> wire_;
  std::shared_ptr<transport::upstream_link> link_;
  std::string protocol_;
  std::unique_ptr<transport::loop> loop_;
  std::thread thread_;
};

mcp_client::mcp_client(target to, const transport::upstream_limits& limits)
    : connection_(std::make_unique<connection>(std::move(to), limits)) {}

mcp_client::~mcp_client() = default;

outcome<std::string> mcp_client::open(const std::atomic<bool>& interrupted) {
  auto coming = connection_->open();
  auto opened = wait_for(coming, interrupted);
  if (!opened) return interrupted_failure();
  return std::move(*opened);
}

outcome<std::string> mcp_client::request(const call& c, const std::atomic<bool>& interrupted) {
  auto pending = std::make_shared<pending_call>(connection_->link(), c.on_notification);
  auto coming = pending->answer();
  const std::uint64_t id = connection_->request(pending, c);
  auto answered = wait_for(coming, interrupted);
  if (!answered) connection_->cancel(id);
  if (!answered || !*answered) connection_->sent_unanswered();
  return answered ? std::move(*answered) : interrupted_failure();
}

std::string mcp_client::protocol() const { return connection_->protocol(); }

std::string mcp_client::session() const { return connection_->link() ? connection_->link()->session().id : ""; }

std::vector<std::string> mcp_client::last_words() const { return connection_->last_words(); }

}  // namespace holdfast::apps
