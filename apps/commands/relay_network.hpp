#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transport/result.hpp"

namespace holdfast::apps {

/// A port of 127.0.0.1 that leads to another one.
struct network_way {
  std::uint16_t port = 0;  ///< to connect to
  std::uint16_t leads_to = 0;
  std::string to;    ///< who is there
  std::string from;  ///< who comes this way; empty = whoever has the address that the connection comes from

  bool operator==(const network_way&) const = default;
};

/// What `from` sends `to` is lost.
struct network_cut {
  std::string from, to;

  bool operator==(const network_cut&) const = default;
  auto operator<=>(const network_cut&) const = default;
};

/// Carries TCP connections between processes of this machine, and can be cut as networks are: what is sent goes
/// nowhere and nobody is told, neither by an end nor by a refusal. Connections that were there outlast it: what was on
/// its way when the cut was made arrives when it has healed, as TCP would have it. One that was begun meanwhile, and
/// given up before the end, was never there. Ends and resets pass as they come. One thread.
class relay_network {
 public:
  /// Names the process that connects from an address, in host byte order; empty = nobody that could be cut off.
  using names = std::function<std::string(std::uint32_t address)>;

  static std::unique_ptr<relay_network> create(names who);
  virtual ~relay_network() = default;

  /// From now on there are these ways and these cuts. Connections on ways that are no more are ended. Fails if a port
  /// cannot be listened on; the other ways are there then.
  virtual transport::outcome<void> arrange(const std::vector<network_way>& ways,
                                           const std::vector<network_cut>& cuts) = 0;

  /// Has `ready` run in `carry` when this descriptor, which outlives the network, can be read.
  virtual void watch(int fd, std::function<void()> ready) = 0;

  /// Waits for something to do, so long at most or until a signal comes, and does it.
  virtual void carry(std::chrono::milliseconds at_most) = 0;

  /// That are carried or held back at this moment.
  virtual std::size_t connections() const noexcept = 0;
};

}  // namespace holdfast::apps
