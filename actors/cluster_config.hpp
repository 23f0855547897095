#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "transport/secret.hpp"
#include "transport/tls_identity.hpp"

namespace holdfast::actors {

/// Several nodes over one store.
struct cluster_config {
  bool enabled = false;
  std::string host = "127.0.0.1";  ///< where the other nodes reach this one
  std::uint16_t port = 0;
  std::string advertise;                     ///< HOST:PORT that the others are told; empty = the address listened on
  std::string source;                        ///< the IP address to reach the others from; empty = the system picks one
  std::string name;                          ///< of the node, unique in the cluster; empty = what is advertised
  transport::secret secret;                  ///< that nodes show each other
  transport::tls_files tls;                  ///< with which they prove themselves to each other; none: in the clear
  std::chrono::milliseconds beat{100};       ///< between two signs of life
  std::chrono::milliseconds silence{1'000};  ///< a node that gives none for so long is dead
  std::chrono::milliseconds hold_timeout{10'000};  ///< how long a request waits for its session to have an owner
  std::size_t connections_max = 4'096;             ///< to one other node, per I/O thread; further requests wait
};

}  // namespace holdfast::actors
