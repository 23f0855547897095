#include "transport/server_stream.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "transport/errc.hpp"

namespace holdfast::transport {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds default_retry{1'000}, longest_pause{60'000};
// A stream that held this long was no failure, even if it brought nothing.
constexpr std::chrono::seconds long_enough{10};
constexpr unsigned doublings_max = 10;

/// Status codes after which asking again may help.
bool worth_asking_again(int status) noexcept {
  return status == 0 || status == 200 || status == 408 || status == 409 || status == 425 || status == 429 ||
         status >= 500;
}

}  // namespace

server_stream::server_stream(loop& on, std::shared_ptr<const upstream_site> site, std::shared_ptr<http_pool> pool,
                             std::size_t event_bytes_max, callbacks to)
    : loop_(on),
      site_(std::move(site)),
      pool_(std::move(pool)),
      event_bytes_max_(event_bytes_max),
      to_(std::move(to)),
      retry_(default_retry) {}

void server_stream::start(const std::string& after) {
  if (stopped_) return;
  if (!after.empty()) last_event_id_ = is_header_text(after) ? after : std::string();
  stream_ = std::make_shared<event_stream>(pool_, event_bytes_max_, *this);
  stream_->open(site_->get(last_event_id_));
}

void server_stream::stop() {
  stopped_ = true;
  to_ = {};
  loop_.cancel(pause_);
  if (auto stream = std::exchange(stream_, nullptr)) stream->cancel();
}

void server_stream::settle() {
  if (auto settled = std::exchange(to_.settled, nullptr)) settled();
}

void server_stream::on_stream_open() {
  opened_ = std::chrono::steady_clock::now();
  settle();
}

void server_stream::on_stream_event(const sse_event& e) {
  fruitless_ = 0;
  if (e.id) {
    last_event_id_ = is_header_text(*e.id) ? std::string(*e.id) : std::string();
    if (to_.event_id) to_.event_id(last_event_id_);
  }
  if (e.data.empty() || !(e.type.empty() || e.type == "message")) return;
  auto keep = shared_from_this();
  if (auto message = to_.message) message(e.data);
}

void server_stream::on_stream_over(failure why, int status) {
  auto keep = shared_from_this();
  auto stream = std::exchange(stream_, nullptr);
  if (stream && stream->retry_ms()) retry_ = std::min(milliseconds(*stream->retry_ms()), longest_pause);
  settle();
  if (stopped_) return;
  if (status == 404 && site_->has_session()) {
    why = {make_error_code(errc::session_lost), "HTTP 404 to the event stream"};
    if (auto lost = std::exchange(to_.session_lost, nullptr)) lost(std::move(why));
    return;
  }
  if (!worth_asking_again(status) || why.code == errc::bad_event_stream) return;
  if (status == 200 && std::chrono::steady_clock::now() - opened_ >= long_enough) fruitless_ = 0;
  pause_ = loop_.after(next_pause(), [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->start();
  });
}

/// `retry` after a stream that was of use; then twice as long each time, plus up to a quarter, so that the gateway's
/// many connections do not come back to a restarted server all at once.
milliseconds server_stream::next_pause() {
  const auto doublings = std::min(fruitless_++, doublings_max);
  if (doublings == 0) return retry_;
  const auto pause = std::min(std::max(retry_, milliseconds(100)) * (1u << doublings), longest_pause);
  thread_local std::minstd_rand random{std::random_device{}()};
  return pause + milliseconds(std::uniform_int_distribution<milliseconds::rep>(0, pause.count() / 4)(random));
}

}  // namespace holdfast::transport
