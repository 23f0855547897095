#include "apps/commands/commands.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

#include "apps/commands/terminal.hpp"

namespace holdfast::apps {

void finish(int code) {
  std::cout.flush();
  if (code != exit_code::ok) throw CLI::RuntimeError(code);
}

void complain(const std::string& text) { std::cerr << "holdfast: " << printable(text) << std::endl; }

}  // namespace holdfast::apps
