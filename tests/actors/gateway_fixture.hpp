#pragma once

#include <dirent.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "actors/log.hpp"
#include "actors/node.hpp"
#include "tests/support/fake_mcp.hpp"
#include "tests/support/raw_client.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::tests {

/// An upstream server with the tools `echo`, `fail` and `hang` (never answers) and subscribable resources. Every
/// `initialize` gets a session of its own. What it does with some request can be changed with `on`.
class scripted_upstream {
 public:
  using route = fake_mcp::route;

  explicit scripted_upstream(route on = {})
      : on_(std::move(on)), mcp([this](const fake_request& r, fake_peer& peer) { return serve(r, peer); }) {}

  /// Forgets all sessions; requests in them get 404.
  void restart() {
    const std::lock_guard guard(lock_);
    known_.clear();
  }

  /// Waits for the n-th request that names `method`.
  fake_request await(std::string_view method, std::size_t n = 1) {
    const auto all = mcp.requests.wait([&](const auto& seen) { return named(seen, method).size() >= n; });
    return named(all, method)[n - 1];
  }
  std::vector<fake_request> all(std::string_view method) const { return named(mcp.requests.get(), method); }

  /// Waits until `n` calls of `hang` have begun: what has only been seen may still be refused.
  void await_hanging(std::size_t n = 1) {
    hanging_.wait([n](std::size_t begun) { return begun >= n; });
  }

 private:
  static std::vector<fake_request> named(const std::vector<fake_request>& seen, std::string_view method) {
    std::vector<fake_request> found;
    for (const auto& r : seen) {
      if (r.method == "POST" && r.calls(method)) found.push_back(r);
    }
    return found;
  }

  std::optional<bool> serve(const fake_request& r, fake_peer& peer) {
    if (on_) {
      if (const auto done = on_(r, peer)) return done;
    }
    if (r.calls("initialize")) {
      const auto session = "upstream-session-" + std::to_string(++sessions_);
      {
        const std::lock_guard guard(lock_);
        known_.insert(session);
      }
      const auto result =
          R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{},"resources":{"subscribe":true}},)"
          R"("serverInfo":{"name":"scripted","version":"1"}})";
      return peer.answer(200, result_of(r.id(), result), "application/json", "Mcp-Session-Id: " + session + "\r\n");
    }
    if (!knows(r.header("mcp-session-id"))) return peer.answer(404, "", "");
    if (r.calls("tools/list")) {
      return peer.answer(200, result_of(r.id(), R"({"tools":[{"name":"echo","inputSchema":{"type":"object"}},)"
                                                R"({"name":"fail","inputSchema":{"type":"object"}},)"
                                                R"({"name":"hang","inputSchema":{"type":"object"}}]})"));
    }
    if (r.calls("resources/list")) {
      return peer.answer(200, result_of(r.id(), R"({"resources":[{"uri":"test://watched","name":"w"}]})"));
    }
    if (r.calls("resources/templates/list")) return peer.answer(200, error_of(r.id(), -32601, "no templates"));
    if (r.calls("hang")) {
      hanging_.change([](std::size_t& n) { ++n; });
      peer.wait_for_end();
      return false;
    }
    if (r.calls("fail")) return peer.answer(200, error_of(r.id(), -32050, "failed on purpose", R"({"x":1})"));
    return std::nullopt;
  }

  bool knows(const std::string& session) {
    const std::lock_guard guard(lock_);
    return known_.contains(session);
  }

  route on_;
  std::atomic<int> sessions_{0};
  std::mutex lock_;
  std::set<std::string> known_;
  watched<std::size_t> hanging_;

 public:
  fake_mcp mcp;  ///< last: its threads use the rest
};

/// A node on loopback in front of one upstream.
class gateway {
 public:
  explicit gateway(scripted_upstream& u) {
    actors::log::configure(actors::log_level::error, actors::log_format::text);
    config.listen_port = 0;
    config.threads = 2;
    config.admin.port = 0;
    config.drain_timeout = std::chrono::milliseconds{0};
    // Answers then come as JSON, however slow the machine is.
    config.sessions.stream_after = std::chrono::seconds{60};
    actors::upstream_config c;
    c.alias = "up";
    c.target = u.mcp.endpoint();
    c.limits.shutdown_grace = std::chrono::milliseconds{500};
    c.reconnect_min = std::chrono::milliseconds{10};
    config.upstreams.push_back(std::move(c));
  }

