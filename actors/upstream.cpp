#include "actors/upstream.hpp"

#include <algorithm>
#include <array>
#include <caf/actor_system.hpp>
#include <random>
#include <utility>

#include "actors/log.hpp"
#include "actors/upstream_actor.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {

namespace reconnect = machines::reconnect;

constexpr auto quiet_look = std::chrono::milliseconds{500};

caf::behavior upstream_actor::make_behavior() {
  if (config().eager && config().enabled && spec_.role == connection_role::shared) need();
  return {
      [](callback& c) { c.run(); },
      [this](acquire& m) { on_acquire(m.from); },
      [this](link_expired& m) { on_expired(m.link); },
      [this](fetch_listing) { on_fetch(); },
      [this](const subscribe& m) { on_subscribe(m); },
      [this](unsubscribe& m) { on_unsubscribe(m); },
      [this](level_wanted& m) { on_level(m.from, std::move(m.level)); },
      [this](released& m) { on_released(m.from); },
      [this](const upstream_stop& m) { on_stop(m.leaves_session); },
      [this](upstream_retire) { on_retire(); },
      [this](upstream_steer) { on_steer(); },
  };
}

// --- what others ask for ---------------------------------------------------------------------------------------------

void upstream_actor::on_acquire(const caf::actor& from) {
  with_link([this, from](const link_ptr& link, const std::string& reason) {
    if (link) {
      send(from, link_ready{spec_.index, link});
    } else {
      send(from, link_refused{spec_.index, reason});
    }
  });
}

void upstream_actor::on_expired(const link_ptr& link) {
  if (link_ && link == link_) lost("the upstream session has ended");
}

void upstream_actor::on_fetch() {
  listing_wanted_ = true;
  if (link_) return read_lists();
  need();  // the lists are read whenever the connection opens
}

void upstream_actor::on_subscribe(const subscribe& m) {
  if (!m.call) return restore_subscription(m);
  const auto added = subscriptions_.add(m);
  if (added == resource_subscriptions::added::stands) return send(m.from, subscription_done{m.call, {}});
  if (added == resource_subscriptions::added::waiting) return;
  with_link(
      [this, uri = m.uri, number = subscriptions_.number_of(m.uri)](const link_ptr& link, const std::string& reason) {
        if (!link) return subscribed(uri, number, mcp::error_object(mcp::code::internal_error, reason));
        // All may have left while the connection was made.
        if (subscriptions_.number_of(uri) != number) return;
        ask("resources/subscribe", uri_params(uri), [this, uri, number](const auto& answer) {
          subscribed(uri, number, answer ? std::string() : error_of(answer.error()));
        });
      });
}

void upstream_actor::subscribed(const std::string& uri, std::uint64_t number, const std::string& error) {
  for (const auto& w : subscriptions_.settle(uri, number, error.empty())) {
    send(w.from, subscription_done{w.call, error});
  }
}

/// A session has come here with it. Where it stands for others, only this session may have missed something.
void upstream_actor::restore_subscription(const subscribe& m) {
  if (stopping_) return;
  const auto stands = subscriptions_.restore(m.uri, m.from);
  if (slot_->get() == nullptr) return need();  // asked for again with all others, once connected
  if (!stands) return subscribe_again(m.uri);
  send(m.from, upstream_message{spec_.index, link_, updated_notice(m.uri), {}});
}

/// The resource may have changed while nobody listened, which its subscribers hear once the upstream listens again.
void upstream_actor::subscribe_again(const std::string& uri) {
  ask("resources/subscribe", uri_params(uri), [this, uri, link = link_](const auto&) {
    if (link == link_) updated(mcp::quote(uri), updated_notice(uri));
  });
}

void upstream_actor::on_unsubscribe(unsubscribe& m) {
  drop_subscriber(m.uri, m.from);
  if (m.call) send(m.from, subscription_done{m.call, {}});
}

void upstream_actor::drop_subscriber(const std::string& uri, const caf::actor& who) {
  const auto removed = subscriptions_.remove(uri, who);
  for (const auto& w : removed.waiting) send(who, subscription_done{w.call, {}});
  if (removed.last && link_) ask("resources/unsubscribe", uri_params(uri), [](const auto&) {});
}

void upstream_actor::on_level(const caf::actor& from, std::string level) {
  levels_.set(from, std::move(level));
  tell_level([this, from] { send(from, level_told{spec_.index}); });
}

void upstream_actor::on_released(const caf::actor& from) {
  levels_.drop(from);
  for (const auto& uri : subscriptions_.uris()) drop_subscriber(uri, from);
}

