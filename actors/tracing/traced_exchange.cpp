#include "actors/tracing/traced_exchange.hpp"

#include <utility>

#include "actors/tracing/exporter.hpp"

namespace holdfast::actors::tracing {
namespace {

using transport::http_exchange;

class traced_exchange final : public http_exchange {
 public:
  traced_exchange(std::shared_ptr<http_exchange> e, span s, std::shared_ptr<exporter> to)
      : exchange_(std::move(e)),
        span_(std::move(s)),
        to_(std::move(to)),
        traceparent_(mcp::to_traceparent(span_.self)),
        request_(exchange_->request()) {
    request_.traceparent = traceparent_;
  }
  ~traced_exchange() override {
    if (open_) end("closed", true);
  }

  const transport::http_request& request() const noexcept override { return request_; }
  transport::loop& home() noexcept override { return exchange_->home(); }
  std::uint64_t connection() const noexcept override { return exchange_->connection(); }
  std::string peer() const override { return exchange_->peer(); }
  std::string_view principal() const override { return exchange_->principal(); }

  void respond(int status, std::string_view content_type, std::string_view extra_headers,
               std::initializer_list<std::string_view> body) override {
    end(std::to_string(status), status >= 500);
    exchange_->respond(status, content_type, extra_headers, body);
  }
  void open_stream(std::string_view extra_headers) override { exchange_->open_stream(extra_headers); }
  bool write(std::string_view bytes) override { return exchange_->write(bytes); }
  void end_stream() override {
    end("200", false);
    exchange_->end_stream();
  }
  void on_closed(std::function<void()> f) override { exchange_->on_closed(std::move(f)); }

 private:
  void end(std::string status, bool failed) {
    if (!std::exchange(open_, false)) return;
    span_.note("http.response.status_code", std::move(status));
    span_.failed = failed;
    to_->add(std::move(span_));
  }

  const std::shared_ptr<http_exchange> exchange_;
  span span_;
  const std::shared_ptr<exporter> to_;
  const std::string traceparent_;
  transport::http_request request_;
  bool open_ = true;
};

}  // namespace

std::shared_ptr<http_exchange> traced(std::shared_ptr<http_exchange> exchange, shard& home,
                                      const mcp::classified& what) {
  using kind = mcp::classified::kind;
  const auto is_batch = what.what == kind::batch;
  if (!is_batch && what.what != kind::single && what.what != kind::initialize) return exchange;
  const auto context = mcp::context_of(what.message.meta, exchange->request().traceparent);
  if (!home.traces()->wants(context)) return exchange;
  span s(context, span::kind::server, "POST " + std::string(exchange->request().path));
  s.note("mcp.method.name", is_batch ? "batch" : std::string(mcp::to_string(what.message.what)));
  return std::make_shared<traced_exchange>(std::move(exchange), std::move(s), home.shared_traces());
}

}  // namespace holdfast::actors::tracing
