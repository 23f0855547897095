#include <poll.h>

#include <algorithm>
#include <iostream>
#include <sstream>

#include "apps/commands/cluster_run.hpp"
#include "apps/commands/cluster_status.hpp"
#include "apps/commands/options.hpp"
#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

constexpr int glance_ms = 500;

/// The last table on the terminal, which the next one is written over.
class live_table {
 public:
  explicit live_table(std::size_t columns) : columns_(columns) {}

  void show(const cluster_report& r) {
    std::ostringstream text;
    print_status(text, r, columns_);
    if (lines_ > 0) std::cout << "\x1b[" << lines_ << "A\x1b[J";
    std::cout << text.str() << std::flush;
    const auto now = text.str();
    lines_ = std::count(now.begin(), now.end(), '\n');
  }

 private:
  std::size_t columns_;
  std::ptrdiff_t lines_ = 0;
};

}  // namespace

bool watch_cluster(const cluster_folder& folder, bool json) {
  live_table table(terminal_columns());
  const bool on_terminal = terminal_columns() > 0 && !json;
  std::optional<cluster_report> before;
  while (!interruption()) {
    reap_children();
    const auto s = folder.load();
    if (!s || !*s) {
      if (!json) std::cout << "The cluster was stopped by another command." << std::endl;
      return false;
    }
    auto now = look_at_cluster(**s);
    if (on_terminal) {
      table.show(now);
    } else if (before) {
      const auto changed = changes(*before, now);
      std::cout << (json && !changed.empty() ? status_json(now) + "\n" : changed) << std::flush;
    }
    before = std::move(now);
    ::poll(nullptr, 0, glance_ms);
  }
  return true;
}

}  // namespace holdfast::apps
