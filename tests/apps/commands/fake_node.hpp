#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/loop_thread.hpp"
#include "transport/http_server.hpp"

namespace holdfast::tests {

/// An HTTP server on loopback that answers by a function, on a thread of its own.
class fake_node final : public transport::http_handler {
 public:
  struct answer {
    int status = 200;
    std::string body;
    std::string headers;                    ///< whole lines
    std::string type = "application/json";  ///< "text/event-stream": the body is the stream, which then ends
    bool never = false;                     ///< hold the exchange until the node is gone
  };
  /// Runs on the server's thread.
  using script = std::function<answer(const transport::http_request&)>;

  explicit fake_node(script s) : script_(std::move(s)) {
    loop_.run([&] { server_ = *transport::http_server::listen(*loop_, "127.0.0.1", 0, {}, *this); });
  }
  ~fake_node() override {
    loop_.run([&] {
      held_.clear();
      server_.reset();
    });
  }

  std::string url(const std::string& path = "") const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + path;
  }

  /// Method and target or body of all requests so far: "GET /x?y", "POST {…}".
  std::vector<std::string> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

  /// Waits for a request that holds `part`; false if none comes within five seconds.
  bool sees(std::string_view part) {
    std::unique_lock lock(mutex_);
    return noted_.wait_for(lock, std::chrono::seconds(5), [&] {
      return std::any_of(seen_.begin(), seen_.end(), [&](const auto& s) { return s.find(part) != s.npos; });
    });
  }

 private:
  void on_request(std::shared_ptr<transport::http_exchange> exchange) override {
    const auto& r = exchange->request();
    note(r);
    const answer a = script_(r);
    if (a.never) {
      held_.push_back(std::move(exchange));
    } else if (a.type == "text/event-stream") {
      exchange->open_stream(a.headers);
      exchange->write(a.body);
      exchange->end_stream();
    } else {
      exchange->respond(a.status, a.type, a.headers, {a.body});
    }
  }

  void note(const transport::http_request& r) {
    const std::string query = r.query.empty() ? "" : "?" + std::string(r.query);
    std::string line = "OTHER";
    if (r.method == transport::http_method::get) line = "GET " + std::string(r.path) + query;
    if (r.method == transport::http_method::post) line = "POST " + std::string(r.body);
    if (r.method == transport::http_method::del) line = "DELETE";
    const std::lock_guard lock(mutex_);
    seen_.push_back(std::move(line));
    noted_.notify_all();
  }

  script script_;
  std::mutex mutex_;
  std::condition_variable noted_;
  std::vector<std::string> seen_;
  std::vector<std::shared_ptr<transport::http_exchange>> held_;
  loop_thread loop_;
  std::unique_ptr<transport::http_server> server_;
};

}  // namespace holdfast::tests
