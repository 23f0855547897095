#include <sys/resource.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "apps/commands/admin_client.hpp"
#include "apps/commands/findings.hpp"
#include "apps/commands/ports.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using grade = finding::grade;

constexpr rlim_t descriptors_wanted = 4096;
constexpr auto health_timeout = 3s;

std::string authority(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool is_wildcard(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

finding check_listener(const std::string& key, const std::string& host, std::uint16_t port, bool node_is_there) {
  const std::string where = authority(host, port);
  const int error = try_to_listen(host, port);
  if (error == 0) return {grade::good, key, where + " is free", ""};
  if (error == EADDRINUSE && node_is_there) return {grade::good, key, "a node already answers at " + where, ""};
  const std::string port_text = std::to_string(port);
  if (error == EADDRINUSE)
    return {grade::bad, key, where + " is taken by another program",
            "see which with `ss -ltnp 'sport = :" + port_text + "'`, or set another `" + key + "`"};
  if (error == EACCES)
    return {grade::bad, key, where + " may not be listened on", "choose a port of 1024 or above for `" + key + "`"};
  return {grade::bad, key, where + ": " + std::strerror(error), "set `" + key + "` to an address of this machine"};
}

}  // namespace

bool node_answers(const actors::node_config& c) {
  if (!c.admin.enabled) return false;
  const std::string host = is_wildcard(c.admin.host) ? "localhost" : c.admin.host;
  const std::string scheme = c.admin.tls ? "https://" : "http://";
  return admin_get(scheme + authority(host, admin_port(c)), "/mcp/health", health_timeout).has_value();
}

findings check_listeners(const actors::node_config& c) {
  const bool node_is_there = node_answers(c);
  findings out{check_listener("listen", c.listen_host, c.listen_port, node_is_there)};
  if (c.admin.enabled) out.push_back(check_listener("admin.listen", c.admin.host, admin_port(c), node_is_there));
  return out;
}

finding check_descriptors(const actors::node_config& c) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {grade::doubtful, "descriptors", std::strerror(errno), "none"};
  const std::string detail = "up to " + std::to_string(limit.rlim_cur) + " open files, for up to " +
                             std::to_string(c.http.connections_max) + " connections per thread";
  if (limit.rlim_cur >= descriptors_wanted) return {grade::good, "descriptors", detail, ""};
  return {grade::doubtful, "descriptors", detail,
          "raise the limit (`ulimit -n 65536`, LimitNOFILE= in a systemd unit) if many clients connect"};
}

}  // namespace holdfast::apps
