#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "transport/result.hpp"
#include "transport/upstream_target.hpp"

namespace holdfast::apps {

/// An MCP client for programs that do one thing after another: every member blocks. It offers its server neither
/// sampling nor elicitation nor roots. Its loop has a thread of its own; members are for one thread.
class mcp_client {
 public:
  using target = transport::upstream_target;

  explicit mcp_client(target to, const transport::upstream_limits& limits = {});
  mcp_client(const mcp_client&) = delete;
  mcp_client& operator=(const mcp_client&) = delete;

  /// Ends the session or the process; takes a few seconds at most.
  ~mcp_client();

  /// Connects and initializes: the raw result of `initialize`. Called once, before anything else.
  /// `interrupted` (here and below) is looked at while waiting; once true, the error is `operation_canceled`.
  transport::outcome<std::string> open(const std::atomic<bool>& interrupted);

  struct call {
    std::string_view method;
    std::string params;  ///< a raw JSON object
    std::chrono::milliseconds timeout{60'000};
    /// Notifications that belong to the call, whole, on the client's own thread. If set, progress is asked for.
    std::function<void(const std::string& json)> on_notification;
  };

  /// The whole response, a result or an error. When interrupted, the server is sent `notifications/cancelled`.
  transport::outcome<std::string> request(const call& c, const std::atomic<bool>& interrupted);

  /// "stdio", "streamable-http" or "sse", once open.
  std::string protocol() const;

  /// The id of the session over Streamable HTTP, once open; empty without one.
  std::string session() const;

  /// The last lines that the process wrote to its standard error.
  std::vector<std::string> last_words() const;

 private:
  class connection;
  std::unique_ptr<connection> connection_;
};

}  // namespace holdfast::apps
