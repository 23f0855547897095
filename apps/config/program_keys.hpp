#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/config/keys.hpp"
#include "transport/program_tool.hpp"

namespace holdfast::apps {

/// One version of a program tool while it is being read, from the configuration or from the manifest in its folder.
struct program_draft {
  transport::program_tool tool;
  std::string name, title, description, schema;
  std::vector<std::string> needed_tools;
  std::uint64_t memory_max = 0;
  bool is_default = false, read_only = false, idempotent = false;
  std::optional<value> where;
};

/// The section `exec` while it is being read.
struct program_set_draft {
  transport::program_set set;
  std::vector<program_draft> tools;
};

/// The keys of `exec`.
const keys<program_set_draft>& program_set_keys();

/// The keys of a tool there, and of a manifest.
const keys<program_draft>& program_keys();

/// Checks what concerns several tools: versions, and what they need of each other. `whole` is the section.
transport::program_set finish_programs(const value& whole, program_set_draft d);

}  // namespace holdfast::apps