void upstream_actor::on_stop(bool leaves_session) {
  stopping_ = true;
  home().loop().cancel(timer_);
  home().loop().cancel(idle_timer_);
  home().loop().cancel(ping_timer_);
  home().loop().cancel(list_timer_);
  slot_->set(nullptr);
  link_ = nullptr;
  refuse("the gateway is shutting down");
  if (!connection_) return quit();
  const auto gone = [self = self(), home = &home(), this] { home->deliver(self, callback{[this] { quit(); }}); };
  if (leaves_session) return connection_->leave(gone);
  connection_->close(gone);
}

void upstream_actor::on_retire() {
  if (std::exchange(retiring_, true)) return;
  end_when_quiet();
}

/// Also what was about to be sent when it retired ends here: it may wait for the store.
void upstream_actor::end_when_quiet() {
  after(quiet_look, [this] {
    if (stopping_) return;
    if (!waiting_.empty() || (link_ && link_->in_flight() > 0)) return end_when_quiet();
    on_stop(false);
  });
}

/// What is under way there fails. Only then is it connected to again, unless it is disabled.
void upstream_actor::on_steer() {
  if (stopping_) return;
  const auto why = disabled() ? "an operator has disabled it" : "an operator wants a new connection";
  if (link_) {
    ++losses_;
    log::warning("upstream.down", {{"upstream", name_}, {"reason", why}});
  }
  if (std::exchange(timer_armed_, false)) home().loop().cancel(timer_);
  drop_connection();
  state_ = reconnect::down{};
  last_error_.clear();
  if (disabled()) refuse(why);
  if (spec_.role != connection_role::session || !waiting_.empty()) need();
  show_status();
}

// --- connecting ------------------------------------------------------------------------------------------------------

void upstream_actor::with_link(when_open f) {
  if (stopping_) return f(nullptr, "the gateway is shutting down");
  if (disabled()) return f(nullptr, "an operator has disabled it");
  waiting_.push_back(std::move(f));
  need();
}

void upstream_actor::step(const reconnect::event& e) {
  const reconnect::policy policy{config().reconnect_min, config().reconnect_max};
  static thread_local std::minstd_rand random{std::random_device{}()};
  const auto jitter = std::uniform_real_distribution<>(0, 1)(random);
  const auto next = reconnect::advance(state_, e, std::chrono::steady_clock::now(), policy, jitter);
  state_ = next.next;
  switch (next.todo) {
    case reconnect::effect::none: break;
    case reconnect::effect::connect: open(); break;
    case reconnect::effect::serve: serve(); break;
    case reconnect::effect::refuse:
      refuse(last_error_);
      if (wanted_for_good()) arm();
      break;
    case reconnect::effect::arm: arm(); break;
  }
  show_status();
}

void upstream_actor::arm() {
  if (timer_armed_) return;
  const auto* w = std::get_if<reconnect::waiting>(&state_);
  if (w == nullptr) return;
  timer_armed_ = true;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(w->due - std::chrono::steady_clock::now());
  timer_ = after(std::max(wait, std::chrono::milliseconds{0}), [this] {
    timer_armed_ = false;
    if (!stopping_ && (wanted_for_good() || !waiting_.empty())) step(reconnect::due{});
  });
}

transport::loop::timer upstream_actor::after(std::chrono::milliseconds delay, std::function<void()> f) {
  return home().loop().after(delay, [self = caf::actor_cast<caf::actor_addr>(this), home = &home(), f = std::move(f)] {
    if (const auto strong = caf::actor_cast<caf::actor>(self)) home->deliver(strong, callback{f});
  });
}

void upstream_actor::open() {
  connection_ = transport::connection_to(home().loop(), config().target, config().limits, *this);
  const auto opened = [this, self = self(), attempt = ++attempt_](auto result) {
    home().deliver(self, callback{[this, attempt, result = std::move(result)] {
                     if (attempt == attempt_ && !stopping_) on_opened(result);
                   }});
  };
  // If that session is no more, the next attempt begins a new one.
  if (!spec_.adopts.id.empty()) return connection_->adopt(std::exchange(spec_.adopts, {}), opened);
  connection_->open(initialize_params(spec_), opened);
}

