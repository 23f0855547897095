#pragma once

#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/shell/json_view.hpp"

/// How answers of a node are laid out for people.
namespace holdfast::apps {

enum class as { plain, bytes, milliseconds, microseconds, time };

/// One member of an object, and how it is shown. "-" stands for one that is not there.
struct field_view {
  std::string_view title, member;
  as how = as::plain;
};

std::string shown(const json_value& v, as how);

/// A row for each element of `array`; "none" if there is none.
void print_list(std::ostream& out, const json_value& array, std::span<const field_view> columns,
                std::size_t columns_max);

/// A line for each member.
void print_facts(std::ostream& out, const json_value& object, std::span<const field_view> fields);

using fact = std::pair<std::string, std::string>;
void print_facts(std::ostream& out, const std::vector<fact>& facts);

/// "\n3 calls:\n"
void print_heading(std::ostream& out, std::string_view words);

}  // namespace holdfast::apps
