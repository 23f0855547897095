#include <boost/beast/core/string.hpp>
#include <charconv>

#include "transport/client_response_impl.hpp"

namespace holdfast::transport {

namespace http = boost::beast::http;

namespace {

std::string_view plain(boost::beast::string_view text) noexcept { return {text.data(), text.size()}; }

std::optional<std::uint64_t> length_of(std::string_view value) noexcept {
  std::uint64_t length = 0;
  auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), length);
  if (ec != std::errc{} || end != value.data() + value.size()) return std::nullopt;
  return length;
}

/// "timeout=5, max=1000" → 5
unsigned timeout_of(std::string_view value) noexcept {
  constexpr std::string_view name = "timeout=";
  auto at = value.find(name);
  if (at == std::string_view::npos) return 0;
  unsigned seconds = 0;
  std::from_chars(value.data() + at + name.size(), value.data() + value.size(), seconds);
  return seconds;
}

}  // namespace

client_response_parser::client_response_parser(client_response_sink& sink, texts& t) : sink_(sink), texts_(t) {
  texts_.content_type.clear();
  texts_.session_id.clear();
  texts_.retry_after.clear();
  eager(true);
  header_limit(header_bytes_max);
  body_limit(boost::none);  // event streams have no end; whoever takes the body bounds it
}

void client_response_parser::on_response_impl(int code, string_view, int, error_code&) { head_.status = code; }

void client_response_parser::on_field_impl(http::field name, string_view name_text, string_view value, error_code&) {
  switch (name) {
    case http::field::content_type: texts_.content_type.assign(plain(value)); break;
    case http::field::retry_after: texts_.retry_after.assign(plain(value)); break;
    case http::field::content_length: head_.content_length = length_of(plain(value)); break;
    case http::field::www_authenticate: head_.challenged = true; break;
    case http::field::keep_alive: keep_alive_seconds_ = timeout_of(plain(value)); break;
    case http::field::unknown:
      if (boost::beast::iequals(name_text, "Mcp-Session-Id")) texts_.session_id.assign(plain(value));
      break;
    default: break;
  }
}

void client_response_parser::on_header_impl(error_code&) {
  if (is_interim()) return;
  head_.content_type = texts_.content_type;
  head_.session_id = texts_.session_id;
  head_.retry_after = texts_.retry_after;
  sink_.on_response_head(head_);
}

void client_response_parser::on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) {}

std::size_t client_response_parser::on_body_impl(string_view body, error_code&) {
  sink_.on_response_body(plain(body));
  return body.size();
}

void client_response_parser::on_chunk_header_impl(std::uint64_t, string_view, error_code&) {}

std::size_t client_response_parser::on_chunk_body_impl(std::uint64_t, string_view body, error_code&) {
  sink_.on_response_body(plain(body));
  return body.size();
}

void client_response_parser::on_finish_impl(error_code&) {}

}  // namespace holdfast::transport
