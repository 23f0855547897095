#include <algorithm>
#include <boost/asio/post.hpp>
#include <random>
#include <utility>

#include "persistence/redis/redis_command.hpp"
#include "persistence/redis/redis_link_impl.hpp"

namespace holdfast::persistence {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t input_size = 64U << 10U;
constexpr auto connecting_max = 3'000ms;
constexpr auto pause_min = 20ms, pause_max = 1'000ms;

// While the replicas are waited for, Redis reads nothing else from the connection. What needs them for longer is tried
// again, as far as its deadline allows.
constexpr auto wait_min = 50ms, wait_max = 1'000ms;

std::chrono::milliseconds pause_after(unsigned attempts) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto whole = std::min(pause_max, pause_min * (1U << std::min(attempts, 10U)));
  return whole / 2 + std::chrono::milliseconds(random() % static_cast<unsigned>(whole.count() / 2 + 1));
}

}  // namespace

redis_link::redis_link(asio::io_context& context, redis_endpoint to, redis_link_settings settings,
                       redis_link_events& events)
    : context_(context),
      to_(std::move(to)),
      settings_(std::move(settings)),
      events_(events),
      timer_(context),
      input_(input_size) {}

template <class Handler>
void redis_link::after(std::chrono::milliseconds delay, Handler h) {
  timer_.expires_after(delay);
  timer_.async_wait([self = shared_from_this(), h = std::move(h)](const error_code& ec) {
    if (!ec && self->phase_ != phase::closed) h(*self);
  });
}

void redis_link::start() { connect(); }

void redis_link::connect() {
  phase_ = phase::connecting;
  ++attempts_;
  stream_ = std::make_shared<redis_stream>(context_, to_, settings_.tls);
  reader_.emplace();
  stream_->connect([self = shared_from_this(), stream = stream_.get()](std::optional<store_failure> why) {
    if (self->stream_.get() != stream) return;
    if (why) return self->lose(std::move(*why));
    self->greet();
  });
  after(std::min<std::chrono::milliseconds>(settings_.patience, connecting_max), [](redis_link& l) {
    if (l.phase_ == phase::connecting) l.lose({store_errc::unavailable, "no connection in time"});
    if (l.phase_ == phase::greeting || l.phase_ == phase::ending_predecessor)
      l.lose({store_errc::unavailable, "connected, but without an answer"});
  });
}

void redis_link::greet() {
  phase_ = phase::greeting;
  greeting_replies_.clear();
  greeting_size_ = append_greeting(unsent_, settings_.credentials);
  read();
  write();
}

void redis_link::on_greeted() {
  auto read = read_greeting(greeting_replies_, settings_.credentials);
  if (!read) return lose(read.error());
  if (settings_.masters_only && read->role != "master") return lose({store_errc::unavailable, "it is a replica"});
  const auto before = std::exchange(greeting_, std::move(*read));
  if (before.client_id != 0 && before.run_id == greeting_.run_id) return end_predecessor(before.client_id);
  become_ready();
}

// The server may not have read yet what the connection before this one was sent last. Carried out after what is sent
// again now, and after what follows that, it would undo: a claim would fence its own slot, a restoration would bring an
// old state back.
void redis_link::end_predecessor(std::int64_t client_id) {
  phase_ = phase::ending_predecessor;
  append_command(unsent_, "CLIENT", "KILL", "ID", client_id);
  if (!writing_) write();
}

void redis_link::on_predecessor_ended(const redis_reply& reply) {
  if (reply.is_error()) return lose(failure_of(reply));
  become_ready();
}

void redis_link::become_ready() {
  phase_ = phase::ready;
  attempts_ = 0;
  timer_.cancel();
  events_.on_ready(*this);
}

void redis_link::close() {
  if (phase_ == phase::closed) return;
  phase_ = phase::closed;
  timer_.cancel();
  if (const auto stream = std::exchange(stream_, nullptr)) stream->close();
  give_back();
}

void redis_link::drop(std::string why) {
  asio::post(context_, [self = shared_from_this(), stream = stream_, why = std::move(why)] {
    if (self->phase_ == phase::ready && self->stream_ == stream) self->lose({store_errc::unavailable, why});
  });
}

void redis_link::lose(store_failure why) {
  const auto self = shared_from_this();
  if (const auto stream = std::exchange(stream_, nullptr)) stream->close();
  phase_ = phase::pausing;
  give_back();
  if (phase_ != phase::pausing) return;
  after(pause_after(attempts_), [](redis_link& l) { l.connect(); });
  why.detail = shown(to_) + ": " + why.detail;
  events_.on_lost(*this, why);
}

