#include "transport/upstream_post.hpp"

#include <utility>

#include "transport/errc.hpp"

namespace holdfast::transport {
namespace {

constexpr std::chrono::milliseconds post_limit{15'000};
// The answer to a notification has no body; one that goes on and on is cut.
constexpr std::size_t ignored_bytes_max = 1u << 20;

class status_receiver final : public http_receiver, public std::enable_shared_from_this<status_receiver> {
 public:
  status_receiver(loop& on, std::shared_ptr<http_pool> pool, std::function<void(outcome<int>)> done)
      : loop_(on), pool_(std::move(pool)), done_(std::move(done)) {}

  void start(http_request_out request, std::chrono::milliseconds limit) {
    timer_ = loop_.after(limit, [self = shared_from_this()] {
      self->pool_->cancel(*self);
      self->finish(failure{make_error_code(errc::timed_out), "no answer in time"});
    });
    pool_->send(std::move(request), shared_from_this());
  }

 private:
  void on_head(const client_response_head& head) override { status_ = head.status; }

  void on_body(std::string_view bytes) override {
    ignored_ += bytes.size();
    if (ignored_ <= ignored_bytes_max) return;
    pool_->cancel(*this);
    finish(status_);
  }

  void on_end() override { finish(status_); }

  void on_failed(failure why) override {
    if (status_ != 0)
      finish(status_);
    else
      finish(std::move(why));
  }

  void finish(outcome<int> what) {
    // Last: with the timer goes the share that it holds.
    auto keep = shared_from_this();
    loop_.cancel(timer_);
    if (auto done = std::exchange(done_, nullptr)) done(std::move(what));
  }

  loop& loop_;
  const std::shared_ptr<http_pool> pool_;
  std::function<void(outcome<int>)> done_;
  loop::timer timer_ = 0;
  int status_ = 0;
  std::size_t ignored_ = 0;
};

}  // namespace

void send_for_status(loop& on, std::shared_ptr<http_pool> pool, http_request_out request,
                     std::chrono::milliseconds limit, std::function<void(outcome<int>)> done) {
  std::make_shared<status_receiver>(on, std::move(pool), std::move(done))->start(std::move(request), limit);
}

post_queue::post_queue(loop& on, std::shared_ptr<const upstream_site> site, std::shared_ptr<http_pool> pool,
                       std::size_t bytes_max, std::function<void(const outcome<int>&)> on_status)
    : loop_(on),
      site_(std::move(site)),
      pool_(std::move(pool)),
      bytes_max_(bytes_max),
      on_status_(std::move(on_status)) {}

bool post_queue::push(std::string json) {
  if (bytes_ + json.size() > bytes_max_) return false;
  bytes_ += json.size();
  waiting_.push_back(std::move(json));
  if (!busy_) next();
  return true;
}

void post_queue::clear() {
  waiting_.clear();
  bytes_ = 0;
  on_status_ = nullptr;
}

void post_queue::next() {
  if (waiting_.empty()) return;
  busy_ = true;
  auto json = std::move(waiting_.front());
  waiting_.pop_front();
  bytes_ -= json.size();
  send_for_status(loop_, pool_, site_->post(std::move(json), false), post_limit,
                  [self = shared_from_this()](const outcome<int>& status) {
                    self->busy_ = false;
                    if (auto told = self->on_status_) told(status);
                    if (!self->busy_) self->next();
                  });
}

}  // namespace holdfast::transport
