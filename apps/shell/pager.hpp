#pragma once

#include <string>

namespace holdfast::apps {

/// Writes to standard output, page by page if it is a terminal and the text has more lines than that: by the program
/// in PAGER, or else `less`.
void print_paged(const std::string& text);

}  // namespace holdfast::apps
