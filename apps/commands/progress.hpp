#pragma once

#include <ostream>
#include <string>

namespace holdfast::apps {

/// Shows the progress notifications of one call: as one line that is written over on a terminal, else line by line.
class progress_display {
 public:
  progress_display(std::ostream& out, bool is_terminal) : out_(out), is_terminal_(is_terminal) {}

  /// A notification as it came; anything but progress is ignored.
  void show(const std::string& json);

  /// Takes the line away.
  void clear();

 private:
  std::ostream& out_;
  bool is_terminal_;
  bool shown_ = false;
};

}  // namespace holdfast::apps
