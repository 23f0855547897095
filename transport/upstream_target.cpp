#include "transport/upstream_target.hpp"

#include <utility>

namespace holdfast::transport {

std::shared_ptr<upstream_connection> connection_to(loop& on, upstream_target to, const upstream_limits& l,
                                                   upstream_connection_events& events) {
  if (auto* const command = std::get_if<stdio_command>(&to))
    return upstream_connection::over_stdio(on, std::move(*command), l, events);
  if (auto* const programs = std::get_if<program_set>(&to))
    return upstream_connection::over_programs(on, std::move(*programs), l, events);
  return upstream_connection::over_http(on, std::get<http_endpoint>(std::move(to)), l, events);
}

}  // namespace holdfast::transport
