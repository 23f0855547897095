#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::transport {

/// One dispatched event of a `text/event-stream` (WHATWG HTML, section 9.2.6).
struct sse_event {
  std::string_view type;               ///< empty means "message"
  std::string_view data;               ///< lines joined by LF; may be empty
  std::optional<std::string_view> id;  ///< only if this event carried an `id` field
};

/// An incremental parser. Differs from the standard in one point, as MCP needs it: an event with an `id` and no data is
/// dispatched too (the priming event of revision 2025-11-25). Pure: no I/O.
class sse_parser {
 public:
  explicit sse_parser(std::size_t event_bytes_max) : event_bytes_max_(event_bytes_max) {}

  /// Feeds bytes cut anywhere, calling `on_event` for each event completed. Views are valid during the call only.
  /// False once an event or a line is over the limit; then the parser must not be fed again.
  bool feed(std::string_view bytes, const std::function<void(const sse_event&)>& on_event);

  /// The last `retry` field seen, in milliseconds.
  std::optional<unsigned> retry_ms() const noexcept { return retry_ms_; }

  /// The last event id seen; empty if none.
  const std::string& last_event_id() const noexcept { return last_id_; }

 private:
  bool take_line(std::string_view line, const std::function<void(const sse_event&)>& on_event);

  std::size_t event_bytes_max_;
  std::string line_, data_, type_, last_id_;
  std::optional<unsigned> retry_ms_;
  bool has_data_ = false, has_id_ = false, after_cr_ = false, started_ = false;
};

}  // namespace holdfast::transport
