#pragma once

namespace CLI {  // NOLINT(readability-identifier-naming)
class App;
}

namespace holdfast::apps {

struct common_options;

/// Adds `holdfast shell` to the program.
void add_shell(CLI::App& app, const common_options& common);

}  // namespace holdfast::apps
