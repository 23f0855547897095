#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/loop_thread.hpp"
#include "transport/errc.hpp"
#include "transport/program_tool.hpp"
#include "transport/upstream_connection.hpp"
#include "transport/upstream_link.hpp"

namespace holdfast::tests {

inline constexpr std::chrono::seconds patience{20};

/// A value that another thread changes and that a test waits for.
template <class T>
class watched {
 public:
  template <class F>
  void change(F f) {
    // Notified under the lock: whoever waits may destroy this as soon as it has the value.
    std::lock_guard lock(mutex_);
    f(value_);
    changed_.notify_all();
  }

  /// Waits until `holds(value)` and returns a copy. Throws when it takes too long.
  template <class F>
  T wait(F holds, std::chrono::milliseconds limit = patience) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, limit, [&] { return holds(std::as_const(value_)); }))
      throw std::runtime_error("what was awaited did not happen");
    return value_;
  }

  T get() const {
    std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  T value_{};
};

/// What came back for one request, in order.
struct call_record {
  std::vector<std::string> messages;
  std::optional<std::string> answer;
  std::optional<transport::failure> failed;
  int ends = 0;

  bool over() const { return ends > 0; }
};

class recorded_call final : public transport::upstream_events {
 public:
  explicit recorded_call(transport::loop& expected) : expected_(&expected) {}

  void on_message(std::string json) override {
    check_loop();
    record.change([&](call_record& r) { r.messages.push_back(std::move(json)); });
  }
  void on_answer(std::string json) override {
    check_loop();
    record.change([&](call_record& r) {
      r.answer = std::move(json);
      ++r.ends;
    });
  }
  void on_failed(transport::failure why) override {
    check_loop();
    record.change([&](call_record& r) {
      r.failed = std::move(why);
      ++r.ends;
    });
  }

  call_record result() {
    return record.wait([](const call_record& r) { return r.over(); });
  }

  std::error_code error() {
    auto r = result();
    return r.failed ? r.failed->code : std::error_code();
  }

  watched<call_record> record;
  std::atomic<bool> wrong_loop{false};
  std::atomic<bool> inside_request{false};

 private:
  void check_loop() {
    if (transport::loop::current() != expected_ || inside_request) wrong_loop = true;
  }
  transport::loop* expected_;
};

/// What happened to a connection outside any request.
struct connection_record {
  std::vector<std::string> messages, stderr_lines;
  std::vector<transport::failure> downs;
};

class recorded_connection final : public transport::upstream_connection_events {
 public:
  void on_message(std::string json) override {
    record.change([&](connection_record& r) { r.messages.push_back(std::move(json)); });
  }
  void on_down(transport::failure why) override {
    record.change([&](connection_record& r) { r.downs.push_back(std::move(why)); });
  }
  void on_stderr(std::string line) override {
    record.change([&](connection_record& r) {
      if (r.stderr_lines.size() < 10'000) r.stderr_lines.push_back(std::move(line));
    });
  }

  transport::failure down(std::chrono::milliseconds limit = patience) {
    return record.wait([](const connection_record& r) { return !r.downs.empty(); }, limit).downs.front();
  }

  std::string message_with(std::string_view part) {
    auto find = [&](const connection_record& r) {
      for (const auto& m : r.messages)
        if (m.find(part) != m.npos) return m;
      return std::string();
    };
    return find(record.wait([&](const connection_record& r) { return !find(r).empty(); }));
  }

  std::string stderr_with(std::string_view part) {
    auto find = [&](const connection_record& r) {
      for (const auto& m : r.stderr_lines)
        if (m.find(part) != m.npos) return m;
      return std::string();
    };
    return find(record.wait([&](const connection_record& r) { return !find(r).empty(); }));
  }

  watched<connection_record> record;
};

inline const std::string initialize_params =
    R"({"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"holdfast-tests","version":"1"}})";

/// A connection to an upstream with its home loop; the verbs of the tests. `other` is a second loop.
class upstream_probe {
 public:
  explicit upstream_probe(transport::stdio_command c, transport::upstream_limits l = quick_limits()) {
    connection = home.run([&] { return transport::upstream_connection::over_stdio(*home, std::move(c), l, events); });
  }
  explicit upstream_probe(transport::program_set s, transport::upstream_limits l = quick_limits()) {
    connection =
        home.run([&] { return transport::upstream_connection::over_programs(*home, std::move(s), l, events); });
  }
  explicit upstream_probe(transport::http_endpoint e, transport::upstream_limits l = quick_limits()) {
    connection = home.run([&] { return transport::upstream_connection::over_http(*home, std::move(e), l, events); });
  }
  ~upstream_probe() {
    close();
    home.run([this] {
      link = nullptr;
      connection = nullptr;
      return 0;
    });
  }

  static transport::upstream_limits quick_limits() {
    transport::upstream_limits l;
    l.connect_timeout = std::chrono::milliseconds(10'000);
    l.shutdown_grace = std::chrono::milliseconds(300);
    return l;
  }

  transport::outcome<std::string> open(std::string params = initialize_params) {
    watched<std::optional<transport::outcome<std::string>>> result;
    home->post([&] {
      connection->open(
          params, [&](transport::outcome<std::string> r) { result.change([&](auto& slot) { slot = std::move(r); }); });
    });
    auto opened = *result.wait([](const auto& slot) { return slot.has_value(); });
    link = home.run([this] { return connection->link(); });
    return opened;
  }

  std::shared_ptr<recorded_call> request(std::string_view method, std::string_view params = "{}",
                                         std::chrono::milliseconds timeout = patience, bool from_other = false) {
    return request_with_id(link->next_id(), method, params, timeout, from_other);
  }

  std::shared_ptr<recorded_call> request_with_id(std::uint64_t id, std::string_view method, std::string_view params,
                                                 std::chrono::milliseconds timeout = patience,
                                                 bool from_other = false) {
    auto& on = from_other ? other : home;
    auto call = std::make_shared<recorded_call>(*on);
    auto body = "{\"jsonrpc\":\"2.0\",\"id\":" + std::to_string(id) + ",\"method\":\"" + std::string(method) +
                "\",\"params\":" + std::string(params) + "}";
    on.run([&] {
      call->inside_request = true;
      link->request({id, body, timeout}, call);
      call->inside_request = false;
      return 0;
    });
    return call;
  }

  void forget(std::uint64_t id, bool from_other = false) {
    auto& on = from_other ? other : home;
    on.run([&] {
      link->forget(id);
      return 0;
    });
  }

  void send(std::string json) {
    home.run([&] {
      link->send(std::move(json));
      return 0;
    });
  }

  /// Returns once `close` has completed. Once only; later calls do nothing.
  void close() {
    if (std::exchange(closed_, true) || !connection) return;
    watched<bool> done;
    home->post([&] { connection->close([&] { done.change([](bool& d) { d = true; }); }); });
    done.wait([](bool d) { return d; });
  }

  loop_thread home, other;
  recorded_connection events;
  std::shared_ptr<transport::upstream_connection> connection;
  std::shared_ptr<transport::upstream_link> link;

 private:
  bool closed_ = false;
};

}  // namespace holdfast::tests
