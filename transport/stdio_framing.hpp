#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace holdfast::transport {

/// Cuts a byte stream into lines (LF, or CRLF whose CR is dropped). Pure: no I/O.
class line_splitter {
 public:
  explicit line_splitter(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  /// Feeds bytes cut anywhere, calling `on_line` for each line completed, without its end. Views are valid during the
  /// call only. False once a line is over the limit; then the splitter must not be fed again.
  bool feed(std::string_view bytes, const std::function<void(std::string_view line)>& on_line);

  /// The line begun and not ended.
  std::string_view rest() const noexcept { return held_; }

 private:
  std::size_t line_bytes_max_;
  std::string held_;
};

/// A message as one line: line ends outside strings (JSON allows none inside) become spaces; LF is put at the end.
std::string frame_line(std::string message);

/// Valid UTF-8, at most `bytes_max` bytes: what is not well-formed becomes U+FFFD.
std::string printable_line(std::string_view line, std::size_t bytes_max);

}  // namespace holdfast::transport
