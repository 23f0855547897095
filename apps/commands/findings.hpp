#pragma once

#include <optional>
#include <string>
#include <vector>

#include "actors/node_config.hpp"
#include "apps/commands/commands.hpp"

namespace holdfast::apps {

/// What `holdfast doctor` found out about one thing.
struct finding {
  enum class grade { good, doubtful, bad } how = grade::good;
  std::string about;   ///< "listen", "upstream git"
  std::string detail;  ///< what is so
  std::string remedy;  ///< what to do about it; empty if good
};

using findings = std::vector<finding>;

/// True if a node answers at the configured address for operators.
bool node_answers(const actors::node_config& c);

/// Whether the store, its shadow and its keys are there and fit for use; changes nothing. Blocks up to the store's
/// deadline, for each.
findings check_store(const actors::node_config& c);

/// Whether the certificates of the configuration can be used, and for how long; nothing where it names none.
findings check_certificates(const actors::node_config& c);

/// Whether the node could listen, or does already.
findings check_listeners(const actors::node_config& c);

/// Whether there are enough file descriptors.
finding check_descriptors(const actors::node_config& c);

/// What keeps the command of an upstream from being started; empty for upstreams over HTTP.
findings check_command(const actors::upstream_config& u);

/// Connects to the upstream as a node would, and lists its tools. Blocks up to its connect and list timeouts.
finding check_connection(const actors::upstream_config& u);

/// Whether a node answers clients and operators at these addresses, and what it says of its upstreams, to all of which
/// it is made to connect. Blocks up to about half a minute.
findings check_running_node(const common_options& common);

}  // namespace holdfast::apps
