#include "apps/shell/pager.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace holdfast::apps {
namespace {

/// False if the program could not show anything.
bool shown_by(const std::string& program, const std::string& text) {
  std::FILE* const pipe = ::popen(program.c_str(), "we");
  if (pipe == nullptr) return false;
  // A pager that is left early reads no further.
  std::fwrite(text.data(), 1, text.size(), pipe);
  constexpr int not_found = 127;
  const int status = ::pclose(pipe);
  return !(WIFEXITED(status) && WEXITSTATUS(status) == not_found);
}

}  // namespace

void print_paged(const std::string& text) {
  winsize size{};
  const bool on_terminal = isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
  const auto lines = std::count(text.begin(), text.end(), '\n');
  std::cout << std::flush;
  if (on_terminal && lines >= size.ws_row) {
    const char* const chosen = std::getenv("PAGER");
    if (shown_by(chosen != nullptr && *chosen != 0 ? chosen : "less -FSX 2>/dev/null", text)) return;
  }
  std::cout << text << std::flush;
}

}  // namespace holdfast::apps
