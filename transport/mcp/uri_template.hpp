#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace holdfast::mcp {

/// Tells whether a URI can be an expansion of an RFC 6570 template. Used to find the upstream that owns a resource, so
/// it errs on the side of matching: {x} matches anything but '/', {+x} and {#x} anything, {?x} and {&x} a query.
class uri_template {
 public:
  explicit uri_template(std::string_view text);
  bool matches(std::string_view uri) const;

 private:
  struct literal { std::string text; };
  struct expression { char op; bool slashes; };
  std::vector<std::variant<literal, expression>> parts_;
};

}  // namespace holdfast::mcp
