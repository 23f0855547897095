#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "apps/shell/completion.hpp"

namespace holdfast::apps {

/// Reads lines from a person: with editing (emacs keys, or vi's by ~/.editrc), a history that outlives the program,
/// and completion by the tab key. One at a time in a program; standard input and output are terminals.
class line_editor {
 public:
  using completer = std::function<completion(std::string_view line)>;

  /// `history` is read, and written at the end, with mode 0600; empty = none is kept.
  line_editor(std::filesystem::path history, completer complete);
  line_editor(const line_editor&) = delete;
  line_editor& operator=(const line_editor&) = delete;
  ~line_editor();

  /// The next line, without its end; empty after Ctrl-C, nothing at the end of the input.
  std::optional<std::string> read(const std::string& prompt);

 private:
  class implementation;
  std::unique_ptr<implementation> implementation_;
};

}  // namespace holdfast::apps
