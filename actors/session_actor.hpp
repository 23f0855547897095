#pragma once

#include <caf/behavior.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/call.hpp"
#include "actors/event_streams.hpp"
#include "actors/machines/session.hpp"
#include "actors/messages.hpp"
#include "actors/node_context.hpp"
#include "actors/session.hpp"
#include "actors/session_story.hpp"
#include "actors/session_workings.hpp"
#include "actors/shard_actor.hpp"

namespace holdfast::actors {

struct session_durability;
struct session_snapshot;
struct journal_text;

inline constexpr std::size_t client_info_max = 1024;  // bytes that upstreams are told of it

/// Private to the session_*.cpp files, one per concern: session.cpp (life cycle, streams), session_requests.cpp (what
/// clients ask), session_routes.cpp (at which upstream), session_calls.cpp (calls there), session_asks.cpp (what
/// upstreams ask and tell), session_admission.cpp (what keeps a call from its upstream), session_cache.cpp (results
/// that are kept), session_answers.cpp (what clients are told of a call), session_tool_state.cpp (what stateful tools
/// keep), session_durable.cpp (what is written down, and what waits for that), session_recovery.cpp (how it comes
/// back), session_gap.cpp (what its client is told then).
class session_actor final : public shard_actor {
 public:
  session_actor(caf::actor_config& cfg, shard& home, node_context& node, std::string id, std::string principal,
                client_transport over, bool recovers = false);
  ~session_actor() override;

  const char* name() const override { return "session"; }
  std::string_view subject() const override { return id_; }
  caf::behavior make_behavior() override;
  caf::resumable::resume_result resume(caf::execution_unit* unit, std::size_t messages_max) override;
  void on_exit() override;

 private:
  using clock = std::chrono::steady_clock;

  // session.cpp
  void on_stream(client_stream& m);
  void on_goodbye(client_goodbye& m);
  void refuse_event_id(exchange_ptr exchange);
  void on_stream_closed(const stream_closed& m);
  void on_tick();
  void end(const std::string& reason);
  bool over() const noexcept { return std::holds_alternative<machines::session::ended>(state_); }
  void refuse_ended(const exchange_ptr& to);
  std::chrono::milliseconds quiet_time() const;
  bool may_leave() const;
  void arm_tick(clock::time_point at);
  void touch() { last_traffic_ = now(); }
  /// Of the turn of this actor, for which the clock is read at most once.
  clock::time_point now() { return now_ != clock::time_point() ? now_ : now_ = clock::now(); }
  event_streams& streams();
  session_workings& work();
  caf::actor self() { return caf::actor_cast<caf::actor>(this); }
  const session_limits& limits() const { return node_.config.sessions; }
  bool plain() const noexcept { return over_ == client_transport::http_sse; }
  void push_own(std::string json);

  // session_durable.cpp
  bool journaled(const call& c) const noexcept;
  void gated(std::function<void()> f, std::function<void()> late = {}, std::function<void()> elsewhere = {});
  std::string field_of(std::string_view name) const;
  void note_snapshot();
  std::chrono::milliseconds time_to_live() const;
  void extend_if_due();
  void enter_journal(call& c, const mcp::envelope& e);
  std::string journal_text_of(call& c, std::string_view answer);
  void note_call(call& c);
  void note_streaming_calls(const post& p);
  void report_durably(const call_ptr& c, std::string text);
  void report_in_stream(const call_ptr& c);
  void note_outcome(call& c, std::string_view answer);
  void show(const call_ptr& c);
  bool take_up(const post_ptr& p, const mcp::envelope& e);
  bool refuse_ended_copy(const post_ptr& p, const mcp::envelope& e);  // session_copies.cpp
  void watch_post(const post_ptr& p);
  void on_post_lost(const post_lost& m);
  void refuse_for_now(const post_ptr& p);
  void forget_shown(bool all);
  void forget_shown_at(std::size_t i);
  void drop_from_journal(std::uint64_t execution);
  void drop_part(const std::string& part);
  void refuse_unanswered();
  /// Answers a request other than a call of the journal once everything noted so far is durable.
  void answer_durably(const post_ptr& p, metrics::request_outcome how, std::string text);
  bool waits_unwritten(const post& p) const;
  bool may_be_refused(const post& p) const;
  session_snapshot snapshot();
  void end_turn();
  void on_commit_done(const commit_done& m);
  void retry_commit_later();
  void on_ownership_checked(const ownership_checked& m);
  void on_compared(const session_compared& m);
  void reseed();
  void give_up();
  void leave(bool call_back);
  void depart();
  void stay_in_store();
  void let_go();
  void suspend(bool between_calls);
  void on_move();
  void pass_on(exchange_ptr exchange);
  template <class Message>
  bool is_foreign(const Message& m) const;
  bool only_strangers_ask();
  template <class Message>
  bool diverted(Message& m);

  // session_keys.cpp, session_operations.cpp, session_steps.cpp
  friend struct session_keys;
  friend struct session_operations;
  friend struct session_steps;

