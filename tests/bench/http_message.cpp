#include "tests/bench/http_message.hpp"

#include <algorithm>
#include <charconv>

namespace holdfast::bench {
namespace {

bool same_name(std::string_view sent, std::string_view lower) {
  return std::equal(sent.begin(), sent.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; });
}

bool parse_number(std::string_view text, std::size_t& value, int base) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return end.ec == std::errc{};
}

}  // namespace

http_message::progress http_message::parse() {
  if (head_end_ == 0) {
    const auto end = buffer_.find("\r\n\r\n");
    if (end == std::string::npos) return progress::need_more;
    head_end_ = offset_ = end + 4;
    if (!parse_head()) return progress::broken;
  }
  if (chunked_) return parse_chunks();
  return buffer_.size() - head_end_ >= length_ ? progress::complete : progress::head;
}

bool http_message::parse_head() {
  chunked_ = header("transfer-encoding") == "chunked";
  const auto length = header("content-length");
  length_ = 0;
  if (!length.empty()) return parse_number(length, length_, 10);
  return chunked_ || status() == 0 || status() == 204;
}

http_message::progress http_message::parse_chunks() {
  for (;;) {
    const auto line_end = buffer_.find("\r\n", offset_);
    if (line_end == std::string::npos) return progress::head;
    std::size_t size = 0;
    if (!parse_number(std::string_view(buffer_).substr(offset_, line_end - offset_), size, 16)) return progress::broken;
    const std::size_t data = line_end + 2;
    if (buffer_.size() < data + size + 2) return progress::head;
    chunked_body_.append(buffer_, data, size);
    offset_ = data + size + 2;
    if (size == 0) return progress::complete;
  }
}

std::string_view http_message::start_line() const { return std::string_view(buffer_).substr(0, buffer_.find("\r\n")); }

int http_message::status() const {
  const auto line = start_line();
  std::size_t status = 0;
  if (!line.starts_with("HTTP/1.1 ") || !parse_number(line.substr(9), status, 10)) return 0;
  return static_cast<int>(status);
}

std::string_view http_message::header(std::string_view name) const {
  std::string_view rest = std::string_view(buffer_).substr(0, head_end_);
  rest.remove_prefix(std::min(rest.size(), rest.find("\r\n") + 2));
  while (rest.size() > 2) {
    const auto end = rest.find("\r\n");
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !same_name(line.substr(0, colon), name)) continue;
    auto value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    return value;
  }
  return {};
}

std::string_view http_message::body() const {
  if (chunked_) return chunked_body_;
  return std::string_view(buffer_).substr(head_end_, length_);
}

void http_message::next() {
  buffer_.erase(0, chunked_ ? offset_ : head_end_ + length_);
  chunked_body_.clear();
  head_end_ = offset_ = length_ = 0;
  chunked_ = false;
}

std::string_view json_of(std::string_view content_type, std::string_view body) {
  if (!content_type.starts_with("text/event-stream")) return body;
  std::string_view found;
  while (!body.empty()) {
    const auto end = std::min(body.find('\n'), body.size());
    auto line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!line.starts_with("data:")) continue;
    line.remove_prefix(5);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    if (!line.empty()) found = line;
  }
  return found;
}

}  // namespace holdfast::bench
