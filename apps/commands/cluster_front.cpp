#include "apps/commands/cluster_front.hpp"

#include "apps/commands/cluster_socket.hpp"
#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

ending trouble(const std::string& what) { return {exit_code::failed, "the front " + what}; }

/// One command of HAProxy's runtime API; what it says.
boost::system::result<std::string, ending> tell(const cluster_folder& folder, const std::string& command) {
  auto said = ask_socket(folder.path(), front_socket, command);
  if (!said) return trouble(said.error().words);
  return said;
}

}  // namespace

std::optional<ending> add_to_front(const cluster_folder& folder, const cluster_node& n) {
  const std::string server = std::string(front_backend) + "/" + n.name;
  const auto added = tell(folder, "add server " + std::string(front_backend) + "/" + front_server(n));
  if (!added) return added.error();
  if (added->find("New server registered") == std::string::npos)
    return trouble("refuses " + n.name + ": " + first_line(*added));
  for (const char* command : {"enable health ", "enable server "}) {
    const auto said = tell(folder, command + server);
    if (!said) return said.error();
    if (const auto words = first_line(*said); !words.empty()) return trouble("refuses " + n.name + ": " + words);
  }
  return std::nullopt;
}

}  // namespace holdfast::apps
