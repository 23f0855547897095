#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::apps {

/// `text` without control characters (escape sequences of strangers must not reach a terminal); line ends and tabs
/// stay.
std::string printable(std::string_view text);

/// The first line of `text` that is not blank, without surrounding blanks and control characters.
std::string first_line(std::string_view text);

/// The first `columns` characters of UTF-8 text; if it is longer, the last of them is "…".
std::string cut(std::string_view text, std::size_t columns);

/// The width of the terminal that standard output is, or 0 if it is none.
std::size_t terminal_columns();

/// Rows of cells in aligned columns, two blanks between them. The last column is cut so that lines have at most
/// `columns_max` characters; 0 = no limit. Cells are single lines.
void print_table(std::ostream& out, const std::vector<std::string>& head,
                 const std::vector<std::vector<std::string>>& rows, std::size_t columns_max);

}  // namespace holdfast::apps
