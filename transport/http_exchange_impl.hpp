#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "transport/server_connection_impl.hpp"

namespace holdfast::transport {

/// The exchange of one request. Lets go of the connection when it has been answered, so that a copy kept for too long
/// can reach no later request.
class live_exchange final : public http_exchange {
 public:
  live_exchange(std::shared_ptr<server_connection> to, std::uint64_t connection)
      : home_(to->home()), connection_(connection), to_(std::move(to)) {}
  ~live_exchange() override;

  const http_request& request() const noexcept override;
  loop& home() noexcept override { return home_; }
  std::uint64_t connection() const noexcept override { return connection_; }
  bool is_awaited() override { return to_ && to_->is_awaited(); }
  std::string peer() const override { return to_ ? to_->peer() : std::string(); }
  void respond(int status, std::string_view content_type, std::string_view extra_headers,
               std::initializer_list<std::string_view> body) override;
  void open_stream(std::string_view extra_headers) override;
  bool write(std::string_view bytes) override;
  void end_stream() override;
  void on_closed(std::function<void()> f) override;

 private:
  loop& home_;
  const std::uint64_t connection_;
  std::shared_ptr<server_connection> to_;  // null once answered
  bool streaming_ = false;
};

}  // namespace holdfast::transport
