#pragma once

#include <optional>
#include <string>

#include "transport/mcp/envelope.hpp"

namespace holdfast::mcp {

/// Where a value does not fit a JSON Schema.
struct schema_fault {
  std::string path;     ///< JSON pointer into the value; empty for the whole of it
  std::string keyword;  ///< that it does not fit: "required"
  std::string rule;     ///< JSON pointer to the part of the schema that has it, as `#/properties/n`
};

/// What a schema says of a value; both valid JSON. Nothing if it fits. Covers draft 4, and of what came later `const`,
/// numbers for `exclusiveMinimum` and `exclusiveMaximum`, and `$defs`; `pattern`, `patternProperties` and all other
/// keywords are passed over. So is a schema that refers to itself without end, or whose alternatives are too many.
std::optional<schema_fault> check_against(raw_json schema, raw_json value);

}  // namespace holdfast::mcp
