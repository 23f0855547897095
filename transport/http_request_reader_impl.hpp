#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "transport/http_parser_impl.hpp"
#include "transport/http_server.hpp"

namespace holdfast::transport {

/// The bytes of a connection and the request they hold. Pure: no I/O.
///
/// Usage: fill `space()`, tell `filled`, ask `advance`. Once that says complete, the request and the views into it stay
/// where they are, whatever is filled in behind them, until `next`.
class http_request_reader {
 public:
  enum class state { need_more, complete, failed };

  explicit http_request_reader(const http_limits& limits);

  /// Room for bytes to come. Grows and rearranges the buffer, but not below a complete request; then it may be empty.
  std::span<char> space();
  void filled(std::size_t n);

  /// Parses as far as the bytes reach.
  state advance();

  /// Forgets the complete request; bytes behind it stay.
  void next();

  /// Forgets everything.
  void discard();

  /// Why `advance` failed: 400, 413, 431, 501 or 505.
  int status() const noexcept { return status_; }

  const http_request& request() const noexcept { return parser_->request(); }
  bool http11() const noexcept { return parser_->http11(); }
  bool keep_alive() const { return parser_->keep_alive(); }
  bool header_done() const { return header_done_; }

  /// True once per request: the client wants "100 Continue" before it sends the body.
  bool take_expectation();

  std::size_t buffered() const noexcept { return end_ - begin_; }

 private:
  state fail(int status);
  state advance_header();
  state advance_length();
  state advance_chunks();
  state completed();
  int status_of(boost::beast::error_code ec) const;
  void move_to(std::size_t capacity);
  std::size_t wanted() const;

  const http_limits& limits_;
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  // begin_ <= body_at_ <= body_end_ <= parsed_ <= end_; a chunked body leaves a gap before parsed_.
  std::size_t begin_ = 0, body_at_ = 0, body_end_ = 0, parsed_ = 0, end_ = 0;
  std::optional<http_parser> parser_;
  int status_ = 0;
  bool header_done_ = false, complete_ = false, expectation_met_ = false;
};

}  // namespace holdfast::transport
