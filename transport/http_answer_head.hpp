#pragma once

#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

namespace holdfast::transport {

/// The Date field of a second (RFC 9110, section 6.6.1), written once per second.
class http_date {
 public:
  std::string_view at(std::time_t now);

 private:
  std::time_t written_for_ = -1;
  char text_[30] = {};
};

/// What the head of a response says about the connection.
enum class http_persistence {
  implied,     ///< HTTP/1.1 that goes on: nothing to say
  keep_alive,  ///< HTTP/1.0 that goes on
  close,
};

struct http_answer_head {
  int status = 200;
  std::string_view content_type;   ///< empty: none
  std::string_view extra_headers;  ///< whole lines, each ended by CRLF
  std::string_view date;
  http_persistence persistence = http_persistence::implied;
};

/// True if a response of this status has neither body nor length (RFC 9110, section 8.6).
bool is_bodyless(int status) noexcept;

/// Append a response head, with its empty line, for a body of known length.
void append_head(std::string& out, const http_answer_head& head, std::size_t content_length);

/// The same for an event stream; `chunked`, or ended by closing the connection.
void append_stream_head(std::string& out, const http_answer_head& head, bool chunked);

/// Appends one chunk of the chunked transfer coding. An empty chunk would end the stream and is left out.
void append_chunk(std::string& out, std::string_view bytes);

/// The JSON-RPC error, without id, that says why the connection refuses a request.
std::string_view refusal_body(int status) noexcept;
inline constexpr std::string_view tls_wanted_body =
    R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"TLS is spoken here: use https"}})";

}  // namespace holdfast::transport
