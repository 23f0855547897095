#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "persistence/redis/redis_link_impl.hpp"

namespace holdfast::persistence {

/// Who an inquiry reports to. Called last in whatever the inquiry does: the listener may close it.
class redis_inquiry_listener {
 public:
  /// One reply to each command; all but the first may be errors. Returns why they are of no use, if they are of none:
  /// then another server is asked.
  virtual std::optional<store_failure> on_told(const redis_endpoint& by, const std::vector<redis_reply>& replies) = 0;

  /// Every server was asked in vain. `rejected` only if none of them could be of use later either.
  virtual void on_silence(const store_failure& why) = 0;

 protected:
  ~redis_inquiry_listener() = default;
};

/// Puts the same commands again and again to one server of several: to the same one as long as that does, to one after
/// the other while there is trouble. Has a connection of its own. One thread, that of the context. Held by shared
/// pointer; the listener outlives it or its `close`.
class redis_inquiry final : public std::enable_shared_from_this<redis_inquiry>, private redis_link_events {
 public:
  /// `reticent`: tells user and password only to servers that do not answer without.
  redis_inquiry(boost::asio::io_context& context, redis_link_settings link, bool reticent,
                const std::vector<std::string>& commands, redis_inquiry_listener& listener);

  /// Asks for the first time. Once.
  void start(std::vector<redis_endpoint> whom);

  /// Whom to ask from now on; at least one.
  void choose_from(std::vector<redis_endpoint> whom);

  /// There is trouble: asks soon, and often until `calm`.
  void hurry();
  void calm() { hurried_ = false; }

  /// Ends it: nothing is told any more.
  void close();

 private:
  using clock = std::chrono::steady_clock;

  void on_ready(redis_link& link) override;
  void on_lost(redis_link& link, const store_failure& why) override;
  void on_reply(redis_link& link, redis_request& r, redis_reply& reply) override;
  void on_short_of_replicas(redis_link& /*link*/, redis_request& /*r*/) override {}
  void on_unanswered(redis_request& /*r*/) override {}

  void turn_to_next();
  void connect(bool introduced);
  void ask();
  void on_all_replies();
  void on_vain_reply(store_failure why);
  void on_vain(const store_failure& why);
  void pause(std::chrono::milliseconds length);
  void go_on();
  template <class Handler>
  void at(clock::time_point when, Handler h);

  boost::asio::io_context& context_;
  redis_link_settings settings_;
  const bool reticent_;
  redis_inquiry_listener* listener_;  // null = closed
  std::vector<redis_endpoint> whom_;
  std::size_t next_ = 0;  // of whom_
  redis_endpoint asked_;
  std::shared_ptr<redis_link> link_;
  std::deque<redis_request> requests_;  // which the link borrows: they stay where they are
  std::vector<redis_reply> replies_;
  boost::asio::steady_timer timer_;
  bool introduced_ = false, hurried_ = false, pausing_ = false;
  std::chrono::milliseconds haste_{0};  // the pause while hurried
  clock::time_point last_asked_;
  std::size_t vain_ = 0, rejections_ = 0;  // since anybody was of use, or everybody had been asked
  std::string rejection_;
};

}  // namespace holdfast::persistence
