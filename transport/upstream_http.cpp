#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "transport/errc.hpp"
#include "transport/loop.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/server_stream.hpp"
#include "transport/upstream_connection.hpp"
#include "transport/upstream_exchange.hpp"
#include "transport/upstream_handshake.hpp"
#include "transport/upstream_http_link.hpp"
#include "transport/upstream_post.hpp"
#include "transport/upstream_sse.hpp"

namespace holdfast::transport {
namespace {

// How long `open` waits to see the server's event stream open. Servers that send its head late lose nothing by it.
constexpr std::chrono::milliseconds stream_wait{500};

/// Status codes with which servers of HTTP+SSE answer a POST to the URL of their event stream.
bool hints_at_sse(int status) noexcept { return status == 400 || status == 404 || status == 405; }

bool is_session_id(std::string_view id) noexcept {
  for (char c : id)
    if (c < 0x21 || c > 0x7e) return false;
  return true;
}

class http_connection final : public upstream_connection, public std::enable_shared_from_this<http_connection> {
 public:
  http_connection(loop& on, http_endpoint e, upstream_limits l, upstream_connection_events& events)
      : loop_(on), endpoint_(std::move(e)), limits_(l), events_(&events) {}

  ~http_connection() override {
    end({make_error_code(errc::closed), "connection closed"}, [] {});
  }

  void open(std::string params, std::function<void(outcome<std::string>)> done) override {
    opened_ = std::move(done);
    opened_at_ = std::chrono::steady_clock::now();
    params_ = std::move(params);
    auto site = upstream_site::make(endpoint_, limits_);
    if (!site) {
      loop_.post([self = shared_from_this(), why = site.error()] { self->give_up(why); });
      return;
    }
    site_ = std::move(*site);
    if (endpoint_.speaks == http_endpoint::protocol::sse) return open_sse(std::nullopt);
    pool_ = http_pool::of(loop_, site_->target());
    open_timer_ = loop_.after(limits_.connect_timeout, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->give_up({make_error_code(errc::timed_out), "no answer to initialize in time"});
    });
    auto handler = std::make_shared<opening>(weak_from_this());
    opening_ = std::make_shared<upstream_exchange>(loop_, site_, pool_, limits_.message_bytes_max, handler);
    opening_->start({initialize_id, initialize_request(initialize_id, params_), {}}, handler);
  }

  void adopt(upstream_session s, std::function<void(outcome<std::string>)> done) override {
    opened_ = std::move(done);
    auto site = upstream_site::make(endpoint_, limits_);
    if (!site) {
      loop_.post([self = shared_from_this(), why = site.error()] { self->give_up(why); });
      return;
    }
    site_ = (*site)->in_session(s.id, s.revision);
    pool_ = http_pool::of(loop_, site_->target());
    result_ = std::move(s.initialize_result);
    begin_session(s.last_event_id);
  }

  std::shared_ptr<upstream_link> link() override {
    if (older_) return older_->link();
    return up_ ? link_ : nullptr;
  }

  const char* protocol() const noexcept override { return older_ ? older_->protocol() : "streamable-http"; }

  void close(std::function<void()> done) override {
    events_ = nullptr;
    opened_ = nullptr;
    if (older_) return older_->close(std::move(done));
    const bool in_session = !ended_ && site_ && site_->has_session();
    end({make_error_code(errc::closed), "connection closed"}, [] {});
    if (!in_session) return loop_.post(std::move(done));
    send_for_status(loop_, pool_, site_->del(), limits_.shutdown_grace,
                    [done = std::move(done)](const outcome<int>&) { done(); });
  }

  void leave(std::function<void()> done) override {
    if (older_) return close(std::move(done));
    events_ = nullptr;
    opened_ = nullptr;
    end({make_error_code(errc::closed), "connection left"}, [] {});
    loop_.post(std::move(done));
  }

 private:
  static constexpr std::uint64_t initialize_id = 1;

  /// Keeper and events of the exchange of `initialize`.
  class opening final : public upstream_events, public exchange_owner {
   public:
    explicit opening(std::weak_ptr<http_connection> c) : connection_(std::move(c)) {}

    void on_message(std::string json) override {
      if (auto c = connection_.lock(); c && c->events_) c->events_->on_message(std::move(json));
    }
    void on_answer(std::string json) override {
      if (auto c = connection_.lock()) c->on_answer(json);
    }
    void on_failed(failure why) override {
      if (auto c = connection_.lock()) c->on_refused(std::move(why));
    }
    void on_exchange_over(std::uint64_t) override {}
    void on_exchange_timeout(std::uint64_t) override {}
    void on_session_lost(failure) override {}

   private:
    std::weak_ptr<http_connection> connection_;
  };

  /// Passes on what an HTTP+SSE connection says.
  std::function<void(outcome<std::string>)> sse_opened(std::optional<failure> first) {
    return [weak = weak_from_this(), first = std::move(first)](outcome<std::string> result) {
      auto self = weak.lock();
      if (!self) return;
      if (result) {
        if (auto done = std::exchange(self->opened_, nullptr)) done(std::move(result));
        return;
      }
      if (!first) return self->give_up(result.error());
      // Neither transport: what Streamable HTTP said comes first, it is the likelier one.
      self->give_up({first->code, first->detail + "; as HTTP+SSE: " + result.error().detail});
    };
  }

  void open_sse(std::optional<failure> first) {
    loop_.cancel(open_timer_);
    auto limits = limits_;
    const auto passed = std::chrono::steady_clock::now() - opened_at_;
    limits.connect_timeout -=
        std::min(std::chrono::duration_cast<std::chrono::milliseconds>(passed), limits_.connect_timeout);
    older_ = connect_sse(loop_, site_, limits, *events_);
    older_->open(std::move(params_), sse_opened(std::move(first)));
  }

