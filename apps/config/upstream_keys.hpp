#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/node_config.hpp"
#include "apps/config/keys.hpp"
#include "apps/config/program_keys.hpp"

namespace holdfast::apps {

/// An upstream while it is being read: what it connects to is known only at the end.
struct upstream_draft : actors::upstream_config {
  std::optional<std::string> url, command;
  transport::http_endpoint http;
  transport::stdio_command stdio;
  std::optional<program_set_draft> programs;
  std::vector<value> http_only, stdio_only;  ///< keys seen that fit only one kind
  bool hints_given = false;                  ///< `retry_hints` is there
};

/// The options of one upstream in Holdfast's own format.
const keys<upstream_draft>& upstream_keys();

/// HTTP headers that are sent along; those that we set ourselves are refused.
void read_header_pairs(const value& v, std::vector<std::pair<std::string, transport::secret>>& out);

/// Environment variables, with their values or the names alone.
void read_variables(const value& v, std::vector<std::pair<std::string, transport::secret>>& out);
void read_variable_names(const value& v, std::vector<std::string>& out);

/// The key of that name in `upstream_keys`.
const key<upstream_draft>& upstream_key(const std::string& name);

/// Checks what concerns several keys, and appends the upstream. `whole` is the map the draft was read from.
void finish_upstream(const value& whole, upstream_draft d, std::vector<actors::upstream_config>& out);

}  // namespace holdfast::apps
