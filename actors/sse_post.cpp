#include "actors/sse_post.hpp"

#include <utility>

#include "actors/node_context.hpp"
#include "actors/principal.hpp"
#include "transport/content_type.hpp"
#include "transport/errc.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {
namespace {

constexpr std::size_t answer_bytes_max = 64u << 10;

}  // namespace

sse_post::sse_post(transport::loop& home, node_context& node, exchange_ptr exchange, std::string_view principal)
    : home_(home), node_(node), exchange_(std::move(exchange)), principal_(principal) {}

void sse_post::start(const cluster_routes::peer& to, bool through) {
  const auto& r = exchange_->request();
  transport::http_request_out out;
  auto head = "POST " + std::string(through ? peer_path::relay_sse : peer_path::sse) + "?" + std::string(r.query) +
              " HTTP/1.1\r\nHost: holdfast\r\nContent-Type: application/json\r\n" + principal_header(principal_) +
              node_.in_cluster->credentials();
  out.head = std::make_shared<const std::string>(std::move(head));
  out.body = r.body;
  exchange_->on_closed([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->finish();
  });
  timer_ = home_.after(node_.in_cluster->config.hold_timeout, [self = shared_from_this()] {
    self->timer_ = 0;
    self->refuse(502, "The node that has this session does not answer; it may have got the message");
  });
  pool_ = transport::http_pool::of(home_, to.target);
  pool_->send(std::move(out), shared_from_this());
}

void sse_post::on_head(const transport::client_response_head& h) {
  status_ = h.status;
  content_type_ = h.content_type;
}

void sse_post::on_body(std::string_view bytes) {
  body_ += bytes;
  if (body_.size() > answer_bytes_max) refuse(502, "The answer is too large to be passed on");
}

void sse_post::on_end() {
  if (over()) return;
  exchange_->respond(status_, content_type_, {}, {body_});
  pool_ = nullptr;
  finish();
}

void sse_post::on_failed(transport::failure why) {
  pool_ = nullptr;
  if (why.code == transport::errc::refused) return refuse(503, "The node that has this session cannot be reached");
  refuse(502, "The node that has this session is gone; it may have got the message");
}

void sse_post::refuse(int status, std::string_view why) {
  if (over()) return;
  exchange_->respond(status, transport::json_type, status == 503 ? "Retry-After: 1\r\n" : "",
                     {mcp::make_error({}, mcp::code::server_error, why)});
  finish();
}

void sse_post::finish() {
  if (over()) return;
  exchange_ = nullptr;
  const auto keep = shared_from_this();  // the timer and the pool hold shares
  if (timer_ != 0) home_.cancel(std::exchange(timer_, 0));
  if (const auto pool = std::exchange(pool_, nullptr)) pool->cancel(*this);
}

}  // namespace holdfast::actors
