#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "transport/pending_calls.hpp"
#include "transport/upstream_link.hpp"

namespace holdfast::transport {

/// Takes whole messages to the server. Called on the connection's loop.
class channel_writer {
 public:
  virtual ~channel_writer() = default;

  /// `id` is that of a request, 0 for anything else. False: the queue is at its limit, nothing was taken.
  virtual bool write_message(std::uint64_t id, std::string json) = 0;
};

/// The link of a connection on which everything the server says comes over one channel (a child's standard output, the
/// event stream of HTTP+SSE). Members marked "home" are for the connection's loop.
class channel_link final : public upstream_link, public std::enable_shared_from_this<channel_link> {
 public:
  /// Who gets a message that is not an answer and carries no progress token of a request in flight.
  enum class unrouted { connection, only_request };

  struct limits {
    std::size_t in_flight_max;
    std::size_t queue_bytes_max;  ///< on their way from other loops
  };

  channel_link(loop& home, limits l, channel_writer& writer);

  void request(upstream_request r, std::shared_ptr<upstream_events> events) override;
  void send(std::string json) override;
  void forget(std::uint64_t id) override { calls_->forget(id); }
  std::size_t in_flight() const noexcept override { return calls_->size(); }

  /// What became of bytes that `dispatch` was given.
  enum class verdict { taken, for_connection, not_a_message };

  /// Home. Routes one message of the server.
  verdict dispatch(std::string_view json, unrouted rule);

  /// Home. A request that could not be sent.
  void fail(std::uint64_t id, failure why) { calls_->fail(id, std::move(why)); }

  /// Home. Writes no more; everything in flight and later fails; then `then` runs. Only the first call counts.
  void shut(const failure& why, std::function<void()> then);

 private:
  void write(std::uint64_t id, std::string json);
  bool on_their_way(std::size_t bytes);

  loop& home_;
  const limits limits_;
  channel_writer* writer_;
  std::shared_ptr<pending_calls> calls_;
  std::atomic<std::size_t> posted_bytes_{0};
};

}  // namespace holdfast::transport
