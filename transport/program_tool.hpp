#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "transport/upstream_connection.hpp"

namespace holdfast::transport {

/// A tool that is a command. It is run once for each call: a JSON object on its standard input, lines of JSON on its
/// standard output (docs/program-tools.md).
struct program_tool {
  std::string name;     ///< as it is called: `outline`, or `outline@2` for one version of several
  std::string version;  ///< empty = it has none
  std::string entry;    ///< its entry in `tools/list`, a raw JSON object
  stdio_command command;
  std::vector<std::string> needs;  ///< programs that it starts, by name or path
  std::chrono::milliseconds timeout{60'000};
  std::size_t output_bytes_max = 16u << 20;  ///< of all its lines together
  std::size_t warm = 0;                      ///< processes that wait for a call, per loop
  bool stateful = false;                     ///< is given its state, and may replace it

  bool operator==(const program_tool&) const = default;
};

/// The tools of one upstream that are programs.
struct program_set {
  std::vector<program_tool> tools;
  std::size_t processes_max = 32;  ///< at once, waiting ones not counted; one more call fails `overloaded`
  std::string locale;              ///< told to programs whose client names none, such as `en`

  bool operator==(const program_set&) const = default;
};

/// Members of `_meta`: the state of a stateful tool, in `params` and in the result; a piece of the result, in a
/// progress notification; the wanted language, in `params`.
inline constexpr const char* state_member = "holdfast/state";
inline constexpr const char* partial_member = "holdfast/partial";
inline constexpr const char* locale_member = "holdfast/locale";

/// What a tool lacks, in words, one for each command that cannot be found: "ctags is not in PATH".
std::vector<std::string> lacks(const program_tool& t);

}  // namespace holdfast::transport
