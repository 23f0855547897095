#include "actors/tracing/exporter.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "actors/log.hpp"
#include "actors/tracing/otlp_text.hpp"
#include "transport/http_client.hpp"
#include "transport/url.hpp"

namespace holdfast::actors::tracing {
namespace {

constexpr std::size_t batch_max = 512;
constexpr std::size_t answer_bytes_max = 1u << 20;

class http_exporter final : public exporter,
                            public transport::http_receiver,
                            public std::enable_shared_from_this<http_exporter> {
 public:
  http_exporter(transport::loop& on, const trace_config& c, std::string node, metrics::span_counters& to)
      : loop_(on), config_(c), node_(std::move(node)), counts_(to) {
    const auto where = *transport::parse_url(c.endpoint);
    pool_ = transport::http_pool::of(on, {where.tls, where.host, where.port, {}, 1, std::chrono::milliseconds{55'000}});
    auto head = "POST " + where.target + " HTTP/1.1\r\nHost: " + where.authority() +
                "\r\nContent-Type: application/json\r\nUser-Agent: holdfast/" HOLDFAST_VERSION "\r\n";
    for (const auto& [name, value] : c.headers) head += name + ": " + value.reveal() + "\r\n";
    head_ = std::make_shared<const std::string>(std::move(head));
  }

  bool wants(const mcp::trace_context& c) const override {
    return c.present() ? c.sampled() : config_.sample > 0 && mcp::sampling_dice() < config_.sample;
  }

  void add(span s) override {
    if (s.ended == span::clock::time_point{}) s.ended = span::clock::now();
    if (waiting_.size() >= config_.queue_max) return counts_.dropped.add();
    waiting_.push_back(std::move(s));
    if (waiting_.size() >= batch_max) return flush();
    arm();
  }

  /// One batch at a time; the next one goes when this is over.
  void flush() override {
    if (under_way_ > 0 || waiting_.empty()) return;
    const auto n = std::min(waiting_.size(), batch_max);
    std::vector<span> batch(std::make_move_iterator(waiting_.begin()),
                            std::make_move_iterator(waiting_.begin() + static_cast<std::ptrdiff_t>(n)));
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(n));
    under_way_ = n;
    status_ = 0;
    received_ = 0;
    deadline_ = loop_.after(config_.timeout, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->pool_->cancel(*self);
      self->over("no answer in time");
    });
    pool_->send({head_, to_otlp(batch, node_), true, true}, shared_from_this());
  }

 private:
  void arm() {
    if (timer_ != 0) return;
    timer_ = loop_.after(config_.interval, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->timer_ = 0;
      self->flush();
    });
  }

  void on_head(const transport::client_response_head& head) override { status_ = head.status; }
  void on_body(std::string_view bytes) override {
    received_ += bytes.size();
    if (received_ <= answer_bytes_max) return;
    pool_->cancel(*this);
    over("its answer is too long");
  }
  void on_end() override { over(status_ / 100 == 2 ? std::string() : "HTTP " + std::to_string(status_)); }
  void on_failed(transport::failure why) override { over(why.code.message() + ": " + why.detail); }

  void over(const std::string& problem) {
    loop_.cancel(deadline_);
    (problem.empty() ? counts_.sent : counts_.failed).add(std::exchange(under_way_, 0));
    if (!problem.empty()) log::warning("traces.not_sent", {{"reason", problem}});
    if (!waiting_.empty()) arm();
  }

  transport::loop& loop_;
  const trace_config& config_;
  const std::string node_;
  metrics::span_counters& counts_;
  std::shared_ptr<transport::http_pool> pool_;
  std::shared_ptr<const std::string> head_;
  std::vector<span> waiting_;
  std::size_t under_way_ = 0, received_ = 0;
  int status_ = 0;
  transport::loop::timer timer_ = 0, deadline_ = 0;
};

}  // namespace

std::shared_ptr<exporter> exporter::create(transport::loop& on, const trace_config& c, std::string node,
                                           metrics::span_counters& to) {
  return std::make_shared<http_exporter>(on, c, std::move(node), to);
}

}  // namespace holdfast::actors::tracing
