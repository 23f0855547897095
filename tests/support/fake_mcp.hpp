#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/fake_server.hpp"
#include "tests/support/upstream_probe.hpp"

namespace holdfast::tests {

inline std::string result_of(const std::string& id, std::string_view result = "{\"ok\":true}") {
  return "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":" + std::string(result) + "}";
}

inline std::string error_of(const std::string& id, int code, std::string_view message, std::string_view data = "") {
  return "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"error\":{\"code\":" + std::to_string(code) + ",\"message\":\"" +
         std::string(message) + "\"" + (data.empty() ? "" : ",\"data\":" + std::string(data)) + "}}";
}

inline std::string initialize_result(std::string_view version = "2025-11-25") {
  return "{\"protocolVersion\":\"" + std::string(version) +
         "\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"fake\",\"version\":\"1\"}}";
}

inline std::string event(std::string_view data, std::string_view id = "") {
  return (id.empty() ? "" : "id: " + std::string(id) + "\n") + "data: " + std::string(data) + "\n\n";
}

/// A Streamable HTTP server without an event stream of its own, which tests change where they need to.
class fake_mcp {
 public:
  /// Says what to do with a request: true = answered, false = end the connection, nothing = do as usual.
  using route = std::function<std::optional<bool>(const fake_request&, fake_peer&)>;

  explicit fake_mcp(route r = {}, std::string session = "session-1", SSL_CTX* tls = nullptr)
      : route_(std::move(r)), session_(std::move(session)), server([this](fake_peer& peer) { serve(peer); }, tls) {}

  transport::http_endpoint endpoint() const {
    transport::http_endpoint e;
    e.url = server.url("/mcp");
    return e;
  }

  /// The first request for which `is` holds.
  template <class F>
  fake_request request_with(F is) {
    auto find = [&](const std::vector<fake_request>& all) {
      for (const auto& r : all)
        if (is(r)) return std::optional(r);
      return std::optional<fake_request>();
    };
    return *find(requests.wait([&](const auto& all) { return find(all).has_value(); }));
  }

  std::size_t count(std::string_view method) const {
    std::size_t n = 0;
    for (const auto& r : requests.get()) n += r.method == method;
    return n;
  }

  watched<std::vector<fake_request>> requests;

 private:
  void serve(fake_peer& peer) {
    while (auto r = peer.read_request()) {
      requests.change([&](auto& all) { all.push_back(*r); });
      if (route_) {
        auto handled = route_(*r, peer);
        if (handled && !*handled) return;
        if (handled) continue;
      }
      if (!as_usual(*r, peer)) return;
    }
  }

  bool as_usual(const fake_request& r, fake_peer& peer) const {
    if (r.method == "GET") return peer.answer(405, "", "");
    if (r.method == "DELETE") return peer.answer(200, "", "");
    if (r.id().empty() || r.calls("result") || r.calls("error")) return peer.answer(202, "", "");
    if (!r.calls("initialize")) return peer.answer(200, result_of(r.id()));
    auto session = session_.empty() ? std::string() : "Mcp-Session-Id: " + session_ + "\r\n";
    return peer.answer(200, result_of(r.id(), initialize_result()), "application/json", session);
  }

  route route_;
  std::string session_;

 public:
  fake_server server;  ///< last: its threads use the rest
};

}  // namespace holdfast::tests
