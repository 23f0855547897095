#include "actors/peer_ask.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "transport/errc.hpp"

namespace holdfast::actors {
namespace {

using transport::errc;
using transport::failure;

class question final : public transport::http_receiver, public std::enable_shared_from_this<question> {
 public:
  question(transport::loop& on, std::shared_ptr<transport::http_pool> pool,
           std::function<void(transport::outcome<std::string>)> done, std::size_t bytes_max)
      : loop_(on), pool_(std::move(pool)), done_(std::move(done)), bytes_max_(bytes_max) {}

  void ask(transport::http_request_out r, std::chrono::milliseconds limit) {
    timer_ = loop_.after(limit, [self = shared_from_this()] {
      self->timer_ = 0;
      self->pool_->cancel(*self);
      self->finish(failure{make_error_code(errc::timed_out), "no answer in time"});
    });
    pool_->send(std::move(r), shared_from_this());
  }

 private:
  void on_head(const transport::client_response_head& head) override { status_ = head.status; }
  void on_body(std::string_view bytes) override {
    text_ += bytes;
    if (text_.size() <= bytes_max_) return;
    pool_->cancel(*this);
    finish(failure{make_error_code(errc::too_large), "the answer is too large"});
  }
  void on_end() override {
    if (status_ == 200) return finish(std::move(text_));
    if (status_ == 401) return finish(failure{make_error_code(errc::unauthorized), "cluster.secret is not the same"});
    if (status_ == 400) return finish(failure{make_error_code(errc::bad_http), "only one of them has cluster.tls"});
    finish(failure{make_error_code(errc::http_status), "HTTP status " + std::to_string(status_)});
  }
  void on_failed(failure why) override { finish(std::move(why)); }

  void finish(transport::outcome<std::string> what) {
    const auto keep = shared_from_this();  // the timer holds a share
    if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
    if (const auto done = std::exchange(done_, nullptr)) done(std::move(what));
  }

  transport::loop& loop_;
  const std::shared_ptr<transport::http_pool> pool_;
  std::function<void(transport::outcome<std::string>)> done_;
  const std::size_t bytes_max_;
  transport::loop::timer timer_ = 0;
  int status_ = 0;
  std::string text_;
};

}  // namespace

void ask_peer(transport::loop& on, const cluster& in, const transport::http_target& to, std::string_view path,
              std::string body, std::chrono::milliseconds limit,
              std::function<void(transport::outcome<std::string>)> done, std::size_t bytes_max) {
  transport::http_request_out r;
  r.head = std::make_shared<const std::string>("POST " + std::string(path) +
                                               " HTTP/1.1\r\nHost: holdfast\r\nContent-Type: application/json\r\n" +
                                               in.credentials());
  r.body = std::move(body);
  r.counted = false;
  auto pool = transport::http_pool::of(on, to);
  std::make_shared<question>(on, pool, std::move(done), bytes_max)->ask(std::move(r), limit);
}

bool any_yes(const said_by_all& said) noexcept { return std::find(said.begin(), said.end(), true) != said.end(); }

void ask_all(transport::loop& on, const cluster& in, const std::vector<transport::http_target>& of,
             std::string_view path, const std::string& body, std::chrono::milliseconds limit,
             std::function<bool(const std::string&)> is_yes, std::function<void(said_by_all)> done) {
  struct poll {
    std::size_t open;
    said_by_all said;
    std::function<bool(const std::string&)> is_yes;
    std::function<void(said_by_all)> done;
  };
  if (of.empty()) return on.post([done = std::move(done)] { done({}); });
  const auto p = std::make_shared<poll>(poll{of.size(), said_by_all(of.size()), std::move(is_yes), std::move(done)});
  for (std::size_t i = 0; i < of.size(); ++i) {
    ask_peer(on, in, of[i], path, body, limit, [p, i](const transport::outcome<std::string>& answer) {
      if (answer) p->said[i] = p->is_yes(*answer);
      if (--p->open == 0) p->done(std::move(p->said));
    });
  }
}

}  // namespace holdfast::actors
