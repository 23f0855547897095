#include "apps/shell/quantities.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "apps/config/units.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;

std::string printed(const char* format, double n) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, n);
  return text.data();
}

std::string parts(std::int64_t large, const char* large_unit, std::int64_t small, const char* small_unit) {
  const auto s = std::to_string(small);
  return std::to_string(large) + large_unit + " " + (s.size() < 2 ? "0" : "") + s + small_unit;
}

/// A number at the beginning of `text`, of as many digits as are asked for, which is taken away.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int n = 0;
  const auto read = std::from_chars(text.data(), text.data() + digits, n);
  if (read.ec != std::errc() || read.ptr != text.data() + digits || n < 0) return std::nullopt;
  text.remove_prefix(digits);
  return n;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

/// "14:03", "14:03:07" or "14:03:07.123", which is taken away.
std::optional<std::chrono::milliseconds> take_time_of_day(std::string_view& text) {
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 23 || !take(text, ':')) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  std::chrono::milliseconds at = *hours * 1h + *minutes * 1min;
  if (!take(text, ':')) return at;
  const auto seconds = take_number(text, 2);
  if (!seconds || *seconds > 59) return std::nullopt;
  at += *seconds * 1s;
  if (!take(text, '.')) return at;
  int weight = 100;
  bool any = false;
  while (const auto digit = take_number(text, 1)) {
    at += std::chrono::milliseconds(*digit * weight);
    weight /= 10;
    any = true;
  }
  return any ? std::optional(at) : std::nullopt;
}

}  // namespace

std::string shown_bytes(double bytes) {
  if (bytes < 1024) return printed("%.0f B", bytes);
  static constexpr std::array units = {" KiB", " MiB", " GiB", " TiB"};
  std::size_t unit = 0;
  for (bytes /= 1024; bytes >= 1024 && unit + 1 < units.size(); bytes /= 1024) ++unit;
  return printed(bytes < 10 ? "%.1f" : "%.0f", bytes) + units[unit];
}

std::string shown_duration(double milliseconds) {
  if (milliseconds < 10) return printed("%.1f ms", milliseconds);
  if (milliseconds < 1'000) return printed("%.0f ms", milliseconds);
  if (milliseconds < 60'000) return printed("%.1f s", milliseconds / 1'000);
  const auto seconds = static_cast<std::int64_t>(milliseconds / 1'000);
  if (seconds < 3'600) return parts(seconds / 60, "m", seconds % 60, "s");
  if (seconds < 86'400) return parts(seconds / 3'600, "h", seconds / 60 % 60, "m");
  return parts(seconds / 86'400, "d", seconds / 3'600 % 24, "h");
}

std::string shown_time(std::string_view rfc3339) {
  if (!read_time(rfc3339)) return std::string(rfc3339);
  const auto time = rfc3339.substr(rfc3339.find('T') + 1);
  return std::string(time.substr(0, time.find('Z')));
}

std::optional<moment> read_time(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !take(text, 'T')) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  const auto time = take_time_of_day(text);
  if (!date.ok() || !time || text != "Z") return std::nullopt;
  return std::chrono::sys_days(date) + *time;
}

std::string written_time(moment at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  std::array<char, 40> text{};
  const auto size =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                    static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

std::optional<moment> read_moment(std::string_view text, moment now) {
  if (text.starts_with('-')) {
    const auto ago = parse_duration(text.substr(1));
    return ago ? std::optional(now - *ago) : std::nullopt;
  }
  if (const auto whole = read_time(text)) return whole;
  const auto time = take_time_of_day(text);
  if (!time || !text.empty()) return std::nullopt;
  return std::chrono::floor<std::chrono::days>(now) + *time;
}

}  // namespace holdfast::apps
