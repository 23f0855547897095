#include "apps/commands/cluster_front.hpp"

#include <poll.h>

#include <chrono>
#include <sstream>

#include "apps/commands/cluster_socket.hpp"
#include "apps/commands/options.hpp"
#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto use_timeout = 10s;
constexpr int glance_ms = 20;

ending trouble(const std::string& what) { return {exit_code::failed, "the front " + what}; }

/// One command of HAProxy's runtime API; what it says.
boost::system::result<std::string, ending> tell(const cluster_folder& folder, const std::string& command) {
  auto said = ask_socket(folder.path(), front_socket, command);
  if (!said) return trouble(said.error().words);
  return said;
}

/// Out of a line for each server: its backend's number and name, its own number and name, its address, its state.
bool is_used(const std::string& servers, const std::string& name) {
  std::istringstream lines(servers);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number, backend, server, address, state;
    if (words >> number >> backend >> number >> server >> address >> state && server == name) return state == "2";
  }
  return false;
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

std::optional<ending> await_use_by_front(const cluster_folder& folder, const cluster_state& s, const cluster_node& n) {
  const auto deadline = clock::now() + use_timeout;
  while (look_at(s.front) == process_state::running) {
    const auto servers = tell(folder, "show servers state " + std::string(front_backend));
    if (!servers) return servers.error();
    if (is_used(*servers, n.name)) return std::nullopt;
    if (interruption())
      return ending{exit_code::interrupted, "interrupted before the front gave " + n.name + " requests"};
    if (clock::now() > deadline) return trouble("gives " + n.name + " no requests, though it was ready");
    ::poll(nullptr, 0, glance_ms);
  }
  return std::nullopt;
}

}  // namespace holdfast::apps
