#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <string>

namespace holdfast::apps {

/// An option whose value is a duration such as 30s; `out` holds the default.
CLI::Option* add_duration(CLI::App& command, const std::string& name, std::chrono::milliseconds& out,
                          const std::string& description);

/// True once the user has pressed Ctrl-C. The first call makes Ctrl-C do that; a second Ctrl-C ends the program.
const std::atomic<bool>& interruption();

/// Forgets a Ctrl-C that has done its work, for programs that go on.
void forget_interruption();

/// Waits so long, or until Ctrl-C: then the answer is false.
bool pause_for(std::chrono::milliseconds time);

/// From now on none of these signals ends the program: it is cleaning up, which takes a limited time.
void ignore_interrupts();

/// Has SIGTERM, and SIGHUP from a terminal that is closed, do what Ctrl-C does.
void interrupt_by_end();

}  // namespace holdfast::apps
