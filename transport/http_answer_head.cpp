#include "transport/http_answer_head.hpp"

#include <ostream>  // status.hpp of Boost 1.81 uses it without including it

#include <boost/beast/http/status.hpp>
#include <charconv>

namespace holdfast::transport {

namespace {

namespace http = boost::beast::http;

void append_number(std::string& out, std::size_t n, int base = 10) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, n, base).ptr;
  out.append(digits, end);
}

void append_start(std::string& out, const http_answer_head& head) {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(head.status));
  const auto reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(head.status)));
  out.append(" ").append(reason.data(), reason.size()).append("\r\n");
  if (!head.content_type.empty()) out.append("Content-Type: ").append(head.content_type).append("\r\n");
  out.append("Date: ").append(head.date).append("\r\n");
  switch (head.persistence) {
    case http_persistence::implied: break;
    case http_persistence::keep_alive: out.append("Connection: keep-alive\r\n"); break;
    case http_persistence::close: out.append("Connection: close\r\n"); break;
  }
  out.append(head.extra_headers);
}

}  // namespace

std::string_view http_date::at(std::time_t now) {
  if (now != written_for_) {
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&now, &utc);
    char* p = text_;
    const auto text = [&p](std::string_view s) { p += s.copy(p, s.size()); };
    const auto two = [&p](int n) {
      *p++ = static_cast<char>('0' + n / 10 % 10), *p++ = static_cast<char>('0' + n % 10);
    };
    text(days[utc.tm_wday]), text(", "), two(utc.tm_mday), text(" "), text(months[utc.tm_mon]), text(" ");
    const int year = utc.tm_year + 1900;
    two(year / 100), two(year), text(" "), two(utc.tm_hour), text(":"), two(utc.tm_min), text(":"), two(utc.tm_sec);
    text(" GMT");
    written_for_ = now;
  }
  return {text_, sizeof text_ - 1};
}

bool is_bodyless(int status) noexcept { return status < 200 || status == 204 || status == 304; }

void append_head(std::string& out, const http_answer_head& head, std::size_t content_length) {
  append_start(out, head);
  if (!is_bodyless(head.status)) {
    out.append("Content-Length: ");
    append_number(out, content_length);
    out.append("\r\n");
  }
  out.append("\r\n");
}

void append_stream_head(std::string& out, const http_answer_head& head, bool chunked) {
  append_start(out, head);
  out.append("Cache-Control: no-cache, no-transform\r\nX-Accel-Buffering: no\r\n");
  if (chunked) out.append("Transfer-Encoding: chunked\r\n");
  out.append("\r\n");
}

void append_chunk(std::string& out, std::string_view bytes) {
  if (bytes.empty()) return;
  append_number(out, bytes.size(), 16);
  out.append("\r\n").append(bytes).append("\r\n");
}

std::string_view refusal_body(int status) noexcept {
  switch (status) {
    case 408: return R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"The request took too long to arrive"}})";
    case 413: return R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"The request body is too large"}})";
    case 431: return R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"The request header is too large"}})";
    case 501: return R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"This transfer coding is not supported"}})";
    case 503: return R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"Too many connections"}})";
    case 505: return R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"This HTTP version is not supported"}})";
    default: return R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"This is not a well-formed HTTP request"}})";
  }
}

}  // namespace holdfast::transport
