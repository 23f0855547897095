#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/shell/console.hpp"

namespace holdfast::apps {

/// All commands, as a line of the shell may hold one.
class line_program {
 public:
  /// Asks by `client`, whom others may use at other times, and prints to `out`.
  line_program(const common_options& common, std::ostream& out, std::shared_ptr<operator_client> client);
  line_program(const line_program&) = delete;
  line_program& operator=(const line_program&) = delete;

  const CLI::App& app() const noexcept { return app_; }

  /// As of `console`.
  std::optional<std::size_t> silent() const noexcept { return at_.silent(); }

  /// Once; the exit code that the command would have as a program.
  int run(const std::vector<std::string>& words);

 private:
  common_options common_;
  console at_;
  CLI::App app_;
};

}  // namespace holdfast::apps
