#pragma once

#include <string>
#include <string_view>

#include "actors/node_config.hpp"
#include "apps/config/value.hpp"

namespace holdfast::apps {

/// True for a document of an MCP client: a map with `mcpServers` (Claude, Cursor and others) or `servers` (VS Code).
bool is_client_file(const YAML::Node& document);

/// Takes the servers of such a document as upstreams. Their names become aliases, with unusable characters replaced.
void read_client_file(const value& document, actors::node_config& c);

/// The folder that `${workspaceFolder}` stands for in a file of that path.
std::string workspace_of(const std::string& source);

/// JSON with `//` and `/* */` comments and trailing commas blanked out, as editors allow them, and with escaped
/// surrogate pairs written as one escape. Lines keep their numbers. Other text is returned as it is.
std::string plain_json(std::string_view text);

}  // namespace holdfast::apps