  // session_inspection.cpp
  friend struct session_inspection;
  void begin_tenure();
  void cancel_for_operator(const std::string& number);
  void begin_trace(std::shared_ptr<session_trace> to);
  void end_trace(std::uint64_t id);
  void end_traces(const std::string& why);
  /// Shows a message to the operators who want to see it; mostly there are none.
  void trace(session_trace::place from, session_trace::place to, std::string_view json, const call* of = nullptr) {
    if (traces_) show_trace(from, to, json, of);
  }
  void show_trace(session_trace::place from, session_trace::place to, std::string_view json, const call* of);
  static session_story::timestamp story_now();
  static std::string reason_of(const call& c);

  // session_recovery.cpp
  void begin_durable(bool recovers);
  void read_events(std::uint64_t after);
  std::optional<std::string> stored_text(const std::string& bytes, std::string_view name) const;
  void on_loaded(session_loaded& m);
  void take_snapshot(const session_snapshot& s);
  std::optional<std::uint32_t> upstream_index(std::string_view alias) const;
  void on_events(session_events& m);
  void come_back();
  void recover_call(std::uint64_t number, const journal_text& j, std::map<std::uint32_t, post_ptr>& posts);
  bool take_up_at_upstream(const call_ptr& c, const journal_text& j);
  link_ptr adopted_link(std::uint32_t upstream, const transport::http_endpoint& endpoint,
                        const transport::upstream_session& s);
  void interrupt(const call_ptr& c);
  transport::upstream_session adoptable(std::uint32_t upstream);
  void refuse_stashed(int status, int code, std::string_view why);
  void answer_stashed(int status, int code, std::string_view why);

  // session_gap.cpp
  void note_list(const catalogue_view& view, list_kind kind);
  void note_all_lists(const catalogue_view& view);
  void tell_lists(list_kinds changed);
  void tell_changed_lists();
  void tell_loss(std::uint32_t upstream, const call_ptr& of);
  void note_gaps(session_snapshot& s) const;
  void take_gaps(const session_snapshot& s);
  void connect_asks(const link_ready& m, bool goes_on);

  // session_requests.cpp
  void on_message(client_message& m);
  void on_batch(client_batch& m);
  void acknowledge(const exchange_ptr& to, int status);
  void on_notification(const mcp::envelope& e);
  /// `whole` is the message that `e` was read from.
  void take_request(const post_ptr& p, const mcp::envelope& e, std::string_view whole);
  void serve(const post_ptr& p, const mcp::envelope& e, const view_ptr& view);
  void on_initialize(const post_ptr& p, const mcp::envelope& e, std::string_view whole);
  void answer_initialize(const post_ptr& p, mcp::raw_json id, const view_ptr& view);
  void list(const post_ptr& p, const mcp::envelope& e, const view_ptr& view, list_kind kind);
  void set_level(const post_ptr& p, const mcp::envelope& e);
  void await_view(const post_ptr& p, std::string_view whole);
  void on_view(const view_ready& m);
  post_ptr begin_post(exchange_ptr exchange, std::size_t requests, bool batch);
  void become_stream(post& p);
  void on_slow(const post_is_slow& m);
  void arm_stream(const post_ptr& p);
  void reply(const post_ptr& p, mcp::raw_json id, mcp::raw_json result);
  void reply_error(const post_ptr& p, mcp::raw_json id, int code, std::string_view message, mcp::raw_json data = {});
  /// One answer, in parts; the last one ends the POST. No parts: the request gets no answer (it was cancelled).
  void put_answer(const post_ptr& p, metrics::request_outcome how, std::initializer_list<std::string_view> parts,
                  std::string_view headers = {});
  void count_end(const post& p, metrics::request_outcome how);
  void count_kept(kept_events now);

  // session_routes.cpp
  void call_tool(const post_ptr& p, const mcp::envelope& e, const view_ptr& view);
  void get_prompt(const post_ptr& p, const mcp::envelope& e, const view_ptr& view);
  void read_resource(const post_ptr& p, const mcp::envelope& e, const view_ptr& view);
  void complete(const post_ptr& p, const mcp::envelope& e, const view_ptr& view);
  void subscription(const post_ptr& p, const mcp::envelope& e, const view_ptr& view);
  std::vector<std::uint32_t> who_may_have(const std::string& uri, const catalogue_view& view);

  // session_admission.cpp
  void admit(const call_ptr& c);
  bool has_place(const call_ptr& c);
  void ask_breaker(const call_ptr& c, clock::time_point now);
  void wait_until(const call_ptr& c, clock::time_point at);
  void on_call_due(const call_due& m);
  void on_probe_granted(probe_granted& m);
  void refuse_by_breaker(const call_ptr& c);
  void note_success(call& c);
  void note_failure(call& c, const transport::failure& why);
  bool try_again(const call_ptr& c, const transport::failure& why, bool gone);
  bool is_here(const call_ptr& c) const;

