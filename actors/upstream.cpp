#include "actors/upstream.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/behavior.hpp>
#include <random>
#include <utility>
#include <vector>

#include "actors/listing_fetch.hpp"
#include "actors/log.hpp"
#include "actors/machines/reconnect.hpp"
#include "actors/messages.hpp"
#include "actors/resource_subscriptions.hpp"
#include "actors/shard.hpp"
#include "actors/upstream_requests.hpp"
#include "actors/wanted_levels.hpp"
#include "transport/mcp/messages.hpp"
#include "transport/upstream_connection.hpp"

namespace holdfast::actors {
namespace {

namespace reconnect = machines::reconnect;

class upstream_actor final : public shard_actor, private transport::upstream_connection_events {
 public:
  upstream_actor(caf::actor_config& cfg, shard& home, node_context& node, upstream_spec spec,
                 std::shared_ptr<published<transport::upstream_link>> slot)
      : shard_actor(cfg, home), node_(node), spec_(std::move(spec)), slot_(std::move(slot)) {
    if (!spec_.log_level.empty()) levels_.set(spec_.owner, spec_.log_level);
  }

  const char* name() const override { return "upstream"; }

  caf::behavior make_behavior() override {
    if (config().eager && spec_.role == connection_role::shared) need();
    return {
        [this](callback& c) { c.run(); },
        [this](acquire& m) { on_acquire(m.from); },
        [this](link_expired& m) { on_expired(m.link); },
        [this](fetch_listing) { on_fetch(); },
        [this](const subscribe& m) { on_subscribe(m); },
        [this](unsubscribe& m) { on_unsubscribe(m); },
        [this](level_wanted& m) { on_level(m.from, std::move(m.level)); },
        [this](released& m) { on_released(m.from); },
        [this](upstream_stop) { on_stop(); },
    };
  }

 private:
  using when_open = std::function<void(const link_ptr&, const std::string& reason)>;

  const upstream_config& config() const { return node_.config.upstreams[spec_.index]; }
  caf::actor self() { return caf::actor_cast<caf::actor>(this); }
  bool feeds_catalogue() const { return spec_.role != connection_role::session; }

  // --- what others ask for -------------------------------------------------------------------------------------------

  void on_acquire(const caf::actor& from) {
    with_link([this, from](const link_ptr& link, const std::string& reason) {
      if (link) {
        send(from, link_ready{spec_.index, link});
      } else {
        send(from, link_refused{spec_.index, reason});
      }
    });
  }

  void on_expired(const link_ptr& link) {
    if (link_ && link == link_) lost("the upstream session has ended");
  }

  void on_fetch() {
    listing_wanted_ = true;
    if (link_) return read_lists();
    need();  // the lists are read whenever the connection opens
  }

