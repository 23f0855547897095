#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::bench {

/// Cuts a byte stream into HTTP/1.1 messages, requests and responses alike, with `Content-Length` or chunked bodies.
/// Enough HTTP for peers under test on the loopback interface; not for the open internet.
class http_message {
 public:
  enum class progress { need_more, head, complete, broken };

  /// Takes up bytes of the peer.
  void feed(std::string_view bytes) { buffer_.append(bytes); }

  /// Parses on as far as possible. `head`: the head is complete, the body is not.
  progress parse();

  /// The first line, for instance "HTTP/1.1 200 OK". Valid from `head` on.
  std::string_view start_line() const;

  /// The status of a response, 0 if this is none.
  int status() const;

  /// The value of a header, empty if there is none. `name` in lower case.
  std::string_view header(std::string_view name) const;

  /// The body as far as it has come.
  std::string_view body() const;

  /// Forgets the message and keeps what follows it.
  void next();

 private:
  bool parse_head();
  progress parse_chunks();

  std::string buffer_;
  std::string chunked_body_;
  std::size_t head_end_ = 0;  // offset behind the empty line, 0 = not found yet
  std::size_t offset_ = 0;    // of what has not been parsed
  std::size_t length_ = 0;
  bool chunked_ = false;
};

/// The JSON of an answer: the body itself, or the `data:` of the last event that has some.
std::string_view json_of(std::string_view content_type, std::string_view body);

}  // namespace holdfast::bench
