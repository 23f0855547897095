#include "actors/node_defaults.hpp"

#include <algorithm>
#include <thread>

namespace holdfast::actors {

node_config with_defaults(node_config c) {
  if (c.threads == 0) c.threads = std::max(1u, std::thread::hardware_concurrency());
  if (c.access.hosts.empty()) {
    c.access.hosts = {"localhost", "127.0.0.1", "[::1]"};
    if (c.listen_host != "0.0.0.0" && c.listen_host != "::") c.access.hosts.push_back(c.listen_host);
  }
  return c;
}

mcp::sealer::key cursor_key_of(const node_config& c) {
  return c.cluster.enabled ? mcp::sealer::shared_key(c.cluster.secret.reveal(), "holdfast cursors")
                           : mcp::sealer::random_key();
}

}  // namespace holdfast::actors