  void on_subscribe(const subscribe& m) {
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

  void subscribed(const std::string& uri, std::uint64_t number, const std::string& error) {
    for (const auto& w : subscriptions_.settle(uri, number, error.empty())) {
      send(w.from, subscription_done{w.call, error});
    }
  }

  void on_unsubscribe(unsubscribe& m) {
    drop_subscriber(m.uri, m.from);
    if (m.call) send(m.from, subscription_done{m.call, {}});
  }

  void drop_subscriber(const std::string& uri, const caf::actor& who) {
    const auto removed = subscriptions_.remove(uri, who);
    for (const auto& w : removed.waiting) send(who, subscription_done{w.call, {}});
    if (removed.last && link_) ask("resources/unsubscribe", uri_params(uri), [](const auto&) {});
  }

  void on_level(const caf::actor& from, std::string level) {
    levels_.set(from, std::move(level));
    tell_level([this, from] { send(from, level_told{spec_.index}); });
  }

  void on_released(const caf::actor& from) {
    levels_.drop(from);
    for (const auto& uri : subscriptions_.uris()) drop_subscriber(uri, from);
  }

  void on_stop() {
    stopping_ = true;
    home().loop().cancel(timer_);
    home().loop().cancel(idle_timer_);
    home().loop().cancel(list_timer_);
    slot_->set(nullptr);
    link_ = nullptr;
    refuse("the gateway is shutting down");
    if (!connection_) return quit();
    connection_->close([self = self(), home = &home(), this] { home->deliver(self, callback{[this] { quit(); }}); });
  }

  // --- connecting ----------------------------------------------------------------------------------------------------

  void with_link(when_open f) {
    if (stopping_) return f(nullptr, "the gateway is shutting down");
    waiting_.push_back(std::move(f));
    need();
  }

  void need() { step(reconnect::needed{}); }

  void step(const reconnect::event& e) {
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

  void arm() {
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

  transport::loop::timer after(std::chrono::milliseconds delay, std::function<void()> f) {
    return home().loop().after(delay,
                               [self = caf::actor_cast<caf::actor_addr>(this), home = &home(), f = std::move(f)] {
                                 if (const auto strong = caf::actor_cast<caf::actor>(self))
                                   home->deliver(strong, callback{f});
                               });
  }

  /// Somebody relies on this connection without asking again: the catalogue, or subscribers.
  bool wanted_for_good() const { return listing_wanted_ || config().eager || !subscriptions_.empty(); }

  void open() {
    const auto& target = config().target;
    if (const auto* command = std::get_if<transport::stdio_command>(&target)) {
      connection_ = transport::upstream_connection::over_stdio(home().loop(), *command, config().limits, *this);
    } else {
      connection_ = transport::upstream_connection::over_http(home().loop(), std::get<transport::http_endpoint>(target),
                                                              config().limits, *this);
    }
    connection_->open(initialize_params(spec_), [this, self = self(), attempt = ++attempt_](auto result) {
      home().deliver(self, callback{[this, attempt, result = std::move(result)] {
                       if (attempt == attempt_ && !stopping_) on_opened(result);
                     }});
    });
  }

  void on_opened(const transport::outcome<std::string>& result) {
    if (!result) {
      last_error_ = result.error().code.message() + (result.error().detail.empty() ? "" : ": " + result.error().detail);
      log::warning("upstream.failed", {{"upstream", config().alias}, {"reason", last_error_}});
      drop_connection();
      return step(reconnect::failed{});
    }
    last_error_.clear();
    initialize_result_ = *result;
    link_ = connection_->link();
    protocol_ = connection_->protocol();
    log::info("upstream.ready", {{"upstream", config().alias}, {"protocol", protocol_}});
    sent_level_.clear();
    // Nobody calls before the upstream knows how much to log.
    tell_level([this, link = link_] {
      if (link == link_) on_usable();
    });
  }

  void on_usable() {
    slot_->set(link_);
    for (const auto& uri : subscriptions_.agreed()) ask("resources/subscribe", uri_params(uri), [](const auto&) {});
    step(reconnect::opened{});
    if (listing_wanted_) read_lists();
    for (auto& json : std::exchange(early_, {})) on_connection_message(std::move(json));
    watch_idle();
  }

  void lost(const std::string& reason) {
    log::warning("upstream.down", {{"upstream", config().alias}, {"reason", reason}});
    last_error_ = reason;
    drop_connection();
    step(reconnect::lost{});
    if (wanted_for_good()) need();
  }

  void drop_connection() {
    slot_->set(nullptr);
    link_ = nullptr;
    ++attempt_;  // what the old connection still reports concerns nobody
    if (connection_) std::exchange(connection_, nullptr)->close([] {});
    early_.clear();
  }

  void serve() {
    for (const auto& f : std::exchange(waiting_, {})) f(link_, {});
  }

  void refuse(const std::string& reason) {
    if (listing_wanted_ && !stopping_) tell_catalogue(nullptr, {});
    for (const auto& f : std::exchange(waiting_, {})) f(nullptr, reason);
  }

  void show_status() {
    if (spec_.role != connection_role::shared) return;
    static constexpr std::array<const char*, 4> names{"idle", "connecting", "ready", "waiting"};
    node_.upstreams[spec_.index].status.set(
        std::make_shared<const upstream_status>(upstream_status{names[state_.index()], protocol_, last_error_}));
  }

  /// A connection of one session that nobody uses is closed; the next call opens it again.
  void watch_idle() {
    if (spec_.role != connection_role::session || config().idle_timeout.count() == 0) return;
    idle_timer_ = after(config().idle_timeout, [this, link = link_, seen = link_->next_id()] {
      if (!link_ || link != link_) return;
      if (link_->in_flight() > 0 || link_->next_id() != seen + 1 || !subscriptions_.empty()) return watch_idle();
      drop_connection();
      state_ = reconnect::down{};
    });
  }

  // --- talking to the upstream ---------------------------------------------------------------------------------------

  void ask(std::string_view method, std::string params, own_request::answer answer) {
    if (!link_) return answer(transport::failure{transport::errc::closed, "not connected"});
    const auto id = link_->next_id();
    link_->request({id, mcp::make_request(std::to_string(id), method, params), config().list_timeout},
                   std::make_shared<own_request>(home(), self(), std::move(answer)));
  }

  /// `then` runs when the upstream logs from the lowest wanted level on, or cannot be told.
  void tell_level(std::function<void()> then) {
    const auto lowest = levels_.lowest();
    const auto known = std::exchange(sent_level_, lowest) == lowest;
    if (!link_ || lowest.empty() || (known && after_level_.empty()) ||
        !mcp::is_object(mcp::member(capabilities(), "logging"))) {
      return then();
    }
    after_level_.push_back(std::move(then));
    if (known) return;  // under way
    ask("logging/setLevel", R"({"level":)" + mcp::quote(lowest) + "}", [this](const auto&) {
      for (const auto& f : std::exchange(after_level_, {})) f();
    });
  }

  std::string_view capabilities() const { return mcp::member(initialize_result_, "capabilities"); }

  void read_lists() {
    if (reading_) {
      read_again_ = true;
      return;
    }
    reading_ = true;
    const auto changed = std::exchange(changed_, {});
    listing_fetch::start(
        initialize_result_, node_.config.catalogue.entries_max,
        [this](std::string_view method, std::string params, auto answer) { ask(method, std::move(params), answer); },
        [this, changed](transport::outcome<listing_ptr> l) {
          reading_ = false;
          if (!l) {
            log::warning("upstream.lists_failed", {{"upstream", config().alias}, {"reason", l.error().detail}});
          }
          tell_catalogue(l ? *l : nullptr, changed);
          if (std::exchange(read_again_, false)) return read_lists();
          if (!l && link_) read_lists_later();
        });
  }

  /// A connection that stays up gives no other occasion to ask again.
  void read_lists_later() {
    list_timer_ = after(config().reconnect_max, [this, link = link_] {
      if (link_ && link == link_) read_lists();
    });
  }

  void tell_catalogue(listing_ptr l, list_kinds changed) {
    send(node_.catalogue, listing_ready{spec_.index, spec_.capabilities.index(), std::move(l), changed});
  }

  // --- what the upstream says outside any call -----------------------------------------------------------------------

  void on_message(std::string json) override {
    home().deliver(self(), callback{[this, attempt = attempt_, json = std::move(json)]() mutable {
                     if (attempt == attempt_ && !stopping_) on_connection_message(std::move(json));
                   }});
  }
  void on_down(transport::failure why) override {
    home().deliver(self(), callback{[this, attempt = attempt_, why = std::move(why)] {
                     if (attempt == attempt_ && !stopping_) lost(why.code.message() + ": " + why.detail);
                   }});
  }
  void on_stderr(std::string line) override {
    log::info("upstream.stderr", {{"upstream", config().alias}, {"line", line}});
  }

  void on_connection_message(std::string json) {
    if (slot_->get() == nullptr) {
      if (early_.size() < 64) early_.push_back(std::move(json));
      return;
    }
    const auto e = mcp::scan(json);
    if (!e || e->kind == mcp::message_kind::answer) return;
    switch (e->what) {
      case mcp::method::ping: return link_->send(mcp::make_result(e->id, "{}"));
      case mcp::method::tools_list_changed: return lists_changed({true, false, false}, json);
      case mcp::method::prompts_list_changed: return lists_changed({false, true, false}, json);
      case mcp::method::resources_list_changed: return lists_changed({false, false, true}, json);
      case mcp::method::resources_updated: return updated(e->uri, json);
      default: break;
    }
    if (spec_.role == connection_role::session)
      return send(spec_.owner, upstream_message{spec_.index, link_, std::move(json)});
    // Nobody in particular is behind this connection, so its requests have nobody to go to, and its log lines might
    // tell one client about another.
    if (e->kind != mcp::message_kind::request) return;
    if (e->what == mcp::method::roots_list && spec_.capabilities.roots)
      return link_->send(mcp::make_result(e->id, R"({"roots":[]})"));
    link_->send(mcp::make_error(e->id, mcp::code::method_not_found, "This connection serves no such request"));
  }

  void lists_changed(list_kinds what, const std::string& json) {
    if (!feeds_catalogue()) return send(spec_.owner, upstream_message{spec_.index, link_, json});
    if (!listing_wanted_) return;
    changed_.tools |= what.tools;
    changed_.prompts |= what.prompts;
    changed_.resources |= what.resources;
    read_lists();
  }

  void updated(mcp::raw_json uri, const std::string& json) {
    for (const auto& s : subscriptions_.holders(mcp::string_value(uri).value_or(std::string()))) {
      send(s, upstream_message{spec_.index, link_, json});
    }
  }

  node_context& node_;
  upstream_spec spec_;
  std::shared_ptr<published<transport::upstream_link>> slot_;
  reconnect::state state_;
  std::shared_ptr<transport::upstream_connection> connection_;
  link_ptr link_;
  std::uint64_t attempt_ = 0;
  std::vector<when_open> waiting_;
  resource_subscriptions subscriptions_;
  wanted_levels levels_;
  std::vector<std::function<void()>> after_level_;  // wait for the upstream to know the level
  std::vector<std::string> early_;                  // came before the answer to initialize did
  std::string initialize_result_, last_error_, sent_level_;
  const char* protocol_ = "";
  list_kinds changed_;
  transport::loop::timer timer_ = 0, idle_timer_ = 0, list_timer_ = 0;
  bool timer_armed_ = false, listing_wanted_ = false, reading_ = false, read_again_ = false, stopping_ = false;
};

}  // namespace

caf::actor spawn_upstream(caf::actor_system& system, shard& home, node_context& node, upstream_spec spec,
                          std::shared_ptr<published<transport::upstream_link>> link) {
  caf::actor_config cfg{&home};
  return system.spawn_class<upstream_actor, caf::no_spawn_options>(cfg, home, node, std::move(spec), std::move(link));
}

}  // namespace holdfast::actors
