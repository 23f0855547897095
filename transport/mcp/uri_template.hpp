#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace holdfast::mcp {

/// Tells whether a URI can be an expansion of an RFC 6570 template. Used to find the upstream that owns a resource, so
/// it errs on the side of matching: {x} matches anything but '/', {+x} and {#x} anything, {?x} and {&x} a query. The
/// work is bounded by the product of both lengths; a template or a URI that is longer than these limits matches
/// nothing.
class uri_template {
 public:
  static constexpr std::size_t template_bytes_max = 4096, uri_bytes_max = 8192;

  explicit uri_template(std::string_view text);
  bool matches(std::string_view uri) const;

 private:
  struct literal {
    std::string text;
  };
  struct expression {
    char lead;
    bool slashes;
  };
  std::vector<std::variant<literal, expression>> parts_;
};

}  // namespace holdfast::mcp
