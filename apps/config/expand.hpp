#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>

#include "apps/config/config.hpp"

namespace holdfast::apps {

/// How `${…}` in values is understood.
struct expansion {
  const environment& env;
  bool dollar_escapes = true;  ///< `$$` is one dollar
  std::string workspace;       ///< of `${workspaceFolder}`; empty = not known in this format
};

/// Why a value cannot be expanded, in words that show no value.
struct bad_expansion {
  enum class reason { malformed, unset, unsupported } why;
  std::string text;
};

/// `text` with `${NAME}` and `${NAME:-default}` (used if NAME is unset or empty) replaced; in files of MCP clients also
/// `${env:NAME}`, `${userHome}`, `${workspaceFolder}`, `${workspaceFolderBasename}`, `${pathSeparator}` and `${/}`.
/// Any other dollar is itself. What is put in is not looked at again.
boost::system::result<std::string, bad_expansion> expand(std::string_view text, const expansion& how);

}  // namespace holdfast::apps
