#pragma once

#include <caf/behavior.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/machines/reconnect.hpp"
#include "actors/messages.hpp"
#include "actors/node_context.hpp"
#include "actors/resource_subscriptions.hpp"
#include "actors/secret_shapes.hpp"
#include "actors/shard_actor.hpp"
#include "actors/upstream.hpp"
#include "actors/upstream_requests.hpp"
#include "actors/wanted_levels.hpp"
#include "transport/upstream_connection.hpp"

namespace holdfast::actors {

/// Private to upstream.cpp (what others ask for, connecting) and upstream_talk.cpp (what is said to and by the
/// upstream).
class upstream_actor final : public shard_actor, private transport::upstream_connection_events {
 public:
  upstream_actor(caf::actor_config& cfg, shard& home, node_context& node, upstream_spec spec,
                 std::shared_ptr<published<transport::upstream_link>> slot)
      : shard_actor(cfg, home, metrics::actor_kind::upstream),
        node_(node),
        spec_(std::move(spec)),
        name_(name_of(config())),
        slot_(std::move(slot)) {
    if (!spec_.log_level.empty()) levels_.set(spec_.owner, spec_.log_level);
  }

  const char* name() const override { return "upstream"; }
  std::string_view subject() const override { return name_; }

  caf::behavior make_behavior() override;

 private:
  using when_open = std::function<void(const link_ptr&, const std::string& reason)>;
  const upstream_config& config() const { return node_.upstreams[spec_.index].config; }
  caf::actor self() { return caf::actor_cast<caf::actor>(this); }
  circuit& breaker() { return node_.circuits->of(spec_.index); }
  bool feeds_catalogue() const { return spec_.role != connection_role::session; }

  // what others ask for

  void on_acquire(const caf::actor& from);
  void on_expired(const link_ptr& link);
  void on_fetch();
  void on_subscribe(const subscribe& m);
  void subscribed(const std::string& uri, std::uint64_t number, const std::string& error);
  void restore_subscription(const subscribe& m);
  void subscribe_again(const std::string& uri);
  void on_unsubscribe(unsubscribe& m);
  void drop_subscriber(const std::string& uri, const caf::actor& who);
  void on_level(const caf::actor& from, std::string level);
  void on_released(const caf::actor& from);
  void on_stop(bool leaves_session);
  void on_retire();
  void end_when_quiet();
  void on_steer();

  // connecting

  void with_link(when_open f);
  void need() {
    if (!disabled()) step(machines::reconnect::needed{});
  }
  bool disabled() const { return node_.upstreams[spec_.index].disabled; }

  void step(const machines::reconnect::event& e);
  void arm();
  transport::loop::timer after(std::chrono::milliseconds delay, std::function<void()> f);

  /// Somebody relies on this connection without asking again: the catalogue, or subscribers.
  bool wanted_for_good() const { return !retiring_ && (listing_wanted_ || config().eager || !subscriptions_.empty()); }

  void open();
  void on_opened(const transport::outcome<std::string>& result);
  void on_usable();
  void lost(const std::string& reason);
  void drop_connection();
  void serve();
  void refuse(const std::string& reason);
  void show_status();

  void watch_idle();
  void watch_health();
  std::uint64_t traffic();

  // talking to the upstream

  void ask(std::string_view method, std::string_view params, own_request::answer answer);

  /// `then` runs when the upstream logs from the lowest wanted level on, or cannot be told.
  void tell_level(std::function<void()> then);
  std::string_view capabilities() const { return mcp::member(initialize_result_, "capabilities"); }

  void read_lists();

  /// A connection that stays up gives no other occasion to ask again.
  void read_lists_later();
  void tell_catalogue(listing_ptr l, list_kinds changed);

  // what the upstream says outside any call

  void on_message(std::string json) override;
  void on_down(transport::failure why) override;
  void on_stderr(std::string line) override;
  void on_connection_message(std::string json, const std::string& event_id);
  void lists_changed(list_kinds what, const std::string& json, const std::string& event_id);
  void updated(mcp::raw_json uri, const std::string& json);

  node_context& node_;
  upstream_spec spec_;
  const std::string name_;  // to operators
  std::shared_ptr<published<transport::upstream_link>> slot_;
  machines::reconnect::state state_;
  std::shared_ptr<transport::upstream_connection> connection_;
  link_ptr link_;
  std::uint64_t attempt_ = 0;
  std::vector<when_open> waiting_;
  resource_subscriptions subscriptions_;
  wanted_levels levels_;
  std::vector<std::function<void()>> after_level_;  // wait for the upstream to know the level
  std::vector<std::string> early_;                  // came before the answer to initialize did
  std::string initialize_result_, last_error_, sent_level_;
  secret_lines stderr_;
  const char* protocol_ = "";
  list_kinds changed_;
  transport::loop::timer timer_ = 0, idle_timer_ = 0, list_timer_ = 0, ping_timer_ = 0;
  std::uint64_t connects_ = 0, losses_ = 0;
  std::uint64_t own_ids_ = 0;  // of the link, that were taken to see whether there is traffic
  bool timer_armed_ = false, listing_wanted_ = false, reading_ = false, read_again_ = false, stopping_ = false,
       retiring_ = false, listing_due_ = false;
};

}  // namespace holdfast::actors
