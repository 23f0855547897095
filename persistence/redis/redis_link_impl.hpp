#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "persistence/redis/redis_greeting.hpp"
#include "persistence/redis/redis_link_events.hpp"
#include "persistence/redis/redis_reader_impl.hpp"
#include "persistence/redis/redis_stream_impl.hpp"
#include "persistence/redis/redis_url.hpp"

namespace holdfast::persistence {

/// How links are to be, whatever they lead to.
struct redis_link_settings {
  redis_credentials credentials;
  boost::asio::ssl::context* tls = nullptr;   ///< null = in the clear; outlives the link
  bool masters_only = true;                   ///< a server that is a replica counts as not there
  unsigned wait_replicas = 0;                 ///< that a durable request must have reached
  std::chrono::milliseconds patience{5'000};  ///< what a request has at most
};

/// One connection to one server, opened again with growing, jittered pauses for as long as it is not closed. Requests
/// of one loop turn go out in one write, and their replies come in order. One thread, that of the context. Held by
/// shared pointer; the events outlive it or its `close`.
class redis_link : public std::enable_shared_from_this<redis_link> {
 public:
  using clock = std::chrono::steady_clock;

  redis_link(boost::asio::io_context& context, redis_endpoint to, redis_link_settings settings,
             redis_link_events& events);

  /// Connects. Once.
  void start();

  /// Ends it: what is unanswered is said so at once, then no event follows.
  void close();

  bool is_ready() const noexcept { return phase_ == phase::ready; }

  /// Only while ready. `asking`: to a cluster's node that is just taking the slot over (ASK).
  void send(redis_request& r, bool asking = false);

  /// Gives the connection up soon, as if it had been lost, and opens another. Ignored unless ready.
  void drop(std::string why);

  const redis_endpoint& endpoint() const noexcept { return to_; }
  const redis_greeting& greeting() const noexcept { return greeting_; }

  /// When the server was heard last.
  clock::time_point heard() const noexcept { return heard_; }

 private:
  enum class phase : std::uint8_t { idle, connecting, greeting, ending_predecessor, ready, pausing, closed };
  enum class expected : std::uint8_t { request, asking, replicas };
  struct sent {
    expected what;
    redis_request* request;
  };
  struct held {
    redis_request* request;
    redis_reply reply;
  };
  using stream_ptr = std::shared_ptr<redis_stream>;

  void connect();
  void greet();
  void on_greeted();
  void end_predecessor(std::int64_t client_id);
  void on_predecessor_ended(const redis_reply& reply);
  void become_ready();
  void read();
  void on_read_error(const boost::system::error_code& ec);
  void on_bytes(std::size_t count);
  void on_reply(redis_reply& reply);
  void on_replicas(const redis_reply& reply);
  void flush_soon();
  void flush();
  void write();
  void append_wait();
  void lose(store_failure why);
  void give_back();
  template <class Handler>
  void after(std::chrono::milliseconds delay, Handler h);

  boost::asio::io_context& context_;
  const redis_endpoint to_;
  const redis_link_settings settings_;
  redis_link_events& events_;

  phase phase_ = phase::idle;
  stream_ptr stream_;  // null unless there is a connection or an attempt at one
  std::optional<redis_reader> reader_;
  boost::asio::steady_timer timer_;
  unsigned attempts_ = 0;  // since it was ready last
  redis_greeting greeting_;
  std::vector<redis_reply> greeting_replies_;
  std::size_t greeting_size_ = 0;

  std::vector<char> input_;
  std::string unsent_, sending_;
  std::deque<sent> in_flight_;    // sent and unsent
  std::size_t unsent_count_ = 0;  // of in_flight_, at its end
  std::deque<held> held_;         // answered, but the replicas are waited for
  bool writing_ = false, flush_posted_ = false, waiting_for_replicas_ = false, has_durable_ = false;
  clock::time_point first_deadline_;  // of what is durable and unsent
  clock::time_point heard_;
};

}  // namespace holdfast::persistence
