#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace holdfast::persistence {

/// Appends commands to a buffer as Redis reads them. The number of arguments is said first and must be kept.
class redis_command {
 public:
  redis_command(std::string& into, std::size_t arguments);

  /// Arguments only: of a command whose beginning is written later.
  static redis_command go_on(std::string& into) { return redis_command(into); }

  redis_command& add(std::string_view argument);
  redis_command& add(std::int64_t number);
  redis_command& add_unsigned(std::uint64_t number);

  /// One argument of several pieces.
  redis_command& join(std::initializer_list<std::string_view> pieces);

 private:
  explicit redis_command(std::string& into) : into_(into) {}
  void add_size(char mark, std::size_t size);

  std::string& into_;
};

/// Appends one command.
template <class... Arguments>
void append_command(std::string& into, const Arguments&... arguments) {
  redis_command command(into, sizeof...(arguments));
  (command.add(arguments), ...);
}

}  // namespace holdfast::persistence
