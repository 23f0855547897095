#include "transport/http_exchange_impl.hpp"

namespace holdfast::transport {

live_exchange::~live_exchange() {
  if (to_) to_->abandon();
}

const http_request& live_exchange::request() const noexcept {
  static const http_request answered;
  return to_ && !streaming_ ? to_->request() : answered;
}

void live_exchange::respond(int status, std::string_view content_type, std::string_view extra_headers,
                            std::initializer_list<std::string_view> body) {
  if (streaming_) return;
  if (const auto to = std::exchange(to_, nullptr)) to->respond(status, content_type, extra_headers, body);
}

void live_exchange::open_stream(std::string_view extra_headers) {
  if (!to_ || std::exchange(streaming_, true)) return;
  to_->open_stream(extra_headers);
}

bool live_exchange::write(std::string_view bytes) { return to_ && to_->write(bytes); }

void live_exchange::end_stream() {
  if (!streaming_) return;
  if (const auto to = std::exchange(to_, nullptr)) to->end_stream();
}

void live_exchange::on_closed(std::function<void()> f) {
  if (to_) to_->when_closed(std::move(f));
}

}  // namespace holdfast::transport
