#pragma once

namespace holdfast::persistence {
struct commit;
}

/// Switches for the crash tests, in builds with HOLDFAST_TEST_HOOKS only; nothing otherwise.
namespace holdfast::actors {

#ifdef HOLDFAST_TEST_HOOKS
/// Kills this process, as `kill -9` would, at the n-th passage of the point that HOLDFAST_TEST_CRASH_AT=POINT:N names;
/// stops it where HOLDFAST_TEST_STOP_AT does.
void crash_point(const char* point);

/// True if HOLDFAST_TEST_WITHOUT names this rule: it is to be left out, so that a test can show what it is for.
bool rule_is_out(const char* rule);

/// Appends who made it, in one line of JSON, to the file that HOLDFAST_TEST_COMMITS names: for commits that this
/// process takes for durable.
void note_durable(const persistence::commit& c);
#else
inline void crash_point(const char*) {}
constexpr bool rule_is_out(const char*) { return false; }
inline void note_durable(const persistence::commit&) {}
#endif

}  // namespace holdfast::actors
