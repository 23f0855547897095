#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace holdfast::transport {

/// A text that lets its holder in somewhere: a password, a token, a header that may hold one. It becomes a string only
/// where somebody asks for that by name, so that it gets into no log line, answer or error by accident: a log field
/// made of one does not compile.
class secret {
 public:
  using is_secret = void;

  secret() = default;
  // NOLINTBEGIN(google-explicit-constructor): a configuration gives texts; only the way back is narrow
  secret(std::string text) : text_(std::move(text)) {}
  secret(const char* text) : text_(text) {}
  // NOLINTEND(google-explicit-constructor)

  /// For sending it where it belongs, and for nothing else.
  const std::string& reveal() const noexcept { return text_; }

  bool empty() const noexcept { return text_.empty(); }
  bool operator==(const secret&) const = default;

 private:
  std::string text_;
};

}  // namespace holdfast::transport
