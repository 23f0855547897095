#pragma once

#include <string>
#include <string_view>

namespace holdfast::persistence {

/// A Lua script and the name that Redis gives it. Scripts live as long as the program.
class redis_script {
 public:
  explicit redis_script(std::string_view body);

  const std::string& body() const noexcept { return body_; }
  const std::string& digest() const noexcept { return digest_; }

 private:
  std::string body_;
  std::string digest_;  // SHA-1 in hexadecimal digits
};

}  // namespace holdfast::persistence
