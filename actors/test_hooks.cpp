#include "actors/test_hooks.hpp"

#ifdef HOLDFAST_TEST_HOOKS

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>

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

}  // namespace holdfast::actors

#endif