  // session_calls.cpp
  call_ptr begin_call(const post_ptr& p, const mcp::envelope& e, std::uint32_t upstream);
  void set_params(call& c, const mcp::envelope& e, mcp::raw_json part, std::string_view by);
  void start(const call_ptr& c, const std::string& tool);
  void go(const call_ptr& c);
  void proceed(const call_ptr& c);
  void dispatch_durably(const call_ptr& c);
  void dispatch(const call_ptr& c);
  void apply(const call_ptr& c, const machines::execution::event& e);
  void perform(const call_ptr& c, const machines::execution::effect& e);
  void report(const call_ptr& c);
  std::string response_of(const call& c);
  void fail(const call_ptr& c, int code, std::string_view message, std::string_view reason);
  /// `error.data` of an error of ours: which upstream, why, and whether the call may have run.
  std::string error_data(const call& c, std::string_view reason, bool may_have_run) const;
  void finish(const call_ptr& c);
  void count_upstream_end(call& c, metrics::counter metrics::upstream_counters::*how);
  void count_unsent(const call& c);
  void log_call(const call& c) const;
  std::string_view alias_of(const call& c) const;
  void on_answer(call_answer& m);
  void on_failure(call_failure& m);
  void on_link_ready(const link_ready& m);
  void on_link_refused(const link_refused& m);
  void on_upstreams_changed();
  bool follow_upstream(const call_ptr& c);
  void choose_views();
  std::string_view viewer() const;
  view_wanted wanted_view(std::chrono::milliseconds wait, bool for_list);
  view_ptr shown_view() const { return (*shown_)[capabilities_.index()].get(); }
  void on_level_told(const level_told& m);
  void on_subscription_done(const subscription_done& m);
  void note_subscription(const call& c);
  bool ask_next_upstream(const call_ptr& c, mcp::raw_json error);
  std::string relayed_error(const call& c, mcp::raw_json error) const;
  void learn_uris(const call& c, mcp::raw_json result);
  void cancel(mcp::raw_json request_id);
  void cancel_waiting(mcp::raw_json request_id);
  upstream_use& use(std::uint32_t upstream);

  // session_spans.cpp
  void begin_spans(call& c, const mcp::envelope& e);
  std::string trace_upstream(call& c, std::string& body);
  void end_upstream_span(call& c, bool failed);
  void end_spans(call& c);
  void trace_commit(const mcp::trace_context& above);

  // session_tool_state.cpp
  std::string state_key_of(const call& c) const;
  bool awaits_state(const call& c) const;
  void release_state(const std::string& key);
  std::string with_state(const call& c, std::string_view params) const;
  bool take_state(const call& c, std::string& json);

  // session_cache.cpp
  void prepare_cache(call& c, const mcp::envelope& e, const std::shared_ptr<const tool_cache>& what);
  void look_in_cache(const call_ptr& c);
  void on_cache_told(cache_told& m);
  void answer_from_cache(const call_ptr& c, const std::string& answer);
  void keep_result(call& c, mcp::raw_json result);
  void forget_results();

  // session_asks.cpp
  void on_call_message(call_message& m);
  void on_upstream_message(upstream_message& m);
  void relay_request(const mcp::envelope& e, const link_ptr& link, std::uint32_t upstream, const call_ptr& of);
  void relay_notification(const mcp::envelope& e, std::string_view json, std::uint32_t upstream, const call_ptr& of);
  void on_client_answer(const mcp::envelope& e);
  void pass_answer(std::uint64_t ask);
  void on_client_progress(const mcp::envelope& e);
  void withdraw(const call_ptr& c, const std::vector<std::uint64_t>& asks);
  void forget_ask(std::uint64_t id, std::string_view why);
  void withdraw_upstream_request(const link_ptr& link, mcp::raw_json upstream_id);
  void expire_asks(clock::time_point now);
  void tell_client(const call_ptr& of, std::string_view json);
  bool wants_log(mcp::raw_json params) const;
  void on_catalogue_changed(const catalogue_changed& m);

  node_context& node_;
  const std::string id_;
  const std::uint16_t slot_;
  std::string principal_;  // empty until it is read from the store
  const client_transport over_;
  mcp::revision revision_ = mcp::newest_legacy;
  capability_set capabilities_;
  view_board::slots* shown_;  // what its user is shown
  std::uint8_t level_ = 0;    // position in log_severities; all until the client has set one
  machines::session::state state_;
  session_story story_;
  std::unique_ptr<session_traces> traces_;  // mostly null
  std::string client_info_, level_name_;    // the first is raw JSON
  std::unique_ptr<event_streams> streams_;
  std::unique_ptr<session_workings> work_;
  std::unique_ptr<session_durability> durable_;  // null: lives in this process only
  bool begins_recovering_ = false;
  kept_events kept_;  // as it is counted
  int refused_ = 0;   // the status that whatever still comes gets; 0 = none
  clock::time_point now_ = {}, last_traffic_ = clock::now(), tick_at_ = clock::time_point::max();
  transport::loop::timer tick_timer_ = 0;
};

}  // namespace holdfast::actors
