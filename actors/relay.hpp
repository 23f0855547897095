#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "actors/client_messages.hpp"
#include "actors/cluster.hpp"
#include "actors/request_age.hpp"
#include "actors/shard.hpp"
#include "actors/tracing/span.hpp"
#include "transport/http_client.hpp"

namespace holdfast::actors {

struct node_context;

/// One request of a client for a session that another node owns: sent there, and what comes back passed on. With it
/// goes how long the client has waited; one that is too old for the owner is sent again if its client is still there.
/// If that node goes while the client waits, the request goes to the next owner, which knows what became of it; an
/// event stream is taken up behind the last event that was passed on. The client only waits. Whoever has no owner
/// within `hold_timeout` gets 503. Bounded: an answer by `answer_bytes_max`, a stream by what the client's connection
/// queues.
///
/// One thread, that of `home`. Held by shared pointer while it is under way.
class relay final : public transport::http_receiver, public std::enable_shared_from_this<relay> {
 public:
  /// For a session of `principal` in this slot; without a slot, for a new session: any node will do that keeps its
  /// slots.
  relay(shard& home, node_context& node, exchange_ptr exchange, std::string_view principal,
        std::optional<std::uint16_t> slot);
  ~relay() override;

  void start();

  /// The routes are others now: what was sent to a process that is no member any more is sent to the next owner, and
  /// what was sent to one that this node does not reach any more, through another one.
  void on_routes_changed();

  /// The node stops: the client's connection is cut.
  void stop() { finish(); }

  bool over() const noexcept { return exchange_ == nullptr; }

 private:
  enum class state : std::uint8_t {
    waiting,  ///< for an owner
    sent,     ///< to it; nothing came back yet
    refused,  ///< it is not the owner any more
    json,     ///< collecting the answer
    stream,   ///< passing events on
  };

  void on_head(const transport::client_response_head& head) override;
  void on_body(std::string_view bytes) override;
  void on_end() override;
  void on_failed(transport::failure why) override;

  const cluster_routes::peer* next_peer(const cluster_routes& routes, bool& through) const;
  bool has_left() const;
  void go();
  void send(const cluster_routes::peer& to, bool through);
  std::string head(std::string_view path, const cluster_routes::peer& to) const;
  bool client_waits();
  void wait();
  void lose();
  void pass_on_events();
  void note_ids(std::string_view events);
  void open_client_stream(std::string_view headers);
  void log_sent(const cluster_routes::peer& to) const;
  void begin_hop(const cluster_routes::peer& to);
  void end_hop(bool failed);
  void finish();
  void give_up(int status, std::string_view why);

  shard& home_;
  node_context& node_;
  exchange_ptr exchange_;  // null once over
  const std::optional<std::uint16_t> slot_;
  std::optional<request_age> age_;  // none if it is passed on for a node that does not tell
  std::string method_, session_, headers_, body_, last_event_id_, over_, traceparent_;
  std::optional<tracing::span> hop_;            // the attempt under way, where the request is traced
  std::shared_ptr<transport::http_pool> pool_;  // where it was sent last
  std::string sent_to_;                         // the incarnation
  state state_ = state::waiting;
  // `over_` names the connection that the client uses, by which its session knows what has arrived. It follows the
  // incarnation of this node in the path: nobody takes what comes late from a process that is dead to the others.
  bool repeated_ = false;   // may have been carried out before
  bool passed_on_ = false;  // by a node that cannot reach the owner
  bool streaming_ = false;  // to the client
  int status_ = 0;
  std::string content_type_, answer_headers_, received_;
  std::chrono::steady_clock::time_point deadline_;
  transport::loop::timer pause_ = 0;
};

}  // namespace holdfast::actors
