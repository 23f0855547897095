#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "actors/node_config.hpp"
#include "actors/process_hooks.hpp"
#include "transport/result.hpp"

namespace holdfast::actors {

/// A whole node: its threads, its actors, its listeners. Made, stopped and destroyed by one thread that is none of the
/// node's own.
class node {
 public:
  /// Starts everything and listens. A failure names the address and the reason; nothing is left running then.
  static transport::outcome<std::unique_ptr<node>> start(node_config config, process_hooks process = {});
  /// Stops at once if `stop` has not been called.
  virtual ~node() = default;

  /// "127.0.0.1:7420"; the port is the real one.
  virtual std::string mcp_address() const = 0;
  /// "http://127.0.0.1:7420/mcp", or https.
  virtual std::string mcp_url() const = 0;
  /// "127.0.0.1:7421", and "http://127.0.0.1:7421", or https. Empty if there is no listener for operators.
  virtual std::string admin_address() const = 0;
  virtual std::string admin_url() const = 0;

  /// Takes certificates whose files have changed, for new connections, and logs what has come of it; see
  /// `tls_identity::look`. To be called every few seconds. The caller's thread reads the files.
  virtual void look_at_certificates(bool at_once) = 0;

  /// Reads the upstreams of the configuration again, in the background, and logs what has come of it.
  virtual void reload() = 0;

  /// Accepts no more connections and sessions, waits for calls under way until `drain_timeout` (or until `hurry` is
  /// called), answers and logs what is left with an error, ends sessions and upstreams.
  virtual void stop() = 0;

  /// Makes a running `stop` wait no longer. Any thread.
  virtual void hurry() noexcept = 0;
};

}  // namespace holdfast::actors
