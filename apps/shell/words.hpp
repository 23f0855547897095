#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::apps {

/// The words of a line: separated by blanks; quotes of either kind hold blanks together, a backslash takes what follows
/// as it is, but for within single quotes. Nothing if a quote is left open.
std::optional<std::vector<std::string>> words_of_line(std::string_view line);

}  // namespace holdfast::apps
