#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "transport/http_server.hpp"

namespace holdfast::transport {

/// Beast's grammar of an HTTP/1.1 request with the checks a server facing strangers needs on top, and none of the
/// containers: what is kept are views into the bytes that were parsed. For one request only.
class http_parser final : public boost::beast::http::basic_parser<true> {
 public:
  explicit http_parser(const http_limits& limits);

  const http_request& request() const noexcept { return request_; }
  bool http11() const noexcept { return http11_; }
  bool expects_continue() const noexcept { return expects_continue_ && http11_; }

  /// The status to refuse the request with, if the parser rather than the grammar stopped it; else 0.
  int refused() const noexcept { return refused_; }

  /// Names the bytes about to be given to `put`: no value may lie outside.
  void parse_from(const char* begin, const char* end) noexcept { begin_ = begin, end_ = end; }

  /// All bytes parsed so far have moved from `from` to `to`.
  void rebase(const char* from, const char* to) noexcept;

  /// Where the next bytes of a chunked body are moved to.
  void decode_chunks_to(char* at) noexcept { chunks_to_ = at; }
  char* decoded_to() const noexcept { return chunks_to_; }

  void set_body(std::string_view body) noexcept { request_.body = body; }

 private:
  using field = boost::beast::http::field;
  using verb = boost::beast::http::verb;
  using error_code = boost::beast::error_code;
  using view = boost::beast::string_view;

  void on_request_impl(verb method, view, view target, int version, error_code& ec) override;
  void on_response_impl(int, view, int, error_code&) override {}
  void on_field_impl(field, view name, view value, error_code& ec) override;
  void on_header_impl(error_code& ec) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(view body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, view body, error_code&) override;
  void on_finish_impl(error_code&) override {}

  void refuse(int status, error_code& ec);
  void take_target(std::string_view target, error_code& ec);
  void take_field(std::string_view name, std::string_view value, error_code& ec);
  void take_single(std::string_view& slot, std::string_view value, error_code& ec);
  void take_accept(std::string_view value);
  bool contiguous(view name, view value) const noexcept;

  http_request request_;
  std::string joined_accept_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
  char* chunks_to_ = nullptr;
  std::size_t headers_ = 0, headers_max_;
  int refused_ = 0;
  bool http11_ = false, header_done_ = false, expects_continue_ = false;
  bool has_length_ = false, has_coding_ = false, has_trace_ = false, has_host_ = false, host_in_target_ = false;
};

}  // namespace holdfast::transport
