#pragma once

#include <boost/system/result.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/node_config.hpp"

namespace holdfast::apps {

/// One thing wrong with a configuration, with words for whoever wrote it. Holds no value of a key that may be a secret
/// (headers, environment, arguments, URLs) and nothing that came out of `${…}`.
struct mistake {
  std::string source;                ///< the file, or whatever the text was called
  std::size_t line = 0, column = 0;  ///< from 1; 0 = the whole file
  std::string key;                   ///< "upstreams.git.url"; may be empty
  std::string text;                  ///< what is wrong and what would be right
};

/// "conf/x.yaml:3:5: upstreams.git.url: must begin with http:// or https://"
std::string to_string(const mistake& m);

/// All that is wrong, in the order of the file; never empty.
struct mistakes {
  std::vector<mistake> all;
};

/// One line for each, every line ended by LF.
std::string to_string(const mistakes& m);

[[noreturn]] void throw_exception_from_error(const mistakes& m, const boost::source_location&);

using config_outcome = boost::system::result<actors::node_config, mistakes>;

/// Answers with the value of an environment variable, if it is set.
using environment = std::function<std::optional<std::string>(const std::string& name)>;
environment process_environment();

/// Reads a configuration file: Holdfast's own YAML (conf/holdfast.yaml shows every key), or a file written for an MCP
/// client, known by a top-level `mcpServers` or `servers`, of which the servers become upstreams. Relative paths in it
/// are left as they are, that is relative to the working directory. Where the text names no store, it is
/// `default_store`, which may be empty.
config_outcome load_config(const std::filesystem::path& file, const environment& env = process_environment());

/// The same for text in memory. `source` names it in mistakes, and its folder is the workspace of client files.
config_outcome load_config_text(std::string_view text, const std::string& source,
                                const environment& env = process_environment());

/// Where what must outlive a process is kept: $XDG_STATE_HOME/holdfast, or the same below ~/.local/state. Empty if
/// neither XDG_STATE_HOME nor HOME is an absolute path.
std::filesystem::path state_folder(const environment& env = process_environment());

/// The store of a node that is told none: "sqlite:" and holdfast.db in the `state_folder`. Empty if there is no such
/// folder; `missing_store` then says what to do.
std::string default_store(const environment& env = process_environment());
inline constexpr std::string_view missing_store =
    "`store` must be set, since neither XDG_STATE_HOME nor HOME names a folder for it: write sqlite:PATH, or memory: "
    "to "
    "keep nothing";

/// The folder of the sockets for operators, where a node is told none: $XDG_RUNTIME_DIR/holdfast, or the
/// `state_folder`, with a / at the end. Empty if there is no such folder.
std::string default_admin_socket(const environment& env = process_environment());

/// The URL of a store without user and password.
std::string shown_store(std::string_view url);

/// Every key that Holdfast's own format has: "listen", "admin.listen", "upstreams.*.url", ….
std::vector<std::string> known_keys();

/// What a node runs with when it is given no configuration: conf/default.yaml, built in.
/// Throws std::system_error if the environment makes it unusable.
actors::node_config default_config(const environment& env = process_environment());
std::string_view default_config_text() noexcept;

}  // namespace holdfast::apps
