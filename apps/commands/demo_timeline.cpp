#include "apps/commands/demo_timeline.hpp"

#include <algorithm>
#include <cstdio>

#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

constexpr std::int64_t bar_columns = 24;

std::string_view code_of(timeline::tone t) noexcept {
  switch (t) {
    case timeline::tone::plain: return "";
    case timeline::tone::quiet: return "\x1b[2m";
    case timeline::tone::good: return "\x1b[1;32m";
    case timeline::tone::bad: return "\x1b[1;31m";
    case timeline::tone::striking: return "\x1b[1;33m";
  }
  return "";
}

std::string row(const std::string& at, const std::string& wait, const std::string& who, const std::string& what) {
  char columns[64];
  std::snprintf(columns, sizeof columns, "%9s %9s  %-8.8s  ", at.c_str(), wait.c_str(), who.c_str());
  return columns + what;
}

}  // namespace

void timeline::head() { out_ << toned(row("TIME", "WAIT", "WHO", "WHAT"), tone::quiet) << std::endl; }

void timeline::line(time at, std::optional<time> wait, const std::string& who, const std::string& what, tone t) {
  char when[32];
  std::snprintf(when, sizeof when, "%.3f s", std::chrono::duration<double>(at).count());
  const auto waited =
      wait ? std::to_string(std::chrono::round<std::chrono::milliseconds>(*wait).count()) + " ms" : std::string();
  const auto text = row(when, waited, who, first_line(what));
  out_ << toned(columns_max_ > 0 ? cut(text, columns_max_) : text, t) << std::endl;
}

std::string timeline::toned(const std::string& text, tone t) const {
  const auto code = code_of(t);
  return coloured_ && !code.empty() ? std::string(code) + text + "\x1b[0m" : text;
}

std::string progress_bar(std::int64_t done, std::int64_t all) {
  const auto full = all > 0 ? std::clamp<std::int64_t>(done * bar_columns / all, 0, bar_columns) : 0;
  std::string number = std::to_string(done);
  const auto of = std::to_string(all);
  if (number.size() < of.size()) number.insert(0, of.size() - number.size(), ' ');
  return "[" + std::string(static_cast<std::size_t>(full), '#') +
         std::string(static_cast<std::size_t>(bar_columns - full), '.') + "]  " + number + " of " + of;
}

bool wants_colours(bool is_terminal, const std::function<std::optional<std::string>(const std::string&)>& environment) {
  return is_terminal && environment("NO_COLOR").value_or("").empty() && environment("TERM").value_or("dumb") != "dumb";
}

}  // namespace holdfast::apps
