#include "actors/relay.hpp"

#include <utility>

#include "actors/client_text.hpp"
#include "actors/log.hpp"
#include "actors/node_context.hpp"
#include "actors/principal.hpp"
#include "actors/roster.hpp"
#include "actors/test_hooks.hpp"
#include "actors/tracing/exporter.hpp"
#include "transport/content_type.hpp"
#include "transport/errc.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {
namespace {

using transport::http_method;
using clock = std::chrono::steady_clock;

constexpr auto owner_pause = std::chrono::milliseconds{10};
constexpr std::size_t answer_bytes_max = 256u << 20;
constexpr int misdirected = 421;  // RFC 9110, 15.5.20
constexpr int too_early = 425;    // RFC 8470, 5.2

std::string_view verb(http_method m) noexcept {
  return m == http_method::get ? "GET" : m == http_method::del ? "DELETE" : "POST";
}

void add_header(std::string& to, std::string_view name, std::string_view value) {
  if (value.data() != nullptr) to.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

relay::relay(shard& home, node_context& node, exchange_ptr exchange, std::string_view principal,
             std::optional<std::uint16_t> slot)
    : home_(home), node_(node), exchange_(std::move(exchange)), slot_(slot) {
  const auto& r = exchange_->request();
  method_ = verb(r.method);
  session_ = r.session_id;
  add_header(headers_, "Accept", r.accept);
  add_header(headers_, "Content-Type", r.content_type);
  add_header(headers_, "Mcp-Session-Id", r.session_id);
  add_header(headers_, "MCP-Protocol-Version", r.protocol_version);
  traceparent_ = r.traceparent;
  headers_ += principal_header(principal);
  headers_ += node_.in_cluster->credentials();
  last_event_id_ = r.last_event_id;
  body_ = r.body;
  repeated_ = peer_path::is_again(r.path) || !r.repeated.empty();
  passed_on_ = peer_path::is_relay(r.path);
  over_ = passed_on_ ? std::string(r.query) : "." + std::to_string(exchange_->connection());
  const auto now = clock::now();
  age_ = passed_on_ ? age_of(r) : request_age{now, now};
  if (method_ != "GET") ++node_.calls.all;
}

relay::~relay() {
  if (method_ != "GET") --node_.calls.all;
}

void relay::start() {
  exchange_->on_closed([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->finish();
  });
  deadline_ = clock::now() + node_.in_cluster->config.hold_timeout;
  go();
}

/// At this level only: the message is read once more for it. With the session and the request's id the lines of the
/// node of the session can be found, also where the client has named no trace.
void relay::log_sent(const cluster_routes::peer& to) const {
  if (!log::enabled(log_level::debug)) return;
  const auto message = mcp::scan(body_);
  const auto method = message ? message->method_name.empty() ? mcp::to_string(message->what) : message->method_name
                              : std::string_view(method_);
  log::debug("request.relayed",
             {{"session", session_.substr(0, 8)},
              {"request", beginning_for_log(message ? message->id : std::string_view())},
              {"method", beginning_for_log(method)},
              {"to", to.name},
              {"again", repeated_ ? "yes" : "no"},
              log::trace_field(mcp::context_of(message ? message->meta : mcp::raw_json(), traceparent_))});
}

/// Where the request goes now; null if nobody is there to take it. `through`: to somebody who sends it on.
const cluster_routes::peer* relay::next_peer(const cluster_routes& routes, bool& through) const {
  through = false;
  if (slot_) {
    const auto owner = routes.slots[*slot_];
    if (owner == cluster_routes::nobody) return nullptr;
    // One node between, at most: two that each count on the other would send it to and fro.
    if (passed_on_ && !rule_is_out("one_relay")) return &routes.peers[owner];
    through = routes.via[owner] != owner;
    return &routes.peers[routes.via[owner]];
  }
  // One that has slots and keeps them; which one does not matter.
  const auto first = static_cast<std::size_t>(clock::now().time_since_epoch().count()) % routes.slots.size();
  for (std::size_t i = 0; i < routes.slots.size(); ++i) {
    const auto owner = routes.slots[(first + i) % routes.slots.size()];
    if (owner == cluster_routes::nobody || routes.via[owner] != owner) continue;
    if (node_.in_cluster->leaving && routes.peers[owner].incarnation == node_.store->incarnation()) continue;
    return &routes.peers[owner];
  }
  return nullptr;
}

/// It was leaving, and is declared dead: no other node takes anything from it, now or later.
bool relay::has_left() const {
  const auto& cluster = *node_.in_cluster;
  return cluster.leaving && !machines::membership::find(*cluster.membership.get(), node_.store->incarnation());
}

void relay::go() {
  pause_ = 0;
  if (over()) return;
  if (has_left()) return give_up(503, "This node is no member of the cluster any more; another one answers");
  // What it reads after it stood still may be old: whether the client has given it up shows meanwhile.
  if (!node_.in_cluster->is_certain() && !rule_is_out("certain_relay")) {
    home_.deliver(node_.in_cluster->roster, roster_refresh{});
    return wait();
  }
  bool through = false;
  const auto routes = node_.in_cluster->routes.get();
  const auto* const to = next_peer(*routes, through);
  if (to == nullptr || !client_waits()) return wait();
  send(*to, through);
}

/// A client that has gone may have come to another node, and have its answer by now. Who passes it on for another node
/// cannot know.
bool relay::client_waits() {
  if (passed_on_) return true;
  age_->awaited = clock::now();  // before the look, as this process may stand still between the two
  return exchange_->is_awaited();
}

std::string relay::head(std::string_view path, const cluster_routes::peer& to) const {
  const bool takes_up = streaming_ && !last_event_id_.empty();
  std::string h(takes_up ? "GET" : method_);
  h.append(" ").append(path).append("?").append(passed_on_ ? "" : node_.store->incarnation()).append(over_);
  h.append(" HTTP/1.1\r\nHost: holdfast\r\n").append(headers_);
  if (hop_) {
    add_header(h, "traceparent", mcp::to_traceparent(hop_->self));
  } else if (!traceparent_.empty()) {
    add_header(h, "traceparent", traceparent_);
  }
  const auto there = [&](clock::time_point here) { return to.clock ? to.clock->shown(here) : here; };
  if (age_) add_header(h, "Holdfast-Awaited", to_text({there(age_->came), there(age_->awaited)}));
  if (!last_event_id_.empty()) h.append("Last-Event-ID: ").append(last_event_id_).append("\r\n");
  return h;
}

void relay::send(const cluster_routes::peer& to, bool through) {
  pool_ = transport::http_pool::of(home_.loop(), to.target);
  sent_to_ = to.incarnation;
  state_ = state::sent;
  begin_hop(to);
  received_.clear();
  transport::http_request_out r;
  const auto path = through ? (repeated_ ? peer_path::relay_again : peer_path::relay)
                            : (repeated_ ? peer_path::again : peer_path::mcp);
  r.head = std::make_shared<const std::string>(head(path, to));
  r.has_body = method_ == "POST" && !(streaming_ && !last_event_id_.empty());
  if (r.has_body) r.body = body_;
  log_sent(to);
  pool_->send(std::move(r), shared_from_this());
}

void relay::begin_hop(const cluster_routes::peer& to) {
  end_hop(true);
  if (home_.traces() == nullptr || traceparent_.empty()) return;
  const auto context = mcp::parse_traceparent(traceparent_);
  if (!context || !context->sampled()) return;
  hop_.emplace(*context, tracing::span::kind::client, "relay");
  hop_->note("server.address", to.target.host + ":" + std::to_string(to.target.port));
}

void relay::end_hop(bool failed) {
  if (!hop_) return;
  hop_->failed = failed;
  if (home_.traces() != nullptr) home_.traces()->add(std::move(*hop_));
  hop_.reset();
}

void relay::wait() {
  state_ = state::waiting;
  if (clock::now() >= deadline_) return give_up(503, "The session has no owner just now; try again");
  pause_ = home_.loop().after(owner_pause, [self = shared_from_this()] { self->go(); });
}

void relay::on_routes_changed() {
  if (over() || state_ == state::waiting) return;
  if (node_.in_cluster->routes.get()->reaches(sent_to_)) return;
  pool_->cancel(*this);
  lose();
}

/// Whoever had the request is gone or cut off, and nobody knows what it has done with it.
void relay::lose() {
  // The calls of a batch cannot be known again one by one.
  if (mcp::is_batch(body_)) return give_up(502, "The node that had this batch is gone; what was in it may have run");
  home_.counters().relayed_again.add();
  repeated_ = true;
  received_.clear();
  deadline_ = clock::now() + node_.in_cluster->config.hold_timeout;
  wait();
}

void relay::on_head(const transport::client_response_head& h) {
  if (over()) return;
  if (h.status == misdirected || (h.status == too_early && !passed_on_)) {
    state_ = state::refused;
    return;
  }
  // Only a stream that goes on behind an event can be appended to one that the client has.
  status_ = h.status;
  content_type_ = h.content_type;
  answer_headers_.clear();
  if (!h.session_id.empty()) add_header(answer_headers_, "Mcp-Session-Id", h.session_id);
  if (!h.retry_after.empty()) add_header(answer_headers_, "Retry-After", h.retry_after);
  if (h.status != 200 || !content_type_.starts_with(transport::event_stream_type)) {
    state_ = state::json;
    return;
  }
  state_ = state::stream;
  if (!std::exchange(streaming_, true)) exchange_->open_stream(answer_headers_);
}

void relay::on_body(std::string_view bytes) {
  if (over() || state_ == state::refused) return;
  received_ += bytes;
  if (state_ == state::stream) return pass_on_events();
  if (received_.size() <= answer_bytes_max) return;
  pool_->cancel(*this);
  give_up(502, "The answer is too large to be passed on");
}

/// Whole events only, so that what another node goes on with fits.
void relay::pass_on_events() {
  const auto end = received_.rfind("\n\n");
  if (end == std::string::npos) {
    if (received_.size() <= answer_bytes_max) return;
    pool_->cancel(*this);
    return finish();
  }
  const auto events = std::string_view(received_).substr(0, end + 2);
  note_ids(events);
  if (!exchange_->write(events)) {
    pool_->cancel(*this);
    return finish();
  }
  received_.erase(0, end + 2);
}

void relay::note_ids(std::string_view events) {
  constexpr std::string_view field = "\nid: ";
  auto at = events.rfind(field);
  if (at != std::string_view::npos) {
    at += field.size();
  } else if (events.starts_with(field.substr(1))) {
    at = field.size() - 1;
  } else {
    return;
  }
  last_event_id_ = events.substr(at, events.find('\n', at) - at);
  body_.clear();  // from here on it is taken up by the event
  body_.shrink_to_fit();
}

void relay::on_end() {
  end_hop(state_ == state::refused);
  if (over()) return;
  switch (state_) {
    case state::waiting:
    case state::sent: return;
    case state::refused: return wait();
    case state::stream:
    case state::json: break;
  }
  const auto was_stream = std::exchange(state_, state::waiting) == state::stream;
  if (was_stream) {
    exchange_->end_stream();
    return finish();
  }
  // Whoever has no stream yet can ask again, and is told to.
  if (status_ == 503 && (streaming_ || !slot_)) return wait();
  if (!streaming_) {
    // A second DELETE finds nothing if the first was carried out.
    if (repeated_ && method_ == "DELETE" && status_ == 404) status_ = 200;
    exchange_->respond(status_, content_type_, answer_headers_, {received_});
    return finish();
  }
  // What had become a stream here is one JSON text there: the call had ended in the meantime. An error that is no
  // answer to the request ends the stream without one; the client asks again.
  if (status_ == 200 && exchange_->write("data: " + received_ + "\n\n")) exchange_->end_stream();
  finish();
}

void relay::on_failed(transport::failure why) {
  end_hop(true);
  if (over()) return;
  if (why.code != transport::errc::refused && why.code != transport::errc::tls_failed) return lose();
  wait();  // it has got nothing
}

/// Nothing more comes of it, or goes to it.
void relay::finish() {
  if (over()) return;
  end_hop(true);  // unless it has ended well
  exchange_ = nullptr;
  if (pause_ != 0) home_.loop().cancel(std::exchange(pause_, 0));
  if (state_ != state::waiting && pool_) pool_->cancel(*this);
}

void relay::give_up(int status, std::string_view why) {
  ++node_.refused;
  if (streaming_) {
    exchange_->end_stream();
  } else {
    const auto body = mcp::make_error({}, mcp::code::server_error, why);
    exchange_->respond(status, transport::json_type, status == 503 ? "Retry-After: 1\r\n" : "", {body});
  }
  state_ = state::waiting;
  finish();
}

}  // namespace holdfast::actors
