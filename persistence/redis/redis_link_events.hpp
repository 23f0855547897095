#pragma once

#include "persistence/redis/redis_reply.hpp"
#include "persistence/redis/redis_request.hpp"
#include "persistence/store_values.hpp"

namespace holdfast::persistence {

class redis_link;

/// What a link tells. Never from within a call of the link's own functions, but for `unanswered` from `close`.
class redis_link_events {
 public:
  /// Connected, greeted and fit for requests.
  virtual void on_ready(redis_link& link) = 0;

  /// Not or no longer fit for requests; it goes on trying by itself. Before that, `on_unanswered` of all it had.
  virtual void on_lost(redis_link& link, const store_failure& why) = 0;

  /// The reply, which may be an error, may be moved from.
  virtual void on_reply(redis_link& link, redis_request& r, redis_reply& reply) = 0;

  /// Carried out, but too few replicas have it in time.
  virtual void on_short_of_replicas(redis_link& link, redis_request& r) = 0;

  /// The connection went; the request may have been carried out or not.
  virtual void on_unanswered(redis_request& r) = 0;

 protected:
  ~redis_link_events() = default;
};

}  // namespace holdfast::persistence
