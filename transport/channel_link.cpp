#include "transport/channel_link.hpp"

#include <utility>

#include "transport/errc.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/upstream_handshake.hpp"

namespace holdfast::transport {
namespace {

failure queue_full() { return {make_error_code(errc::overloaded), "the queue to the upstream is full"}; }

/// True for what concerns the server as a whole, whichever requests are running.
bool concerns_connection(mcp::method m) noexcept {
  switch (m) {
    case mcp::method::ping:
    case mcp::method::tools_list_changed:
    case mcp::method::prompts_list_changed:
    case mcp::method::resources_list_changed:
    case mcp::method::resources_updated: return true;
    default: return false;
  }
}

std::uint64_t own_id(mcp::raw_json raw) noexcept {
  auto value = mcp::integer_value(raw);
  return value && *value > 0 ? static_cast<std::uint64_t>(*value) : 0;
}

}  // namespace

channel_link::channel_link(loop& home, limits l, channel_writer& writer)
    : home_(home), limits_(l), writer_(&writer), calls_(std::make_shared<pending_calls>(l.in_flight_max)) {}

void channel_link::request(upstream_request r, std::shared_ptr<upstream_events> events) {
  auto give_up = [weak = weak_from_this(), id = r.id] {
    if (auto self = weak.lock()) self->send(cancelled_notification(id, "timed out"));
  };
  if (!calls_->add(r.id, r.timeout, std::move(events), std::move(give_up))) return;
  if (loop::current() == &home_) return write(r.id, std::move(r.body));
  const auto size = r.body.size();
  if (!on_their_way(size)) return fail(r.id, queue_full());
  home_.post([self = shared_from_this(), id = r.id, body = std::move(r.body), size]() mutable {
    self->posted_bytes_.fetch_sub(size, std::memory_order_relaxed);
    self->write(id, std::move(body));
  });
}

void channel_link::send(std::string json) {
  if (loop::current() == &home_) return write(0, std::move(json));
  const auto size = json.size();
  if (!on_their_way(size)) return;
  home_.post([self = shared_from_this(), json = std::move(json), size]() mutable {
    self->posted_bytes_.fetch_sub(size, std::memory_order_relaxed);
    self->write(0, std::move(json));
  });
}

bool channel_link::on_their_way(std::size_t bytes) {
  if (posted_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limits_.queue_bytes_max) return true;
  posted_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

void channel_link::write(std::uint64_t id, std::string json) {
  if (writer_ == nullptr) return;
  if (!writer_->write_message(id, std::move(json)) && id != 0) fail(id, queue_full());
}

channel_link::verdict channel_link::dispatch(std::string_view json, unrouted rule) {
  auto scanned = mcp::scan(json);
  if (!scanned) return verdict::not_a_message;
  const auto& message = *scanned;
  if (message.kind == mcp::message_kind::answer) {
    // An id that is not ours answers nothing: too late, or wrong.
    if (auto id = own_id(message.id)) calls_->answer(id, std::string(json));
    return verdict::taken;
  }
  if (message.what == mcp::method::progress) {
    auto id = own_id(mcp::member(message.params, "progressToken"));
    return id != 0 && calls_->message(id, std::string(json)) ? verdict::taken : verdict::for_connection;
  }
  if (rule == unrouted::only_request && !concerns_connection(message.what)) {
    if (auto id = calls_->only_one(); id && calls_->message(*id, std::string(json))) return verdict::taken;
  }
  return verdict::for_connection;
}

void channel_link::shut(const failure& why, std::function<void()> then) {
  writer_ = nullptr;
  calls_->shut(why, home_, std::move(then));
}

}  // namespace holdfast::transport
