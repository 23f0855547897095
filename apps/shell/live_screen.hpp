#pragma once

#include <termios.h>

#include <chrono>
#include <optional>
#include <string>

namespace holdfast::apps {

/// A terminal that shows one picture after the other, and keys as they are pressed. What was there before comes back
/// in the end. Of standard input and output, which must be terminals.
class live_screen {
 public:
  live_screen();
  live_screen(const live_screen&) = delete;
  live_screen& operator=(const live_screen&) = delete;
  ~live_screen();

  /// Shows as much of the text as fits.
  void show(const std::string& text);

  /// The key that was pressed within that time, or nothing; Ctrl-C ends the waiting.
  std::optional<char> key(std::chrono::milliseconds within);

  std::size_t rows() const;

 private:
  std::optional<termios> before_;
};

}  // namespace holdfast::apps
