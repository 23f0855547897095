#include "apps/shell/live_screen.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <iostream>
#include <sstream>

#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

constexpr std::size_t usual_rows = 24;

}  // namespace

live_screen::live_screen() {
  termios now{};
  if (tcgetattr(STDIN_FILENO, &now) == 0) {
    before_ = now;
    now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
  }
  // The other screen, without a cursor.
  std::cout << "\x1b[?1049h\x1b[?25l" << std::flush;
}

live_screen::~live_screen() {
  std::cout << "\x1b[?25h\x1b[?1049l" << std::flush;
  if (before_) tcsetattr(STDIN_FILENO, TCSADRAIN, &*before_);
}

std::size_t live_screen::rows() const {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : usual_rows;
}

void live_screen::show(const std::string& text) {
  std::istringstream lines(text);
  const auto columns = terminal_columns();
  std::string picture = "\x1b[H";
  std::size_t row = 0;
  for (std::string line; row < rows() && std::getline(lines, line); ++row)
    picture.append(row > 0 ? "\r\n" : "").append(columns > 0 ? cut(line, columns) : line).append("\x1b[K");
  std::cout << picture << "\x1b[J" << std::flush;
}

std::optional<char> live_screen::key(std::chrono::milliseconds within) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (::poll(&input, 1, static_cast<int>(within.count())) <= 0) return std::nullopt;
  char c = 0;
  return ::read(STDIN_FILENO, &c, 1) == 1 ? std::optional(c) : std::optional('q');
}

}  // namespace holdfast::apps
