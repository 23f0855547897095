#include "apps/commands/progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "apps/commands/json_text.hpp"
#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

constexpr std::size_t line_columns_max = 79;

/// "40% (4/10) message", "4 message" without a total.
std::string line_for(mcp::raw_json params) {
  const std::string done = number_member(params, "progress"), total = number_member(params, "total");
  const double share = std::strtod(done.c_str(), nullptr) / std::strtod(total.c_str(), nullptr);
  std::string line = done;
  if (total != "-" && std::isfinite(share) && share >= 0)
    line = std::to_string(static_cast<int>(std::min(share, 1.0) * 100)) + "% (" + done + "/" + total + ")";
  const std::string words = first_line(text_member(params, "message"));
  if (!words.empty()) line += " " + words;
  return cut(line, line_columns_max);
}

}  // namespace

void progress_display::show(const std::string& json) {
  const auto message = mcp::scan(json);
  if (!message || message->what != mcp::method::progress) return;
  const std::string line = line_for(message->params);
  if (is_terminal_) {
    out_ << "\r\x1b[K" << line << std::flush;
  } else {
    out_ << line << std::endl;
  }
  shown_ = true;
}

void progress_display::clear() {
  if (is_terminal_ && shown_) out_ << "\r\x1b[K" << std::flush;
  shown_ = false;
}

}  // namespace holdfast::apps
