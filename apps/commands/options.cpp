#include "apps/commands/options.hpp"

#include <poll.h>

#include <csignal>

#include "apps/config/units.hpp"

namespace holdfast::apps {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "written by a signal handler");

void on_interrupt(int) { interrupted = true; }

bool handle(int signal) {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  return sigaction(signal, &action, nullptr) == 0;
}

}  // namespace

CLI::Option* add_duration(CLI::App& command, const std::string& name, std::chrono::milliseconds& out,
                          const std::string& description) {
  const auto store = [&out](const std::string& text) {
    if (const auto d = parse_duration(text)) out = *d;
  };
  const auto check = [](const std::string& text) {
    const auto d = parse_duration(text);
    return d ? std::string() : "\"" + text + "\" " + d.error();
  };
  return command.add_option_function<std::string>(name, store, description)
      ->check(CLI::Validator(check, ""))
      ->type_name("DURATION")
      ->default_str(duration_text(out));
}

const std::atomic<bool>& interruption() {
  static const bool installed = handle(SIGINT);
  static_cast<void>(installed);
  return interrupted;
}

void forget_interruption() {
  interruption();
  interrupted = false;
  handle(SIGINT);
}

bool pause_for(std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!interruption()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left <= left.zero()) return true;
    // A signal ends it.
    ::poll(nullptr, 0, static_cast<int>(left.count()));
  }
  return false;
}

void ignore_interrupts() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
}

void interrupt_by_end() {
  interruption();
  handle(SIGTERM);
  handle(SIGHUP);
}

}  // namespace holdfast::apps