  void on_answer(std::string_view answer) {
    auto exchange = std::exchange(opening_, nullptr);
    auto hello = read_handshake(answer);
    if (!hello) {
      const bool retry = hints_at_sse(exchange->status()) && hello.error().code != errc::unsupported_era &&
                         endpoint_.speaks == http_endpoint::protocol::detect;
      return retry ? open_sse(hello.error()) : give_up(hello.error());
    }
    if (!is_session_id(exchange->session_id()))
      return give_up({make_error_code(errc::bad_http), "a session id that is not visible ASCII"});
    site_ = site_->in_session(exchange->session_id(), mcp::to_string(hello->negotiated));
    result_ = std::move(hello->result);
    send_for_status(loop_, pool_, site_->post(initialized_notification(), false), limits_.connect_timeout,
                    [weak = weak_from_this()](const outcome<int>& status) {
                      if (auto self = weak.lock()) self->on_initialized(status);
                    });
  }

  void on_refused(failure why) {
    const int status = opening_ ? opening_->status() : 0;
    opening_ = nullptr;
    if (hints_at_sse(status) && endpoint_.speaks == http_endpoint::protocol::detect) return open_sse(std::move(why));
    give_up(std::move(why));
  }

  void on_initialized(const outcome<int>& status) {
    if (ended_) return;
    if (!status) return give_up(status.error());
    if (*status >= 300)
      return give_up(
          {make_error_code(errc::http_status), "HTTP " + std::to_string(*status) + " to notifications/initialized"});
    begin_session({});
  }

  /// The link, and the stream of what belongs to no request.
  void begin_session(const std::string& last_event_id) {
    auto weak = weak_from_this();
    auto* home = &loop_;
    link_ = std::make_shared<http_link>(site_, limits_, [weak, home](const failure& why) {
      home->post([weak, why] {
        if (auto self = weak.lock()) self->fail(why);
      });
    });
    link_->set_initialize_result(result_);
    link_->note_event(last_event_id);
    // `initialize` had the first id.
    link_->next_id();
    server_stream::callbacks to;
    to.message = [weak](std::string_view json) {
      if (auto self = weak.lock()) self->take_message(json);
    };
    to.event_id = [link = std::weak_ptr(link_)](const std::string& id) {
      if (auto strong = link.lock()) strong->note_event(id);
    };
    to.settled = [weak] {
      if (auto self = weak.lock()) self->complete();
    };
    to.session_lost = [weak](failure why) {
      if (auto self = weak.lock()) self->fail(std::move(why));
    };
    stream_ = std::make_shared<server_stream>(loop_, site_, pool_, limits_.message_bytes_max, std::move(to));
    stream_->start(last_event_id);
    stream_timer_ = loop_.after(stream_wait, [weak] {
      if (auto self = weak.lock()) self->complete();
    });
  }

  void complete() {
    if (up_ || ended_) return;
    loop_.cancel(open_timer_);
    loop_.cancel(stream_timer_);
    up_ = true;
    if (auto done = std::exchange(opened_, nullptr)) done(std::move(result_));
  }

  void take_message(std::string_view json) {
    auto message = mcp::scan(json);
    if (!message || message->kind == mcp::message_kind::answer) return;
    if (message->what == mcp::method::progress) {
      // Some servers send it here instead of on the stream of its request.
      auto token = mcp::integer_value(mcp::member(message->params, "progressToken"));
      if (token && *token > 0) return link_->progress(static_cast<std::uint64_t>(*token), std::string(json));
    }
    if (events_) events_->on_message(std::string(json));
  }

  void give_up(failure why) {
    if (ended_ && !opened_) return;
    end(why, [] {});
    if (auto done = std::exchange(opened_, nullptr)) done(std::move(why));
  }

  void fail(failure why) {
    if (ended_) return;
    if (!up_) return give_up(std::move(why));
    end(why, [weak = weak_from_this(), why] {
      if (auto self = weak.lock(); self && self->events_) self->events_->on_down(why);
    });
  }

  void end(const failure& why, std::function<void()> then) {
    if (std::exchange(ended_, true)) return;
    loop_.cancel(open_timer_);
    loop_.cancel(stream_timer_);
    if (opening_) std::exchange(opening_, nullptr)->abandon();
    if (stream_) stream_->stop();
    if (link_) link_->shut(why, loop_, std::move(then));
  }

  loop& loop_;
  const http_endpoint endpoint_;
  const upstream_limits limits_;
  upstream_connection_events* events_;
  std::function<void(outcome<std::string>)> opened_;
  std::string params_, result_;
  std::shared_ptr<const upstream_site> site_;
  std::shared_ptr<http_pool> pool_;
  std::shared_ptr<upstream_exchange> opening_;
  std::shared_ptr<http_link> link_;
  std::shared_ptr<server_stream> stream_;
  std::shared_ptr<upstream_connection> older_;  ///< once it turned out that the server speaks HTTP+SSE
  std::chrono::steady_clock::time_point opened_at_{};
  loop::timer open_timer_ = 0, stream_timer_ = 0;
  bool up_ = false, ended_ = false;
};

}  // namespace

std::shared_ptr<upstream_connection> upstream_connection::over_http(loop& on, http_endpoint e, upstream_limits l,
                                                                    upstream_connection_events& events) {
  return std::make_shared<http_connection>(on, std::move(e), l, events);
}

}  // namespace holdfast::transport
