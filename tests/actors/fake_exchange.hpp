#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "transport/http_server.hpp"

namespace holdfast::tests {

/// An exchange that records what it is told. Nobody reads at its other end.
class fake_exchange final : public transport::http_exchange {
 public:
  const transport::http_request& request() const noexcept override { return request_; }
  transport::loop& home() noexcept override { std::terminate(); }
  std::uint64_t connection() const noexcept override { return 0; }

  void respond(int s, std::string_view, std::string_view, std::initializer_list<std::string_view> body) override {
    status = s;
    for (const auto part : body) sent += part;
  }
  void open_stream(std::string_view) override { open = true; }
  bool write(std::string_view bytes) override {
    if (!open || ended) throw std::logic_error("a write to no open stream");
    sent += bytes;
    return true;
  }
  void end_stream() override { ended = true; }
  void on_closed(std::function<void()> f) override { closed_ = std::move(f); }

  /// The client goes.
  void close() {
    if (const auto f = std::exchange(closed_, nullptr)) f();
  }

  /// What has been sent since the last look.
  std::string take() { return std::exchange(sent, {}); }

  std::string sent;
  int status = 0;
  bool open = false, ended = false;

 private:
  transport::http_request request_;
  std::function<void()> closed_;
};

}  // namespace holdfast::tests
