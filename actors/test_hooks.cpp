#include "actors/test_hooks.hpp"

#ifdef HOLDFAST_TEST_HOOKS

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>

#include "persistence/store_values.hpp"

namespace holdfast::actors {

namespace {

/// POINT:N of a variable, and the signal that it asks for there.
struct aim {
  aim(const char* variable, int s) : signal(s) {
    const char* const value = std::getenv(variable);
    const std::string setting(value != nullptr ? value : "");
    const auto colon = setting.find(':');
    point = setting.substr(0, colon);
    if (colon != std::string::npos) left = std::atol(setting.c_str() + colon + 1);
  }
  void pass(const char* at) {
    if (!point.empty() && point == at && --left == 0) ::kill(::getpid(), signal);
  }

  std::string point;
  std::atomic<long> left{1};
  const int signal;
};

}  // namespace

void crash_point(const char* point) {
  static aim crash("HOLDFAST_TEST_CRASH_AT", SIGKILL), stop("HOLDFAST_TEST_STOP_AT", SIGSTOP);
  crash.pass(point);
  stop.pass(point);
}

bool rule_is_out(const char* rule) {
  static const std::string out = [] {
    const char* const s = std::getenv("HOLDFAST_TEST_WITHOUT");
    return std::string(s != nullptr ? s : "");
  }();
  return out == rule;
}

void note_durable(const persistence::commit& c) {
  static const int file = [] {
    const char* const name = std::getenv("HOLDFAST_TEST_COMMITS");
    if (name == nullptr) return -1;
    const int opened = ::open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (opened < 0) std::abort();
    return opened;
  }();
  if (file < 0) return;
  const auto line = R"({"entity":")" + c.of.kind + '/' + c.of.id + R"(","slot":)" + std::to_string(c.of.slot()) +
                    R"(,"sequence":)" + std::to_string(c.sequence) + R"(,"epoch":)" + std::to_string(c.by.epoch) +
                    R"(,"incarnation":")" + c.by.incarnation + "\"}\n";
  // In one piece, for several nodes share the file.
  if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
}

}  // namespace holdfast::actors

#endif
