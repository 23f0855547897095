#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

namespace holdfast::apps {

/// What happened when, as lines of a table that grows: the time, how long it was waited for, who, and what.
class timeline {
 public:
  using time = std::chrono::microseconds;
  enum class tone : std::uint8_t { plain, quiet, good, bad, striking };

  /// Lines have at most `columns_max` characters; 0 = no limit. Without `coloured`, tones make no difference.
  timeline(std::ostream& out, bool coloured, std::size_t columns_max)
      : out_(out), coloured_(coloured), columns_max_(columns_max) {}

  void head();
  void line(time at, std::optional<time> wait, const std::string& who, const std::string& what, tone t);

  /// `text` as it is shown in a tone.
  std::string toned(const std::string& text, tone t) const;

 private:
  std::ostream& out_;
  bool coloured_;
  std::size_t columns_max_;
};

/// "[########........]  8 of 16"
std::string progress_bar(std::int64_t done, std::int64_t all);

/// Colours are for terminals that know them, unless NO_COLOR is set (https://no-color.org).
bool wants_colours(bool is_terminal, const std::function<std::optional<std::string>(const std::string&)>& environment);

}  // namespace holdfast::apps
