#include "actors/event_streams.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "transport/mcp/envelope.hpp"

namespace holdfast::actors {
namespace {

struct event_id {
  std::uint32_t stream = 0;
  std::uint64_t position = 0;
  std::uint32_t tag = 0;
};

std::optional<event_id> parse_event_id(std::string_view text) {
  event_id id;
  const auto* const end = text.data() + text.size();
  auto at = std::from_chars(text.data(), end, id.stream);
  if (at.ec != std::errc() || at.ptr == end || *at.ptr != '-') return std::nullopt;
  at = std::from_chars(at.ptr + 1, end, id.position);
  if (at.ec != std::errc() || at.ptr == end || *at.ptr != '-') return std::nullopt;
  at = std::from_chars(at.ptr + 1, end, id.tag, 16);
  if (at.ec != std::errc() || at.ptr != end) return std::nullopt;
  return id;
}

/// FNV-1a: the same on every node, for whoever holds the session later.
std::uint32_t tag_of(std::string_view session) {
  std::uint32_t hash = 2166136261;
  for (const char c : session) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  return hash;
}

/// Line ends stand only between the tokens of a JSON text, so blanks do as well, and the event stays one data line.
std::string one_line(std::string_view json) {
  std::string line(json);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line;
}

}  // namespace

event_streams::event_streams(const session_limits& limits, std::string_view session, mcp::revision revision, bool plain,
                             closed on_closed, event_keeper* keeper)
    : limits_(limits),
      tag_(tag_of(session)),
      revision_(revision),
      plain_(plain),
      on_closed_(std::move(on_closed)),
      keeper_(keeper) {}

std::string event_streams::id_line(std::uint32_t stream, std::uint64_t position) const {
  std::array<char, 8> tag{};
  const auto end = std::to_chars(tag.data(), tag.data() + tag.size(), tag_, 16).ptr;
  return "id: " + std::to_string(stream) + "-" + std::to_string(position) + "-" +
         std::string(tag.data(), static_cast<std::size_t>(end - tag.data())) + "\n";
}

void event_streams::send_endpoint(std::string_view uri) {
  if (own_.exchange) own_.exchange->write("event: endpoint\ndata: " + std::string(uri) + "\n\n");
}

std::uint32_t event_streams::open(exchange_ptr exchange) {
  make_room();
  auto& s = others_.emplace_back();
  s.number = ++last_stream_;
  if (exchange) attach(s, std::move(exchange), 0);
  return s.number;
}

void event_streams::attach(stream& s, exchange_ptr exchange, std::uint64_t after) {
  release(s);
  s.exchange = std::move(exchange);
  s.opened = false;
  s.after = after;
  s.attachment = ++last_attachment_;
  s.attached_at = s.written_at = clock::now();
  watch(s.number, s.attachment, *s.exchange);
  // A marker lets the client resume from before the first event. Where events are replayed, their ids do that; and the
  // last event, when it becomes durable, must find the answer begun.
  if (primes() && !s.said_all && s.log.last() == after) return note(s, kind::marker, {}, false);
  begin_answer(s, 0);
}

/// The head, and everything after `s.after` that is durable. `marker` is a position to resume from, or 0.
void event_streams::begin_answer(stream& s, std::uint64_t marker) {
  s.opened = true;
  s.exchange->open_stream({});
  const auto retry = "retry: " + std::to_string(limits_.retry.count()) + "\n";
  const auto fresh = marker != 0 && marker == s.after + 1;
  if (primes() && !fresh) {
    s.exchange->write(retry + "\n");
  } else if (!primes() && !plain_) {
    s.exchange->write(": ready\n\n");  // gets the response head through proxies
  }
  s.log.replay(s.after, [&](std::uint64_t position, std::string_view event) { write(s, position, event); });
  if (marker == 0) return;
  s.delivered = std::max(s.delivered, marker);
  s.exchange->write(id_line(s.number, marker) + (fresh ? retry : std::string()) + "data: \n\n");
}

void event_streams::watch(std::uint32_t stream, std::uint64_t attachment, transport::http_exchange& exchange) {
  exchange.on_closed([f = on_closed_, stream, attachment] { f(stream, attachment); });
}

void event_streams::release(stream& s) {
  if (!s.exchange) return;
  const auto exchange = std::exchange(s.exchange, nullptr);
  if (s.opened) exchange->end_stream();
}

void event_streams::write(stream& s, std::uint64_t position, std::string_view event) {
  s.delivered = std::max(s.delivered, position);
  s.written_at = clock::now();
  s.exchange->write(event);
}

std::string event_streams::event_text(const stream& s, std::uint64_t position, std::string_view json) const {
  auto event = std::string("event: message\n");
  if (!plain_) event += id_line(s.number, position);
  return event.append("data: ").append(json).append("\n\n");
}

void event_streams::send(std::uint32_t number, std::string_view json, bool last) {
  auto* s = find(number);
  if (s != nullptr && !s->said_all) note(*s, kind::event, one_line(json), last);
}

/// Gives an entry its place in the stream. It takes effect once it is durable.
void event_streams::note(stream& s, kind what, std::string_view json, bool last) {
  const auto event_before = s.last_event;
  if (what == kind::event || what == kind::marker) ++s.last;
  if (what == kind::event) s.last_event = s.last;
  if (last || what == kind::end || what == kind::abandoned) s.said_all = true;
  entry e{
      0, s.number, s.last, event_before, what, last, what == kind::event ? event_text(s, s.last, json) : std::string()};
  if (keeper_ == nullptr) return apply(std::move(e));
  e.number = last_record_ = keeper_->keep(record_of(e, s.exchange != nullptr));
  if (kept_from_ == 0) kept_from_ = e.number;
  unsettled_.push_back(std::move(e));
}

void event_streams::settle(std::uint64_t record) {
  while (!unsettled_.empty() && unsettled_.front().number <= record) {
    auto e = std::move(unsettled_.front());
    unsettled_.pop_front();
    apply(std::move(e));
  }
}

void event_streams::apply(entry e) {
  auto* s = find(e.stream);
  if (s == nullptr) return;
  s->record = e.number;
  if (s->begun == 0) s->begun = e.number;
  switch (e.what) {
    case kind::event: {
      // Written before it is kept: it may be too large to be kept.
      if (s->exchange && s->opened) write(*s, s->log.last() + 1, e.text);
      if (!plain_ || !s->exchange) s->log.append(std::move(e.text), log_limits(), e.number);
      if (e.last) end(*s);
      return;
    }
    case kind::marker: {
      const auto position = s->log.append_marker();
      if (s->exchange && !s->opened) begin_answer(*s, position);
      return;
    }
    case kind::end: return end(*s);
    case kind::abandoned:
      s->finished = true;
      s->finished_at = clock::now();
      return;
    case kind::place: return;
  }
}

void event_streams::end(stream& s) {
  s.finished = true;
  s.finished_at = clock::now();
  release(s);
  if (plain_) std::erase_if(others_, [number = s.number](const stream& o) { return o.number == number; });
}

void event_streams::finish(std::uint32_t number) {
  auto* s = find(number);
  if (s != nullptr && number != 0 && !s->said_all) note(*s, kind::end, {}, false);
}

void event_streams::abandon(std::uint32_t number) {
  if (!primes()) return finish(number);
  auto* s = find(number);
  if (s != nullptr && number != 0 && !s->said_all) note(*s, kind::abandoned, {}, false);
}

bool event_streams::is_open(std::uint32_t number) const noexcept {
  const auto* s = find(number);
  return s != nullptr && !s->said_all;
}

bool event_streams::is_attached(std::uint32_t number) const noexcept {
  const auto* s = find(number);
  return s != nullptr && s->exchange != nullptr;
}

bool event_streams::has_begun(std::uint32_t number) const noexcept {
  const auto* s = find(number);
  return s != nullptr && (s->opened || s->delivered > 0);
}

std::vector<std::uint32_t> event_streams::open_ones() const {
  std::vector<std::uint32_t> numbers;
  for (const auto& s : others_) {
    if (!s.said_all) numbers.push_back(s.number);
  }
  return numbers;
}

void event_streams::replay_all(const stream& s, std::uint64_t after, exchange_ptr& exchange) const {
  exchange->open_stream({});
  s.log.replay(after, [&](std::uint64_t, std::string_view event) { exchange->write(event); });
  std::exchange(exchange, nullptr)->end_stream();
}

bool event_streams::retell(exchange_ptr& exchange, std::uint32_t number) {
  auto* s = find(number);
  if (s == nullptr || number == 0 || !s->log.covers(0)) return false;
  if (s->finished) {
    replay_all(*s, 0, exchange);
  } else {
    attach(*s, std::exchange(exchange, nullptr), 0);
  }
  return true;
}

void event_streams::attach_own(exchange_ptr exchange) {
  if (!own_.exchange) return attach(own_, std::move(exchange), own_.delivered);
  exchange->open_stream({});
  exchange->write(": another stream of this session gets the events\n\n");
  shadows_.push_back({++last_attachment_, std::move(exchange), clock::now()});
  watch(0, shadows_.back().number, *shadows_.back().exchange);
  while (shadows_.size() > limits_.shadow_streams_max) {
    shadows_.front().exchange->end_stream();
    shadows_.pop_front();
  }
}

bool event_streams::resume(exchange_ptr& exchange, std::string_view last_event_id) {
  const auto id = parse_event_id(last_event_id);
  if (!id || id->tag != tag_ || plain_) return false;
  auto* s = find(id->stream);
  if (s == nullptr || !s->log.covers(id->position)) return false;
  if (s->finished) {
    replay_all(*s, id->position, exchange);
    return true;
  }
  // The one who knows the last event is the one who reads on; a connection still attached is a dead one.
  attach(*s, std::exchange(exchange, nullptr), id->position);
  return true;
}

std::vector<std::pair<std::uint32_t, exchange_ptr>> event_streams::take_unanswered() {
  std::vector<std::pair<std::uint32_t, exchange_ptr>> taken;
  const auto take = [&](stream& s) {
    if (s.exchange && !s.opened) taken.emplace_back(s.number, std::exchange(s.exchange, nullptr));
  };
  if (shadows_.empty()) take(own_);
  for (auto& s : others_) take(s);
  return taken;
}

bool event_streams::detached(std::uint32_t number, std::uint64_t attachment) {
  auto* s = find(number);
  if (s != nullptr && s->exchange && s->attachment == attachment) {
    s->exchange = nullptr;
    if (number != 0) return false;
    if (shadows_.empty()) return true;
    // The newest shadow takes over. Its head is out already and its end is watched under its number.
    own_.exchange = std::move(shadows_.back().exchange);
    own_.opened = true;
    own_.attachment = shadows_.back().number;
    own_.attached_at = clock::now();
    own_.written_at = shadows_.back().written_at;
    shadows_.pop_back();
    own_.log.replay(own_.delivered, [&](std::uint64_t p, std::string_view e) { write(own_, p, e); });
    return false;
  }
  if (number == 0) shadows_.remove_if([&](const auto& a) { return a.number == attachment; });
  return false;
}

event_streams::stream* event_streams::find(std::uint32_t number) {
  return const_cast<stream*>(std::as_const(*this).find(number));
}

const event_streams::stream* event_streams::find(std::uint32_t number) const {
  if (number == 0) return &own_;
  const auto found = std::find_if(others_.begin(), others_.end(), [&](const stream& s) { return s.number == number; });
  return found == others_.end() ? nullptr : &*found;
}

/// The oldest finished stream goes first; one that is still open never does.
void event_streams::make_room() {
  if (others_.size() < limits_.streams_max) return;
  const auto oldest = std::find_if(others_.begin(), others_.end(), [](const stream& s) { return s.finished; });
  if (oldest == others_.end()) return;
  release(*oldest);
  others_.erase(oldest);
}

bool event_streams::any_attached() const noexcept {
  return own_.exchange ||
         std::any_of(others_.begin(), others_.end(), [](const stream& s) { return s.exchange != nullptr; });
}

kept_events event_streams::kept() const noexcept {
  kept_events all{own_.log.size(), own_.log.bytes()};
  for (const auto& s : others_) {
    all.number += s.log.size();
    all.bytes += s.log.bytes();
  }
  return all;
}

void event_streams::close_with_hint(stream& s) {
  if (!s.opened) return release(s);
  s.exchange->write("retry: " + std::to_string(limits_.retry.count()) + "\n\n");
  release(s);
}

event_streams::clock::time_point event_streams::tick(clock::time_point now) {
  others_.remove_if([&](stream& s) {
    const auto old = s.finished && now - s.finished_at >= limits_.replay_age_max;
    if (old) release(s);
    return old;
  });
  drop_records();
  auto next = now + std::chrono::hours(1);
  const auto keep_alive = [&](auto& quiet) {
    if (now - quiet.written_at >= limits_.keep_alive) {
      quiet.exchange->write(":\n\n");
      quiet.written_at = now;
    }
    next = std::min(next, quiet.written_at + limits_.keep_alive);
  };
  const auto visit = [&](stream& s) {
    if (s.finished) next = std::min(next, s.finished_at + limits_.replay_age_max);
    if (!s.exchange || !s.opened) return;
    if (primes() && limits_.stream_lifetime.count() > 0) {
      if (now - s.attached_at >= limits_.stream_lifetime) return close_with_hint(s);
      next = std::min(next, s.attached_at + limits_.stream_lifetime);
    }
    keep_alive(s);
  };
  visit(own_);
  for (auto& s : others_) visit(s);
  for (auto& shadow : shadows_) keep_alive(shadow);
  return next;
}

void event_streams::end_all() {
  const auto end = [&](stream& s) {
    if (s.exchange && primes()) return close_with_hint(s);
    release(s);
  };
  end(own_);
  for (auto& s : others_) end(s);
  for (auto& shadow : std::exchange(shadows_, {})) shadow.exchange->end_stream();
}

}  // namespace holdfast::actors
