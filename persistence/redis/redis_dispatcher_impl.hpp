#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "persistence/redis/redis_circuit.hpp"
#include "persistence/redis/redis_gauges.hpp"
#include "persistence/redis/redis_topologies_impl.hpp"
#include "persistence/store.hpp"

namespace holdfast::persistence {

/// Brings requests to whoever is the master of their keys, again and again until they are answered or their deadline
/// has come. One thread, that of the context. Held by shared pointer; after `close` nothing is completed any more.
class redis_dispatcher final : public std::enable_shared_from_this<redis_dispatcher>,
                               private redis_link_events,
                               private redis_topology_events {
 public:
  redis_dispatcher(boost::asio::io_context& context, const redis_site& site, const redis_link_settings& link,
                   const store_options& options, std::shared_ptr<redis_gauges> gauges);

  void start();
  void close();

  /// A blank request, to be filled in and submitted.
  redis_request& prepare();

  /// Completes it later, in any case, never from within this call.
  void submit(redis_request& r);

  /// Runs `f` later, unless closed by then.
  void defer(std::function<void()> f);

  /// Runs whenever a server has another history than the one before it.
  std::function<void()> on_history_changed;

 private:
  using clock = redis_request::clock;

  void on_ready(redis_link& link) override;
  void on_lost(redis_link& link, const store_failure& why) override;
  void on_reply(redis_link& link, redis_request& r, redis_reply& reply) override;
  void on_short_of_replicas(redis_link& link, redis_request& r) override;
  void on_unanswered(redis_request& r) override;
  void on_changed() override;
  void on_trouble(const store_failure& why) override;

  void route(redis_request& r);
  void route_parked();
  void retry_later(redis_request& r, std::string why);
  bool tried_again(redis_link& link, redis_request& r, const redis_reply& error);
  bool redirected(redis_link& link, redis_request& r, const redis_reply& error);
  void refuse(redis_request& r, store_failure why);
  void deliver_refusals();
  void watch_deadlines();
  void on_deadline();
  void give_up(redis_request& r);
  void finish(redis_request& r, const redis_outcome& outcome);
  void fail_parked(const store_failure& why);
  void free(redis_request& r);
  void free_given_up(std::vector<redis_request*>& among);
  void on_unavailable();
  void on_answered();
  void probe();
  void try_out();
  void show();

  boost::asio::io_context& context_;
  const store_options options_;
  std::shared_ptr<redis_gauges> gauges_;
  std::unique_ptr<redis_topology> topology_;
  bool closed_ = false;

  std::list<redis_request> open_;  // by deadline
  std::list<redis_request> left_;  // past their deadline, but a link still has them; or refused
  std::list<redis_request> spare_;
  std::size_t bytes_ = 0;                // of what is open
  std::vector<redis_request*> parked_;   // until somebody serves their slot
  std::vector<redis_request*> pausing_;  // until the retry timer
  std::vector<std::pair<std::function<void(const redis_outcome&)>, store_failure>> refused_;

  boost::asio::steady_timer deadline_timer_, retry_timer_, probe_timer_;
  bool watching_ = false, retrying_ = false, probing_ = false;
  redis_circuit circuit_;
  std::uint16_t probed_ = 0;  // hash slot
  store_failure trouble_;     // of the connection; no detail = none
  std::string hindrance_;     // why requests had to be tried again last
};

}  // namespace holdfast::persistence
