#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/loop_thread.hpp"
#include "tests/support/raw_client.hpp"
#include "transport/http_server.hpp"

namespace holdfast::tests {

/// An HTTP server on a loop of its own that does with each request what `on` says. Notes can be left for the test.
class server_under_test : public transport::http_handler {
 public:
  using exchange = std::shared_ptr<transport::http_exchange>;

  explicit server_under_test(std::function<void(exchange)> on, const transport::http_limits& limits = {})
      : on_(std::move(on)) {
    io_.run([&] {
      auto made = transport::http_server::listen(*io_, "127.0.0.1", 0, limits, *this);
      if (!made) throw std::runtime_error(made.error().detail);
      server_ = std::move(*made);
    });
  }
  ~server_under_test() override { destroy(); }

  raw_client client(int receive_buffer = 0) { return raw_client(port(), receive_buffer); }
  std::uint16_t port() {
    return io_.run([&] { return server_->port(); });
  }
  std::size_t connections() {
    return io_.run([&] { return server_->connections(); });
  }
  void drain() {
    io_.run([&] { server_->drain(); });
  }
  void destroy() {
    io_.run([&] { server_.reset(); });
  }
  loop_thread& io() noexcept { return io_; }

  /// Loop thread: leaves a note for `await_note`.
  void note(std::string text) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(text));
    changed_.notify_all();
  }

  /// The oldest note not yet taken; waits some seconds, then returns "nothing".
  std::string await_note() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10), [&] { return !notes_.empty(); })) return "nothing";
    std::string oldest = std::move(notes_.front());
    notes_.erase(notes_.begin());
    return oldest;
  }

  bool no_note() {
    const std::lock_guard lock(mutex_);
    return notes_.empty();
  }

 private:
  void on_request(exchange e) override { on_(std::move(e)); }

  std::function<void(exchange)> on_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> notes_;
  std::unique_ptr<transport::http_server> server_;
  loop_thread io_;  // last: its thread ends first
};

/// What several tests answer: the method's path and body, as they came.
inline void echo(const server_under_test::exchange& e) {
  const auto& q = e->request();
  e->respond(200, "text/plain", "X-Test: 1\r\n", {q.path, " ", q.body});
}

inline std::string get(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
}

inline std::string post(const std::string& path, const std::string& body, const std::string& more = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         more + "\r\n" + body;
}

}  // namespace holdfast::tests
