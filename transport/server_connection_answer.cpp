#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <ctime>
#include <utility>

#include "transport/content_type.hpp"
#include "transport/server_connection_impl.hpp"

namespace holdfast::transport {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kept_busy = 64 * 1024, kept_streaming = 0;

void give_back(std::string& s, std::size_t kept) {
  s.clear();
  if (s.capacity() > kept) std::string().swap(s);
}

}  // namespace

http_answer_head server_connection::head(int status, std::string_view content_type,
                                         std::string_view extra_headers) const {
  const auto persistence = !keep_alive_ ? http_persistence::close
                           : http11_    ? http_persistence::implied
                                        : http_persistence::keep_alive;
  return {status, content_type, extra_headers, site_.date.at(std::time(nullptr)), persistence};
}

void server_connection::respond(int status, std::string_view content_type, std::string_view extra_headers,
                                std::initializer_list<std::string_view> body) {
  if (phase_ != phase::serving) return;
  if (site_.draining || (tls_ && tls_->is_outdated())) keep_alive_ = false;
  std::size_t length = 0;
  for (const auto part : body) length += part.size();
  append_head(next_, head(status, content_type, extra_headers), length);
  if (!bodyless_ && !is_bodyless(status))
    for (const auto part : body) next_.append(part);
  phase_ = phase::answering;
  reader_->next();
  if (writing_) limit_.set(site_.limits.write_timeout);
  flush();
}

void server_connection::open_stream(std::string_view extra_headers) {
  if (phase_ != phase::serving) return;
  if (site_.draining || !http11_ || (tls_ && tls_->is_outdated())) keep_alive_ = false;
  append_stream_head(next_, head(200, event_stream_type, extra_headers), http11_);
  phase_ = phase::streaming;
  site_.counters.streams.add();
  reader_->next();
  give_reader_back();
  read();
  if (writing_) limit_.set(site_.limits.write_timeout);
  flush_soon();
}

bool server_connection::write(std::string_view bytes) {
  if (phase_ != phase::streaming) return false;
  if (bodyless_) return true;
  // One write may be larger than the limit: a client that keeps up can be sent anything.
  if (next_.size() + out_.size() - sent_ > site_.limits.stream_queue_bytes_max) {
    reset_peer();
    if (auto tell = close()) home_.post(std::move(tell));
    return false;
  }
  if (http11_)
    append_chunk(next_, bytes);
  else
    next_.append(bytes);
  flush_soon();
  return true;
}

void server_connection::end_stream() {
  if (phase_ != phase::streaming) return;
  if (http11_ && !bodyless_) next_.append("0\r\n\r\n");
  phase_ = phase::answering;
  site_.counters.streams.take();
  if (writing_ || !next_.empty()) return flush();
  leave();
}

void server_connection::when_closed(std::function<void()> f) {
  if (phase_ == phase::closed)
    home_.post(std::move(f));
  else
    on_closed_ = std::move(f);
}

void server_connection::abandon() {
  // Whoever dropped the exchange has no use for the news.
  const auto forgotten = close();
}

void server_connection::flush_soon() {
  if (flush_posted_ || writing_) return;
  flush_posted_ = true;
  asio::post(socket_->get_executor(), [self = shared_from_this()] {
    self->flush_posted_ = false;
    if (self->phase_ != phase::closed) self->flush();
  });
}

void server_connection::flush() {
  if (writing_ || next_.empty()) return;
  out_.swap(next_);
  sent_ = 0;
  writing_ = true;
  if (phase_ != phase::reading) limit_.set(site_.limits.write_timeout);
  write_some();
}

void server_connection::write_some() {
  if (tls_) return write_encrypted();
  socket_->async_write_some(asio::buffer(out_.data() + sent_, out_.size() - sent_),
                            [self = shared_from_this()](error_code ec, std::size_t n) { self->on_written(ec, n); });
}

void server_connection::on_written(error_code ec, std::size_t n) {
  if (phase_ == phase::closed) return;
  if (ec) return close_and_tell();
  site_.counters.sent_bytes.add(n);
  sent_ += n;
  if (sent_ < out_.size()) {
    if (phase_ != phase::reading) limit_.set(site_.limits.write_timeout);
    return write_some();
  }
  writing_ = false;
  sent_ = 0;
  give_back(out_, phase_ == phase::streaming ? kept_streaming : kept_busy);
  if (!next_.empty()) return flush();
  switch (phase_) {
    case phase::streaming: give_back(next_, kept_streaming); return limit_.clear();
    case phase::answering:
      if (!keep_alive_ || site_.draining || peer_ended_) return leave();
      forget_watcher();
      return await_request();
    case phase::refusing: return leave();
    default: return;
  }
}

void server_connection::reset_peer() {
  if (tls_) tls_->be_quiet();
  error_code ignored;
  socket_->set_option(asio::socket_base::linger(true, 0), ignored);
}

}  // namespace holdfast::transport
