#include "actors/test_hooks.hpp"

#ifdef HOLDFAST_TEST_HOOKS

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

namespace holdfast::actors {

void crash_point(const char* point) {
  static const std::string setting = [] {
    const char* const s = std::getenv("HOLDFAST_TEST_CRASH_AT");
    return std::string(s != nullptr ? s : "");
  }();
  static std::atomic<long> left{[] {
    const auto colon = setting.find(':');
    return colon == std::string::npos ? 1 : std::atol(setting.c_str() + colon + 1);
  }()};
  if (setting.empty() || std::string_view(setting).substr(0, setting.find(':')) != point) return;
  if (--left == 0) std::raise(SIGKILL);
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
