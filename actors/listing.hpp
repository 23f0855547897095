#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
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

/// What tells the lists of a view from those of another: of tools, prompts, resources with their templates. The order
/// of entries is of no account. 0 stands for a list that nobody has seen.
using list_digests = std::array<std::uint32_t, 3>;
constexpr std::size_t digest_index(list_kind k) noexcept {
  return k == list_kind::tools ? 0 : k == list_kind::prompts ? 1 : 2;
}

/// What a node sees: for each `capability_set::index` that somebody asked for, the digest of its view.
using view_digests = std::vector<std::pair<std::uint8_t, std::uint32_t>>;

}  // namespace holdfast::actors
