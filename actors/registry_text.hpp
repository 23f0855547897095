#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/process_hooks.hpp"
#include "actors/upstream_config.hpp"

namespace holdfast::actors {

/// What a cluster was told of an upstream while it ran.
struct registered_upstream {
  std::string definition;  ///< a raw JSON object, as under `upstreams` in a configuration; empty: as configured
  bool enabled = true;

  bool operator==(const registered_upstream&) const = default;
};

/// By the names that operators know (`name_of`). As it stands in the store.
using registry_record = std::map<std::string, registered_upstream, std::less<>>;

std::string to_json(const registry_record& r, std::string_view by);

/// Nothing if it is no record that this version can read.
std::optional<registry_record> read_registry(std::string_view json);

/// The upstreams that a node is to have: those of its configuration in their order, as the record wants them; then
/// those that only the record has. `problems` says which of them cannot be used, and why: such a definition counts as
/// none. Nobody's own upstream may have the alias of one that everybody has.
struct resolved_upstreams {
  std::vector<upstream_config> all;
  std::map<std::string, std::string> problems;  ///< by name
};
resolved_upstreams resolve(const std::vector<upstream_config>& configured, const registry_record& r,
                           const upstream_reader& read);

}  // namespace holdfast::actors
