#include "apps/shell/line_editor.hpp"

#include <histedit.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <utility>

#include "apps/commands/options.hpp"

namespace holdfast::apps {
namespace {

constexpr int history_max = 1000;

}  // namespace

class line_editor::implementation {
 public:
  implementation(std::filesystem::path file, completer complete)
      : file_(std::move(file)), complete_(std::move(complete)), editor_(el_init("holdfast", stdin, stdout, stderr)) {
    history_ = history_init();
    ::history(history_, &event_, H_SETSIZE, history_max);
    ::history(history_, &event_, H_SETUNIQUE, 1);
    if (!file_.empty()) ::history(history_, &event_, H_LOAD, file_.c_str());
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_PROMPT, &prompt_of);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_SIGNAL, 1);
    el_set(editor_, EL_HIST, ::history, history_);
    el_set(editor_, EL_ADDFN, "holdfast-complete", "complete the word", &on_tab);
    el_set(editor_, EL_BIND, "^I", "holdfast-complete", nullptr);
    el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_source(editor_, nullptr);
  }
  implementation(const implementation&) = delete;
  implementation& operator=(const implementation&) = delete;

  ~implementation() {
    if (!file_.empty()) {
      // Made by nobody but us before anything is written to it.
      const auto before = ::umask(0077);
      ::history(history_, &event_, H_SAVE, file_.c_str());
      ::umask(before);
    }
    history_end(history_);
    el_end(editor_);
  }

  std::optional<std::string> read(const std::string& prompt) {
    prompt_ = prompt;
    int count = 0;
    const char* const text = el_gets(editor_, &count);
    if (interruption()) {
      forget_interruption();
      std::cout << std::endl;
      return "";
    }
    if (text == nullptr || count <= 0) return std::nullopt;
    std::string line(text, static_cast<std::size_t>(count));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    if (line.find_first_not_of(" \t") != std::string::npos) ::history(history_, &event_, H_ENTER, line.c_str());
    return line;
  }

 private:
  static implementation& of(EditLine* editor) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<implementation*>(self);
  }

  static char* prompt_of(EditLine* editor) { return of(editor).prompt_.data(); }

  static unsigned char on_tab(EditLine* editor, int) { return of(editor).complete_word(); }

  unsigned char complete_word() {
    const auto* const at = el_line(editor_);
    const auto found = complete_(std::string_view(at->buffer, static_cast<std::size_t>(at->cursor - at->buffer)));
    if (found.candidates.empty()) return CC_ERROR;
    auto more = common_beginning(found.candidates).substr(found.begun.size());
    const bool only = found.candidates.size() == 1;
    if (only) more += ' ';
    if (!more.empty()) return el_insertstr(editor_, more.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    std::cout << '\n';
    for (const auto& each : found.candidates) std::cout << each << "  ";
    std::cout << std::endl;
    return CC_REDISPLAY;
  }

  const std::filesystem::path file_;
  const completer complete_;
  std::string prompt_;
  HistEvent event_{};
  History* history_ = nullptr;
  EditLine* editor_;
};

line_editor::line_editor(std::filesystem::path history, completer complete)
    : implementation_(std::make_unique<implementation>(std::move(history), std::move(complete))) {}

line_editor::~line_editor() = default;

std::optional<std::string> line_editor::read(const std::string& prompt) { return implementation_->read(prompt); }

}  // namespace holdfast::apps