void upstream_actor::on_opened(const transport::outcome<std::string>& result) {
  auto& counted = home().counters().upstreams[spec_.index];
  (result ? counted.opened : counted.not_opened).add();
  if (!result) {
    last_error_ = result.error().code.message() + (result.error().detail.empty() ? "" : ": " + result.error().detail);
    log::warning("upstream.failed", {{"upstream", name_}, {"reason", last_error_}});
    breaker().connect_failed(last_error_, std::chrono::steady_clock::now());
    drop_connection();
    return step(reconnect::failed{});
  }
  last_error_.clear();
  ++connects_;
  initialize_result_ = *result;
  link_ = connection_->link();
  protocol_ = connection_->protocol();
  log::info("upstream.ready", {{"upstream", name_}, {"protocol", protocol_}});
  sent_level_.clear();
  // Nobody calls before the upstream knows how much to log.
  tell_level([this, link = link_] {
    if (link == link_) on_usable();
  });
}

void upstream_actor::on_usable() {
  breaker().connected(std::chrono::steady_clock::now());
  slot_->set(link_);
  for (const auto& uri : subscriptions_.agreed()) subscribe_again(uri);
  step(reconnect::opened{});
  if (std::exchange(listing_due_, false)) listing_wanted_ = true;
  if (listing_wanted_) read_lists();
  for (auto& json : std::exchange(early_, {})) on_connection_message(std::move(json), {});
  own_ids_ = 0;
  watch_idle();
  watch_health();
}

void upstream_actor::lost(const std::string& reason) {
  home().counters().upstreams[spec_.index].lost.add();
  log::warning("upstream.down", {{"upstream", name_}, {"reason", reason}});
  last_error_ = reason;
  ++losses_;
  drop_connection();
  step(reconnect::lost{});
  if (wanted_for_good()) need();
}

void upstream_actor::drop_connection() {
  slot_->set(nullptr);
  link_ = nullptr;
  ++attempt_;  // what the old connection still reports concerns nobody
  if (connection_) std::exchange(connection_, nullptr)->close([] {});
  early_.clear();
}

void upstream_actor::serve() {
  for (const auto& f : std::exchange(waiting_, {})) f(link_, {});
}

void upstream_actor::refuse(const std::string& reason) {
  if (listing_wanted_ && !stopping_) tell_catalogue(nullptr, {});
  for (const auto& f : std::exchange(waiting_, {})) f(nullptr, reason);
}

void upstream_actor::show_status() {
  if (spec_.role != connection_role::shared) return;
  static constexpr std::array<const char*, 4> names{"idle", "connecting", "ready", "waiting"};
  node_.upstreams[spec_.index].status.set(std::make_shared<const upstream_status>(
      upstream_status{disabled() ? "disabled" : names[state_.index()], protocol_, last_error_, connects_, losses_}));
}

// --- when nothing happens
// ---------------------------------------------------------------------------------------------

/// How many requests others have made on the link.
std::uint64_t upstream_actor::traffic() { return link_->next_id() - ++own_ids_; }

/// It is opened again when it is needed; what it offers is read again then.
void upstream_actor::watch_idle() {
  const auto of_session = spec_.role == connection_role::session;
  const auto limit = of_session ? config().idle_timeout : config().shared_idle_timeout;
  if (limit.count() == 0 || spec_.role == connection_role::listing || (!of_session && config().eager)) return;
  idle_timer_ = after(limit, [this, link = link_, seen = traffic()] {
    if (!link_ || link != link_) return;
    if (link_->in_flight() > 0 || traffic() != seen || !subscriptions_.empty()) return watch_idle();
    log::debug("upstream.idle", {{"upstream", name_}});
    drop_connection();
    state_ = reconnect::down{};
    listing_due_ = std::exchange(listing_wanted_, false);
    show_status();
  });
}

/// A server that has gone without a word is found out before somebody calls it. Any answer will do.
void upstream_actor::watch_health() {
  const auto speaks_mcp = !std::holds_alternative<transport::program_set>(config().target);
  if (config().ping_every.count() == 0 || spec_.role != connection_role::shared || !speaks_mcp) return;
  ping_timer_ = after(config().ping_every, [this, link = link_, seen = traffic()] {
    if (!link_ || link != link_) return;
    if (link_->in_flight() > 0 || traffic() != seen) return watch_health();
    ++own_ids_;
    ask("ping", "{}", [this, link](const auto& answer) {
      if (!link_ || link != link_) return;
      if (!answer && answer.error().code == transport::errc::timed_out) return lost("it does not answer pings");
      watch_health();
    });
  });
}

caf::actor spawn_upstream(caf::actor_system& system, shard& home, node_context& node, upstream_spec spec,
                          std::shared_ptr<published<transport::upstream_link>> link) {
  caf::actor_config cfg{&home};
  return system.spawn_class<upstream_actor, caf::no_spawn_options>(cfg, home, node, std::move(spec), std::move(link));
}

}  // namespace holdfast::actors
