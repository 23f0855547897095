#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "actors/admin/json.hpp"
#include "actors/node_context.hpp"

namespace holdfast::actors::admin {

/// Command or URL, without credentials.
std::string target_of(const upstream_config& u);

/// A URL without what may let somebody in: what stands before its host, and its query.
std::string shown_url(const std::string& url);

/// What every node says of an upstream: name, protocol, target, ….
json_object described(const node_context& node, std::size_t upstream);

/// Its settings, as in a configuration; secrets are hidden.
std::string upstream_text(const upstream_config& u);

/// The one in force of that name.
std::optional<std::size_t> upstream_index(const node_context& node, const std::string& name);

}  // namespace holdfast::actors::admin
