#include "transport/event_stream.hpp"

#include <utility>

#include "transport/content_type.hpp"
#include "transport/errc.hpp"

namespace holdfast::transport {

void event_stream::cancel() {
  events_ = nullptr;
  pool_->cancel(*this);
}

void event_stream::on_head(const client_response_head& head) {
  status_ = head.status;
  if (head.status == 401 || head.status == 403)
    return over({make_error_code(errc::unauthorized), "HTTP " + std::to_string(head.status)});
  if (head.status != 200) return over({make_error_code(errc::http_status), "HTTP " + std::to_string(head.status)});
  if (!is_content_type(head.content_type, event_stream_type))
    return over({make_error_code(errc::bad_event_stream), shown(head.content_type)});
  if (events_) events_->on_stream_open();
}

void event_stream::on_body(std::string_view bytes) {
  auto deliver = [this](const sse_event& e) {
    if (events_) events_->on_stream_event(e);
  };
  if (events_ && !parser_.feed(bytes, deliver)) over({make_error_code(errc::too_large), "an event"});
}

void event_stream::on_end() { over({make_error_code(errc::closed), "the event stream ended"}); }

void event_stream::on_failed(failure why) { over(std::move(why)); }

void event_stream::over(failure why) {
  auto keep = shared_from_this();
  pool_->cancel(*this);
  if (auto* events = std::exchange(events_, nullptr)) events->on_stream_over(std::move(why), status_);
}

}  // namespace holdfast::transport
