#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "transport/http_client.hpp"

namespace holdfast::transport {

/// Receives the parts of a response as they are parsed.
class client_response_sink {
 public:
  virtual void on_response_head(const client_response_head& head) = 0;
  virtual void on_response_body(std::string_view bytes) = 0;

 protected:
  ~client_response_sink() = default;
};

/// Keeps of the head what the gateway looks at, and nothing of the body.
class client_response_parser final : public boost::beast::http::basic_parser<false> {
 public:
  static constexpr std::uint32_t header_bytes_max = 16u << 10;

  /// The texts of one response after another; kept apart so that their memory is used again.
  struct texts {
    std::string content_type, session_id, retry_after;
  };

  client_response_parser(client_response_sink& sink, texts& t);

  int status() const noexcept { return head_.status; }

  /// 1xx: another response follows.
  bool is_interim() const noexcept { return head_.status < 200; }

  /// How long the server keeps the connection (Keep-Alive: timeout), in seconds; 0 = not said.
  unsigned keep_alive_seconds() const noexcept { return keep_alive_seconds_; }

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  void on_request_impl(boost::beast::http::verb, string_view, string_view, int, error_code&) override {}
  void on_response_impl(int code, string_view reason, int version, error_code& ec) override;
  void on_field_impl(boost::beast::http::field name, string_view name_text, string_view value, error_code& ec) override;
  void on_header_impl(error_code& ec) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& ec) override;
  std::size_t on_body_impl(string_view body, error_code& ec) override;
  void on_chunk_header_impl(std::uint64_t size, string_view extensions, error_code& ec) override;
  std::size_t on_chunk_body_impl(std::uint64_t left, string_view body, error_code& ec) override;
  void on_finish_impl(error_code& ec) override;

  client_response_sink& sink_;
  texts& texts_;
  client_response_head head_;
  unsigned keep_alive_seconds_ = 0;
};

}  // namespace holdfast::transport
