#include "transport/sse_parser.hpp"

#include <algorithm>
#include <charconv>

namespace holdfast::transport {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::size_t kept_bytes_max = 64u << 10;

// A stream may live for days: one big event must not leave its memory behind.
void recycle(std::string& buffer) {
  if (buffer.capacity() > kept_bytes_max) {
    std::string().swap(buffer);
  } else {
    buffer.clear();
  }
}

std::optional<unsigned> parse_retry(std::string_view digits) {
  unsigned value = 0;
  const char* end = digits.data() + digits.size();
  auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

bool sse_parser::feed(std::string_view bytes, const std::function<void(const sse_event&)>& on_event) {
  // Each position is searched for once, so that many short lines of one kind cost no repeated search for the other.
  std::size_t lf = bytes.find('\n');
  std::size_t cr = bytes.find('\r');
  std::size_t from = 0;
  while (from < bytes.size()) {
    if (after_cr_) {
      after_cr_ = false;
      if (bytes[from] == '\n') {
        ++from;
        continue;
      }
    }
    if (lf != bytes.npos && lf < from) lf = bytes.find('\n', from);
    if (cr != bytes.npos && cr < from) cr = bytes.find('\r', from);
    const std::size_t stop = std::min({lf, cr, bytes.size()});
    const std::string_view piece = bytes.substr(from, stop - from);
    if (line_.size() + piece.size() > event_bytes_max_) return false;
    if (stop == bytes.size()) {
      line_.append(piece);
      return true;
    }
    after_cr_ = bytes[stop] == '\r';
    from = stop + 1;
    bool within_limit;
    if (line_.empty()) {
      within_limit = take_line(piece, on_event);
    } else {
      line_.append(piece);
      within_limit = take_line(line_, on_event);
      recycle(line_);
    }
    if (!within_limit) return false;
  }
  return true;
}

bool sse_parser::take_line(std::string_view line, const std::function<void(const sse_event&)>& on_event) {
  if (!started_) {
    started_ = true;
    if (line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  }
  if (line.empty()) {
    if (has_data_ || has_id_) {
      sse_event event{type_, data_, std::nullopt};
      if (has_id_) event.id = last_id_;
      on_event(event);
    }
    recycle(data_);
    type_.clear();
    has_data_ = has_id_ = false;
    return true;
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (data_.size() + value.size() + (has_data_ ? 1 : 0) > event_bytes_max_) return false;
    if (has_data_) data_ += '\n';
    data_.append(value);
    has_data_ = true;
  } else if (field == "event") {
    type_ = value;
  } else if (field == "id") {
    if (value.find('\0') == value.npos) {
      last_id_ = value;
      has_id_ = true;
    }
  } else if (field == "retry") {
    if (auto ms = parse_retry(value)) retry_ms_ = ms;
  }
  return true;
}

}  // namespace holdfast::transport
