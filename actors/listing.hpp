#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace holdfast::actors {

/// What one upstream offers, as it said it. Immutable once published.
struct listing {
  struct entry {
    std::string key;  ///< the tool's or prompt's name, the resource's URI, the template's text
    std::string raw;  ///< the whole JSON object
  };
  std::vector<entry> tools, prompts, resources, templates;
  std::string capabilities;  ///< the object from `initialize`, raw
  std::string instructions;  ///< plain text; empty if none
  std::string revision;      ///< "2025-11-25"
};
using listing_ptr = std::shared_ptr<const listing>;

/// The four lists of MCP.
enum class list_kind : std::uint8_t { tools, prompts, resources, templates };

/// A set of list kinds that changed.
struct list_kinds {
  bool tools = false, prompts = false, resources = false;
  static list_kinds all() { return {true, true, true}; }
  bool any() const noexcept { return tools || prompts || resources; }
};

}  // namespace holdfast::actors
