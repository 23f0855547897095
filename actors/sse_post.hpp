#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "actors/client_messages.hpp"
#include "actors/cluster_routes.hpp"
#include "transport/http_client.hpp"
#include "transport/loop.hpp"

namespace holdfast::actors {

struct node_context;

/// One POST of an HTTP+SSE client (2024-11-05), handed to the node that has its stream, and what that node answers. The
/// session ends with the process that has it, so nobody else can take the message: it is sent once. 503 if it was not
/// sent, 502 if nobody can tell, either within `hold_timeout`.
///
/// One thread, that of `home`. Held by shared pointer while it is under way.
class sse_post final : public transport::http_receiver, public std::enable_shared_from_this<sse_post> {
 public:
  sse_post(transport::loop& home, node_context& node, exchange_ptr exchange, std::string_view principal);

  /// To `to`, or `through` it, if only that node reaches the one that the request names.
  void start(const cluster_routes::peer& to, bool through);

  /// The node stops: the client's connection is cut.
  void stop() { finish(); }

  bool over() const noexcept { return exchange_ == nullptr; }

 private:
  void on_head(const transport::client_response_head& head) override;
  void on_body(std::string_view bytes) override;
  void on_end() override;
  void on_failed(transport::failure why) override;

  void refuse(int status, std::string_view why);
  void finish();

  transport::loop& home_;
  node_context& node_;
  exchange_ptr exchange_;        // null once over
  const std::string principal_;  // whose message it is
  std::shared_ptr<transport::http_pool> pool_;
  transport::loop::timer timer_ = 0;
  int status_ = 0;
  std::string content_type_, body_;
};

}  // namespace holdfast::actors
