#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::apps {

/// How a line can go on.
struct completion {
  std::string begun;                    ///< the word before the cursor, which the candidates begin with
  std::vector<std::string> candidates;  ///< sorted, each once
};

/// Values that exist now, of a kind that commands name in their usage ("NODE"), that begin so.
using live_values = std::function<std::vector<std::string>(std::string_view kind, std::string_view begin)>;

/// What may come at the end of `line` for the commands of `app`: their names, options, and values. Pure but for `live`,
/// which is asked for one kind at most.
completion complete(const CLI::App& app, std::string_view line, const live_values& live);

/// The longest beginning that all have; empty if there is none.
std::string common_beginning(const std::vector<std::string>& all);

}  // namespace holdfast::apps
