#pragma once

/// Switches for the crash tests, in builds with HOLDFAST_TEST_HOOKS only; nothing otherwise.
namespace holdfast::actors {

#ifdef HOLDFAST_TEST_HOOKS
/// Kills this process, as `kill -9` would, at the n-th passage of the point that HOLDFAST_TEST_CRASH_AT=POINT:N names;
/// stops it where HOLDFAST_TEST_STOP_AT does.
void crash_point(const char* point);

/// True if HOLDFAST_TEST_WITHOUT names this rule: it is to be left out, so that a test can show what it is for.
bool rule_is_out(const char* rule);
#else
inline void crash_point(const char*) {}
constexpr bool rule_is_out(const char*) { return false; }
#endif

}  // namespace holdfast::actors
