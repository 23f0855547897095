#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "transport/mcp/revision.hpp"
#include "transport/result.hpp"
#include "transport/upstream_link.hpp"

namespace holdfast::transport {

/// What a server made of `initialize`.
struct handshake {
  std::string result;  ///< raw, as it came
  mcp::revision negotiated;
};

/// Reads the answer to `initialize`. `unsupported_era`: the server says it serves, or has chosen, no legacy revision;
/// `handshake_failed`: any other error, with its words; `bad_message`: a result without `protocolVersion`.
outcome<handshake> read_handshake(std::string_view answer);

/// The events of the request `initialize`, which is made by a connection itself.
class initialize_events : public upstream_events {
 public:
  struct callbacks {
    std::function<void(std::string)> message;
    std::function<void(std::string)> answer;
    std::function<void(failure)> failed;
  };

  explicit initialize_events(callbacks to) : to_(std::move(to)) {}

  void on_message(std::string json) override { to_.message(std::move(json)); }
  void on_answer(std::string json) override { to_.answer(std::move(json)); }
  void on_failed(failure why) override { to_.failed(std::move(why)); }

 private:
  callbacks to_;
};

/// Whole messages.
std::string initialize_request(std::uint64_t id, std::string_view params);
std::string initialized_notification();
std::string cancelled_notification(std::uint64_t id, std::string_view reason);

}  // namespace holdfast::transport
