#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::apps {

/// The candidate that `word` is most likely a misspelling of, by edit distance over letters alone (case, '-' and '_'
/// do not count); nothing if none is near.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace holdfast::apps