  gateway& start() {
    auto made = actors::node::start(config);
    if (!made) throw std::runtime_error(made.error().detail);
    node = std::move(*made);
    port = port_of(node->mcp_address());
    admin_port = port_of(node->admin_address());
    return *this;
  }

  /// What operators read, e.g. "sessions".
  std::int64_t health(const char* name) const {
    raw_client c(admin_port);
    c.send("GET /mcp/health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto body = c.read_answer().body;
    return mcp::integer_value(mcp::member(body, name)).value_or(-1);
  }
  void await_health(const char* name, std::int64_t value) const {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (health(name) != value) {
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error(std::string(name) + " is not as awaited");
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
  }

  actors::node_config config;
  std::unique_ptr<actors::node> node;
  std::uint16_t port = 0, admin_port = 0;

 private:
  static std::uint16_t port_of(const std::string& address) {
    return static_cast<std::uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1));
  }
};

/// A client session. Every request has a connection of its own, so that many can be under way.
class mcp_session {
 public:
  class pending {
   public:
    pending(std::uint16_t port, const std::string& bytes) : client_(port) { client_.send(bytes); }
    raw_answer answer() { return client_.read_answer(); }
    raw_client& connection() { return client_; }

   private:
    raw_client client_;
  };

  explicit mcp_session(const gateway& g, const std::string& capabilities = "{}") : port_(g.port) {
    const auto a = request("initialize",
                           R"({"protocolVersion":"2025-11-25","capabilities":)" + capabilities +
                               R"(,"clientInfo":{"name":"test","version":"1"}})",
                           "0");
    if (a.status != 200) throw std::runtime_error("initialize: " + a.head + a.body);
    id = a.header("Mcp-Session-Id");
    notify("notifications/initialized");
  }

  pending begin(const std::string& method, const std::string& params, const std::string& request_id) const {
    return post(R"({"jsonrpc":"2.0","id":)" + request_id + R"(,"method":")" + method + R"(","params":)" + params + "}");
  }
  raw_answer request(const std::string& method, const std::string& params, const std::string& request_id = "1") const {
    return begin(method, params, request_id).answer();
  }
  pending begin_call(const std::string& tool, const std::string& request_id) const {
    return begin("tools/call", R"({"name":")" + tool + R"(","arguments":{}})", request_id);
  }
  raw_answer call(const std::string& tool, const std::string& request_id = "1") const {
    return begin_call(tool, request_id).answer();
  }
  raw_answer notify(const std::string& method, const std::string& params = "{}") const {
    return post(R"({"jsonrpc":"2.0","method":")" + method + R"(","params":)" + params + "}").answer();
  }
  raw_answer end() const { return pending(port_, "DELETE /mcp HTTP/1.1\r\n" + headers() + "\r\n").answer(); }

  std::string id;

 private:
  pending post(const std::string& body) const {
    return {port_, "POST /mcp HTTP/1.1\r\n" + headers() + "Content-Type: application/json\r\nContent-Length: " +
                       std::to_string(body.size()) + "\r\n\r\n" + body};
  }
  std::string headers() const {
    const std::string host = "Host: localhost\r\nAccept: application/json, text/event-stream\r\n";
    return id.empty() ? host : host + "Mcp-Session-Id: " + id + "\r\nMCP-Protocol-Version: 2025-11-25\r\n";
  }

  std::uint16_t port_;
};

/// A gate that fake servers wait at until the test opens it.
class gate {
 public:
  ~gate() { open(); }
  void open() {
    state_.change([](bool& is_open) { is_open = true; });
  }
  void pass() {
    state_.wait([](bool is_open) { return is_open; });
  }

 private:
  watched<bool> state_;
};

inline std::int64_t error_code(const raw_answer& a) {
  return mcp::integer_value(mcp::member(mcp::member(a.body, "error"), "code")).value_or(0);
}

inline std::size_t descriptors() {
  std::size_t n = 0;
  auto* const d = ::opendir("/proc/self/fd");
  while (::readdir(d) != nullptr) ++n;
  ::closedir(d);
  return n;
}

}  // namespace holdfast::tests
