#include "persistence/redis/redis_command.hpp"

#include <array>
#include <charconv>

namespace holdfast::persistence {
namespace {

constexpr std::size_t digits_max = 20;

template <class Number>
std::string_view decimal(Number value, std::array<char, digits_max>& room) {
  const auto end = std::to_chars(room.data(), room.data() + room.size(), value).ptr;
  return {room.data(), static_cast<std::size_t>(end - room.data())};
}

}  // namespace

redis_command::redis_command(std::string& into, std::size_t arguments) : into_(into) { add_size('*', arguments); }

void redis_command::add_size(char mark, std::size_t size) {
  std::array<char, digits_max + 3> text{};
  text[0] = mark;
  auto* end = std::to_chars(text.data() + 1, text.data() + 1 + digits_max, size).ptr;
  *end++ = '\r';
  *end++ = '\n';
  into_.append(text.data(), static_cast<std::size_t>(end - text.data()));
}

redis_command& redis_command::add(std::string_view argument) {
  add_size('$', argument.size());
  into_.append(argument).append("\r\n");
  return *this;
}

redis_command& redis_command::join(std::initializer_list<std::string_view> pieces) {
  std::size_t size = 0;
  for (const auto piece : pieces) size += piece.size();
  add_size('$', size);
  for (const auto piece : pieces) into_.append(piece);
  into_.append("\r\n");
  return *this;
}

redis_command& redis_command::add(std::int64_t number) {
  std::array<char, digits_max> room{};
  return add(decimal(number, room));
}

redis_command& redis_command::add_unsigned(std::uint64_t number) {
  std::array<char, digits_max> room{};
  return add(decimal(number, room));
}

}  // namespace holdfast::persistence
