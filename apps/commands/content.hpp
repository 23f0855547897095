#pragma once

#include <ostream>

#include "transport/mcp/envelope.hpp"

namespace holdfast::apps {

/// Prints the content of a raw result of `tools/call` for a reader: texts as they are, all else as a line about it.
/// Control characters are left out where `to_terminal`.
void print_content(std::ostream& out, mcp::raw_json result, bool to_terminal);

}  // namespace holdfast::apps
