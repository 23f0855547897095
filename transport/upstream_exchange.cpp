#include "transport/upstream_exchange.hpp"

#include <algorithm>
#include <utility>

#include "transport/content_type.hpp"
#include "transport/errc.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::transport {
namespace {

constexpr std::chrono::milliseconds default_retry{1'000}, longest_retry{60'000};
constexpr std::chrono::milliseconds drain_limit{1'000};
constexpr int fruitless_max = 10;
constexpr std::size_t refusal_bytes_max = 64u << 10;

std::string http(int status) { return "HTTP " + std::to_string(status); }

/// Widely used servers say 400 "No valid session ID provided" where the specification wants 404.
bool speaks_of_session(mcp::raw_json error) {
  auto words = mcp::string_value(mcp::member(error, "message")).value_or("");
  return words.find("session ID") != words.npos || words.find("Session ID") != words.npos ||
         words.find("ession not found") != words.npos;
}

bool is_answer_to(const mcp::envelope& message, std::uint64_t id) noexcept {
  if (message.kind != mcp::message_kind::answer) return false;
  auto value = mcp::integer_value(message.id);
  return value && *value >= 0 && static_cast<std::uint64_t>(*value) == id;
}

}  // namespace

upstream_exchange::upstream_exchange(loop& on, std::shared_ptr<const upstream_site> site,
                                     std::shared_ptr<http_pool> pool, std::size_t message_bytes_max,
                                     std::shared_ptr<exchange_owner> owner)
    : loop_(on),
      site_(std::move(site)),
      pool_(std::move(pool)),
      message_bytes_max_(message_bytes_max),
      owner_(std::move(owner)),
      retry_(default_retry) {}

void upstream_exchange::start(upstream_request r, std::shared_ptr<upstream_events> events) {
  begin(r, std::move(events));
  pool_->send(site_->post(std::move(r.body), true, r.traceparent), shared_from_this());
}

void upstream_exchange::start_after(const std::string& last_event_id, const upstream_request& r,
                                    std::shared_ptr<upstream_events> events) {
  begin(r, std::move(events));
  last_event_id_ = is_header_text(last_event_id) ? last_event_id : std::string();
  resume();
}

void upstream_exchange::begin(const upstream_request& r, std::shared_ptr<upstream_events> events) {
  id_ = r.id;
  events_ = std::move(events);
  // The owner keeps us until `end`, which disarms the timers: they need no share of their own.
  if (r.timeout.count() > 0)
    deadline_ = loop_.after(r.timeout, [this] {
      auto keep = shared_from_this();
      auto owner = owner_;
      fail({make_error_code(errc::timed_out), "no answer in time"});
      owner->on_exchange_timeout(id_);
    });
}

void upstream_exchange::abandon() {
  loop_.cancel(deadline_);
  loop_.cancel(pause_);
  state_ = state::over;
  events_ = nullptr;
  owner_ = nullptr;
  pool_->cancel(*this);
}

void upstream_exchange::on_head(const client_response_head& head) {
  if (state_ == state::resuming) return on_resumed_head(head);
  on_first_head(head);
}

void upstream_exchange::on_first_head(const client_response_head& head) {
  status_ = head.status;
  session_id_ = head.session_id;
  const bool json = is_content_type(head.content_type, json_type);
  if (head.status == 401 || head.status == 403) return fail({make_error_code(errc::unauthorized), http(head.status)});
  if (head.status == 404 && site_->has_session()) {
    failure why{make_error_code(errc::session_lost), "HTTP 404: the upstream does not know the session any more"};
    owner_->on_session_lost(why);
    return fail(std::move(why));
  }
  if (head.status >= 300 && json) {
    state_ = state::refusal;
    return;
  }
  if (head.status != 200) return fail({make_error_code(errc::http_status), http(head.status) + " to a request"});
  if (is_content_type(head.content_type, event_stream_type)) return open_stream();
  if (!json)
    return fail({make_error_code(errc::bad_message), "neither JSON nor an event stream: " + shown(head.content_type)});
  state_ = state::json;
  if (head.content_length) {
    if (*head.content_length > message_bytes_max_)
      return fail({make_error_code(errc::too_large), "the answer: " + std::to_string(*head.content_length) + " bytes"});
    body_.reserve(*head.content_length);
  }
}

void upstream_exchange::on_resumed_head(const client_response_head& head) {
  if (head.status == 200 && is_content_type(head.content_type, event_stream_type)) return open_stream();
  if (head.status >= 500 || head.status == 408 || head.status == 429) {
    pool_->cancel(*this);
    return on_stream_end();
  }
  // The call may have run, so it is lost even if only the session is: it must not be sent again.
  if (head.status == 404 && site_->has_session())
    owner_->on_session_lost({make_error_code(errc::session_lost), "HTTP 404 to the resumption of a stream"});
  fail(lost("the stream ended early and was not resumed: " + http(head.status)));
}

void upstream_exchange::open_stream() {
  state_ = state::stream;
  parser_.emplace(message_bytes_max_);
}

void upstream_exchange::on_body(std::string_view bytes) {
  switch (state_) {
    case state::json:
    case state::refusal: return collect(bytes);
    case state::stream: return read_stream(bytes);
    default: return;
  }
}

void upstream_exchange::collect(std::string_view bytes) {
  const auto max = state_ == state::json ? message_bytes_max_ : std::min(message_bytes_max_, refusal_bytes_max);
  if (body_.size() + bytes.size() > max) return fail({make_error_code(errc::too_large), "the answer"});
  body_.append(bytes);
}

void upstream_exchange::read_stream(std::string_view bytes) {
  if (!parser_->feed(bytes, [this](const sse_event& e) { on_event(e); }) && state_ == state::stream)
    fail({make_error_code(errc::too_large), "an event"});
}

void upstream_exchange::on_event(const sse_event& e) {
  if (state_ != state::stream) return;
  if (e.id) {
    fruitless_ = 0;
    last_event_id_ = is_header_text(*e.id) ? std::string(*e.id) : std::string();
    const auto events = events_;
    events->on_event_id(last_event_id_);
  }
  if (e.data.empty() || !(e.type.empty() || e.type == "message")) return;
  if (!mcp::is_batch(e.data)) return on_stream_message(e.data);
  if (auto messages = mcp::elements(e.data))
    for (auto message : *messages) on_stream_message(message);
}

void upstream_exchange::on_stream_message(std::string_view json) {
  if (state_ != state::stream) return;
  auto message = mcp::scan(json);
  if (!message) {
    odd_ = message.error();
  } else if (is_answer_to(*message, id_)) {
    answer(std::string(json));
  } else if (message->kind != mcp::message_kind::answer) {
    auto events = events_;
    events->on_message(std::string(json));
  } else if (!adopt_error(*message)) {
    odd_ = make_error_code(errc::answer_lost);
  }
}

void upstream_exchange::on_end() {
  switch (state_) {
    case state::json: return finish_json();
    case state::refusal: return finish_refusal();
    case state::stream: return on_stream_end();
    case state::draining:
      state_ = state::over;
      loop_.cancel(pause_);
      return;
    default: return;
  }
}

void upstream_exchange::on_failed(failure why) {
  switch (state_) {
    case state::posted: return fail(std::move(why));
    case state::json:
    case state::refusal: return fail(lost(std::move(why.detail)));
    case state::stream:
    case state::resuming: return on_stream_end();
    case state::draining:
      state_ = state::over;
      loop_.cancel(pause_);
      return;
    default: return;
  }
}

void upstream_exchange::finish_json() {
  auto message = mcp::scan(body_);
  if (!message) return fail({message.error(), "the answer"});
  if (is_answer_to(*message, id_)) return answer(std::move(body_));
  if (message->kind == mcp::message_kind::answer && adopt_error(*message)) return;
  fail({make_error_code(errc::bad_message), "the answer is not one to our request"});
}

void upstream_exchange::finish_refusal() {
  auto message = mcp::scan(body_);
  const bool answered = message && message->kind == mcp::message_kind::answer;
  if (answered && is_answer_to(*message, id_)) return answer(std::move(body_));
  if (answered && status_ == 400 && site_->has_session() && speaks_of_session(message->error)) {
    failure why{make_error_code(errc::session_lost), "HTTP 400: the upstream does not know the session"};
    owner_->on_session_lost(why);
    return fail(std::move(why));
  }
  if (answered && adopt_error(*message)) return;
  fail({make_error_code(errc::http_status), http(status_) + " to a request"});
}

/// Servers put null, nothing or a text of their own for the id when they refuse a request before they have read it. In
/// a body HTTP says which request is meant; on a stream only null can be ours.
bool upstream_exchange::adopt_error(const mcp::envelope& message) {
  const bool nameless = message.id.empty() || message.id == "null";
  if (message.error.data() == nullptr || !(nameless || state_ != state::stream)) return false;
  std::string whole = "{\"jsonrpc\":\"2.0\",\"id\":" + std::to_string(id_) + ",\"error\":";
  answer(whole.append(message.error).append("}"));
  return true;
}

void upstream_exchange::on_stream_end() {
  if (last_event_id_.empty()) return fail(lost("the stream ended without the answer"));
  if (fruitless_++ == fruitless_max) return fail(lost("the stream ended without the answer, again and again"));
  if (parser_ && parser_->retry_ms())
    retry_ = std::min<std::chrono::milliseconds>(std::chrono::milliseconds(*parser_->retry_ms()), longest_retry);
  parser_.reset();
  state_ = state::waiting;
  pause_ = loop_.after(retry_, [this] { resume(); });
}

void upstream_exchange::resume() {
  state_ = state::resuming;
  pool_->send(site_->get(last_event_id_), shared_from_this());
}

void upstream_exchange::answer(std::string json) {
  const bool streaming = state_ == state::stream;
  auto events = end();
  if (streaming) {
    state_ = state::draining;
    pause_ = loop_.after(drain_limit, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->pool_->cancel(*self);
    });
  }
  events->on_answer(std::move(json));
}

void upstream_exchange::fail(failure why) {
  auto keep = shared_from_this();
  auto events = end();
  pool_->cancel(*this);
  events->on_failed(std::move(why));
}

/// From here on the owner does not know us.
std::shared_ptr<upstream_events> upstream_exchange::end() {
  loop_.cancel(deadline_);
  loop_.cancel(pause_);
  state_ = state::over;
  auto events = std::exchange(events_, nullptr);
  if (auto owner = std::exchange(owner_, nullptr)) owner->on_exchange_over(id_);
  return events;
}

failure upstream_exchange::lost(std::string detail) const {
  if (odd_ && odd_ != errc::answer_lost) return {odd_, detail + "; a message was malformed"};
  if (odd_) detail += "; an answer carried another id";
  return {make_error_code(errc::answer_lost), std::move(detail)};
}

}  // namespace holdfast::transport
