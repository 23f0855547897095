#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace holdfast::apps {

/// The error number of an attempt to listen there, which ends at once; 0 if it worked.
int try_to_listen(const std::string& host, std::uint16_t port);

/// `count` different ports of 127.0.0.1, free at this moment, and outside the range from which the system takes those
/// of outgoing connections: they stay free until somebody asks for them by number. Fewer if there are no more.
std::vector<std::uint16_t> free_ports(std::size_t count);

/// The first `count` ports above `after` for which `is_free` holds. Fewer if the ports come to their end.
std::vector<std::uint16_t> ports_after(std::uint16_t after, std::size_t count,
                                       const std::function<bool(std::uint16_t)>& is_free);

}  // namespace holdfast::apps
