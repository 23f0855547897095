#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/node_config.hpp"
#include "apps/config/keys.hpp"

namespace holdfast::apps {

/// An upstream while it is being read: what it connects to is known only at the end.
struct upstream_draft : actors::upstream_config {
  std::optional<std::string> url, command;
  transport::http_endpoint http;
  transport::stdio_command stdio;
  std::vector<value> http_only, stdio_only;  ///< keys seen that fit only one kind
};

/// The options of one upstream in Holdfast's own format.
const keys<upstream_draft>& upstream_keys();

/// HTTP headers that are sent along; those that we set ourselves are refused.
void read_header_pairs(const value& v, std::vector<std::pair<std::string, transport::secret>>& out);

/// The key of that name in `upstream_keys`.
const key<upstream_draft>& upstream_key(const std::string& name);

/// Checks what concerns several keys, and appends the upstream. `whole` is the map the draft was read from.
void finish_upstream(const value& whole, upstream_draft d, std::vector<actors::upstream_config>& out);

}  // namespace holdfast::apps
