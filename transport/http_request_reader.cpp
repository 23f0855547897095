#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>
#include <utility>

#include "transport/http_request_reader_impl.hpp"

namespace holdfast::transport {

namespace http = boost::beast::http;

namespace {

constexpr std::size_t usual_capacity = 2048;
constexpr std::size_t kept_capacity = 64 * 1024;  // a larger buffer is given back after the request that needed it
constexpr std::size_t space_min = 512;

/// True if the request line ends in an HTTP version that is well-formed but not ours.
bool names_other_version(std::string_view line) {
  line = line.substr(0, line.find_first_of("\r\n"));
  const auto at = line.rfind(' ');
  const std::string_view version = at == line.npos ? line : line.substr(at + 1);
  const auto digit = [&](std::size_t i) { return version[i] >= '0' && version[i] <= '9'; };
  return version.size() == 8 && version.starts_with("HTTP/") && digit(5) && version[6] == '.' && digit(7) &&
         version != "HTTP/1.0" && version != "HTTP/1.1";
}

}  // namespace

http_request_reader::http_request_reader(const http_limits& limits) : limits_(limits) {}

void http_request_reader::move_to(std::size_t capacity) {
  auto to = std::make_unique_for_overwrite<char[]>(capacity);
  if (end_ > begin_) std::memcpy(to.get(), bytes_.get() + begin_, end_ - begin_);
  if (parser_) parser_->rebase(bytes_.get() + begin_, to.get());
  bytes_ = std::move(to);
  capacity_ = capacity;
  body_at_ -= begin_, body_end_ -= begin_, parsed_ -= begin_, end_ -= begin_;
  begin_ = 0;
}

std::size_t http_request_reader::wanted() const {
  // A length that was only announced is not a reason to allocate: grow with what has arrived.
  const std::size_t doubled = std::max(usual_capacity, 2 * (end_ - begin_));
  if (!header_done_ || parser_->chunked()) return doubled;
  const std::size_t whole = (body_at_ - begin_) + static_cast<std::size_t>(*parser_->content_length()) + space_min;
  return std::min(whole, 2 * doubled);
}

std::span<char> http_request_reader::space() {
  if (!complete_) {
    if (!parser_ && begin_ == end_) begin_ = body_at_ = body_end_ = parsed_ = end_ = 0;
    if (header_done_ && parsed_ > body_end_) {
      std::memmove(bytes_.get() + body_end_, bytes_.get() + parsed_, end_ - parsed_);
      end_ -= parsed_ - body_end_;
      parsed_ = body_end_;
    }
    if (capacity_ - end_ < space_min) move_to(std::max(wanted(), end_ - begin_ + space_min));
  }
  return {bytes_.get() + end_, capacity_ - end_};
}

void http_request_reader::filled(std::size_t n) {
  const bool cramped = n == capacity_ - end_;
  end_ += n;
  if (parser_ || begin_ == 0) return;
  // Between two requests nothing points into the buffer: start at its front again, and fit it to what the client sends,
  // so that the space behind a request suffices to read the next one at once.
  const std::size_t size = end_ - begin_;
  if (cramped && capacity_ <= kept_capacity / 2) return move_to(2 * capacity_);
  if (capacity_ > kept_capacity && size <= usual_capacity - space_min) return move_to(usual_capacity);
  std::memmove(bytes_.get(), bytes_.get() + begin_, size);
  end_ = size;
  begin_ = body_at_ = body_end_ = parsed_ = 0;
}

http_request_reader::state http_request_reader::fail(int status) {
  status_ = status;
  return state::failed;
}

http_request_reader::state http_request_reader::advance() {
  if (!header_done_) return advance_header();
  return parser_->chunked() ? advance_chunks() : advance_length();
}

http_request_reader::state http_request_reader::advance_header() {
  if (!parser_) {
    // RFC 9112, section 2.2: an empty line before the request line is to be ignored.
    while (begin_ < end_ && (bytes_[begin_] == '\r' || bytes_[begin_] == '\n')) ++begin_;
    if (begin_ == end_) return state::need_more;
    parsed_ = body_at_ = body_end_ = begin_;
    parser_.emplace(limits_);
  }
  const char* const base = bytes_.get();
  boost::beast::error_code ec;
  parser_->parse_from(base + begin_, base + end_);
  parsed_ += parser_->put(boost::asio::const_buffer(base + parsed_, end_ - parsed_), ec);
  const std::size_t header = (parser_->is_header_done() ? parsed_ : end_) - begin_;
  if (ec && ec != http::error::need_more) return fail(status_of(ec));
  if (header > limits_.header_bytes_max) return fail(431);
  if (!parser_->is_header_done()) return state::need_more;
  header_done_ = true;
  body_at_ = body_end_ = parsed_;
  if (parser_->is_done()) return completed();
  parser_->eager(true);
  return advance();
}

http_request_reader::state http_request_reader::advance_length() {
  const auto length = static_cast<std::size_t>(*parser_->content_length());
  if (end_ - body_at_ < length) return state::need_more;
  body_end_ = parsed_ = body_at_ + length;
  return completed();
}

http_request_reader::state http_request_reader::advance_chunks() {
  char* const base = bytes_.get();
  parser_->parse_from(base + begin_, base + end_);
  parser_->decode_chunks_to(base + body_end_);
  boost::beast::error_code ec;
  // The shortest end of a body. Asked about less, the parser of Boost 1.81 may trip over an assertion.
  constexpr std::size_t last_chunk = sizeof "0\r\n\r\n" - 1;
  while (end_ - parsed_ >= last_chunk && !ec && !parser_->is_done())
    parsed_ += parser_->put(boost::asio::const_buffer(base + parsed_, end_ - parsed_), ec);
  body_end_ = static_cast<std::size_t>(parser_->decoded_to() - base);
  if (ec && ec != http::error::need_more) return fail(status_of(ec));
  if (parser_->is_done()) return completed();
  // What is left unparsed is a chunk extension or the trailer: bounded like a header.
  return end_ - parsed_ > limits_.header_bytes_max ? fail(431) : state::need_more;
}

http_request_reader::state http_request_reader::completed() {
  complete_ = true;
  parser_->set_body({bytes_.get() + body_at_, body_end_ - body_at_});
  return state::complete;
}

int http_request_reader::status_of(boost::beast::error_code ec) const {
  if (const int status = parser_->refused()) return status;
  if (ec == http::error::body_limit) return 413;
  if (ec == http::error::header_limit) return 431;
  if (ec == http::error::bad_version && names_other_version({bytes_.get() + begin_, end_ - begin_})) return 505;
  return 400;
}

bool http_request_reader::take_expectation() {
  // A client that has begun to send its body has stopped waiting.
  if (!header_done_ || expectation_met_ || !parser_->expects_continue() || end_ > parsed_) return false;
  return expectation_met_ = true;
}

void http_request_reader::next() {
  begin_ = body_at_ = body_end_ = parsed_;
  parser_.reset();
  header_done_ = complete_ = expectation_met_ = false;
}

void http_request_reader::discard() {
  parsed_ = end_;
  next();
}

}  // namespace holdfast::transport