void redis_link::give_back() {
  unsent_.clear();
  writing_ = waiting_for_replicas_ = has_durable_ = false;
  const auto held = std::exchange(held_, {});
  const auto in_flight = std::exchange(in_flight_, {});
  const auto sent_count = in_flight.size() - std::exchange(unsent_count_, 0);
  for (const auto& h : held) h.request->repeated = true;
  for (std::size_t i = 0; i < sent_count; ++i)
    if (in_flight[i].request != nullptr) in_flight[i].request->repeated = true;
  for (const auto& h : held) events_.on_unanswered(*h.request);
  for (const auto& s : in_flight)
    if (s.request != nullptr) events_.on_unanswered(*s.request);
}

void redis_link::read() {
  stream_->read_some(asio::buffer(input_),
                     [self = shared_from_this(), stream = stream_](const error_code& ec, std::size_t count) {
                       if (self->stream_ != stream) return;
                       if (ec) return self->on_read_error(ec);
                       self->on_bytes(count);
                     });
}

void redis_link::on_read_error(const error_code& ec) {
  // A server that has no room for another client, or is protected, says so before it hangs up.
  const bool was_told = phase_ == phase::greeting && !greeting_replies_.empty() && greeting_replies_[0].is_error();
  lose(was_told ? failure_of(greeting_replies_[0]) : store_failure{store_errc::unavailable, ec.message()});
}

void redis_link::on_bytes(std::size_t count) {
  const auto* stream = stream_.get();
  heard_ = clock::now();
  if (reader_->feed({input_.data(), count}))
    while (auto* reply = reader_->next()) {
      on_reply(*reply);
      if (stream_.get() != stream) return;
    }
  if (!reader_->error().empty()) return lose({store_errc::unavailable, reader_->error()});
  read();
}

void redis_link::on_reply(redis_reply& reply) {
  if (phase_ == phase::greeting) {
    greeting_replies_.push_back(std::move(reply));
    if (greeting_replies_.size() == greeting_size_) on_greeted();
    return;
  }
  if (phase_ == phase::ending_predecessor) return on_predecessor_ended(reply);
  if (in_flight_.empty()) return lose({store_errc::unavailable, "an answer without a question"});
  const auto next = in_flight_.front();
  in_flight_.pop_front();
  if (next.what == expected::replicas) return on_replicas(reply);
  if (next.what == expected::asking) return;
  if (next.request->durable && settings_.wait_replicas > 0 && !reply.is_error())
    held_.push_back({next.request, std::move(reply)});
  else
    events_.on_reply(*this, *next.request, reply);
}

void redis_link::on_replicas(const redis_reply& reply) {
  const auto* stream = stream_.get();
  if (reply.is_error()) return lose({store_errc::unavailable, "WAIT: " + reply.text});
  waiting_for_replicas_ = false;
  const bool enough = reply.integer >= std::int64_t{settings_.wait_replicas};
  while (!held_.empty() && stream_.get() == stream) {
    auto first = std::move(held_.front());
    held_.pop_front();
    if (enough)
      events_.on_reply(*this, *first.request, first.reply);
    else
      events_.on_short_of_replicas(*this, *first.request);
  }
  if (stream_.get() == stream) flush();
}

void redis_link::send(redis_request& r, bool asking) {
  if (asking) {
    append_command(unsent_, "ASKING");
    in_flight_.push_back({expected::asking, nullptr});
    ++unsent_count_;
  }
  append_request(unsent_, r);
  in_flight_.push_back({expected::request, &r});
  ++unsent_count_;
  if (r.durable && settings_.wait_replicas > 0) {
    first_deadline_ = has_durable_ ? std::min(first_deadline_, r.deadline) : r.deadline;
    has_durable_ = true;
  }
  flush_soon();
}

void redis_link::flush_soon() {
  if (writing_ || flush_posted_ || waiting_for_replicas_) return;
  flush_posted_ = true;
  asio::post(context_, [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void redis_link::flush() {
  if ((phase_ != phase::ready && phase_ != phase::ending_predecessor) || writing_ || waiting_for_replicas_ ||
      unsent_.empty())
    return;
  if (has_durable_) append_wait();
  write();
}

void redis_link::append_wait() {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(first_deadline_ - clock::now());
  const auto limit = std::clamp<std::chrono::milliseconds>(left / 2, wait_min, wait_max);
  append_command(unsent_, "WAIT", std::int64_t{settings_.wait_replicas}, std::int64_t{limit.count()});
  in_flight_.push_back({expected::replicas, nullptr});
  waiting_for_replicas_ = true;
  has_durable_ = false;
}

void redis_link::write() {
  writing_ = true;
  unsent_count_ = 0;
  sending_.clear();
  sending_.swap(unsent_);
  stream_->write(asio::buffer(sending_),
                 [self = shared_from_this(), stream = stream_](const error_code& ec, std::size_t) {
                   if (self->stream_ != stream) return;
                   self->writing_ = false;
                   if (ec) return self->lose({store_errc::unavailable, ec.message()});
                   self->flush();
                 });
}

}  // namespace holdfast::persistence
