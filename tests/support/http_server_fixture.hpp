#pragma once

#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/loop_thread.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/tls_folder.hpp"
#include "tests/support/tls_wire.hpp"
#include "transport/http_server.hpp"

namespace holdfast::tests {

/// HOLDFAST_TEST_TLS=1 runs all tests of the server over TLS, but for those of TCP itself.
inline bool over_tls() { return std::getenv("HOLDFAST_TEST_TLS") != nullptr; }

/// An identity for both sides, made once.
inline const transport::tls_files& usual_tls_files() {
  static tls_folder folder;
  static const auto files = folder.files("both");
  return files;
}

/// An HTTP server on a loop of its own that does with each request what `on` says. Notes can be left for the test.
class server_under_test : public transport::http_handler {
 public:
  using exchange = std::shared_ptr<transport::http_exchange>;

  explicit server_under_test(std::function<void(exchange)> on, const transport::http_limits& limits = {},
                             const transport::tls_files& tls = over_tls() ? usual_tls_files() : transport::tls_files())
      : on_(std::move(on)), files_(tls) {
    if (tls) tls_ = *transport::tls_identity::load(tls);
    io_.run([&] {
      auto made = transport::http_server::listen(*io_, "127.0.0.1", 0, limits, *this, tls_);
      if (!made) throw std::runtime_error(made.error().detail);
      server_ = std::move(*made);
    });
  }
  ~server_under_test() override { destroy(); }

  raw_client client(int receive_buffer = 0) {
    raw_client c(port(), receive_buffer);
    if (tls_) c.speak(std::make_unique<tls_wire>(client_context(files_), c.descriptor()));
    return c;
  }
  std::uint16_t port() {
    return io_.run([&] { return server_->port(); });
  }
  std::size_t connections() {
    return io_.run([&] { return server_->connections(); });
  }
  void drain() {
    io_.run([&] { server_->drain(); });
  }
  void close_listener_here() { server_->close_listener(); }  // loop thread
  std::size_t unanswered() {
    return io_.run([&] { return server_->unanswered(); });
  }
  void destroy() {
    io_.run([&] { server_.reset(); });
  }
  loop_thread& io() noexcept { return io_; }
  const std::shared_ptr<transport::tls_identity>& identity() const noexcept { return tls_; }

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
  void on_refused(const std::string& from, const std::string& why) override { note("refused " + from + ": " + why); }

  std::function<void(exchange)> on_;
  const transport::tls_files files_;
  std::shared_ptr<transport::tls_identity> tls_;
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
