#include "actors/log.hpp"
#include "actors/metrics/sums.hpp"

namespace holdfast::actors::metrics {
namespace {

constexpr std::array<std::string_view, actor_kinds> kind_names{"session",   "upstream", "ingress", "peer_ingress",
                                                               "catalogue", "roster",   "admin"};

}  // namespace

void collect_sessions(const node_context& node, families& to) {
  to.gauge("holdfast_sessions", "Sessions that live in this process now (hot).")
      .add(static_cast<double>(node.sessions.size()));
  if (const auto stored = node.census.stored()) {
    to.gauge("holdfast_sessions_cold", "Sessions in the store alone, of this node's slots, counted now and then.")
        .add(static_cast<double>(*stored));
  }
  to.counter("holdfast_sessions_opened_total", "Sessions begun by `initialize`.")
      .add(sum_of(
          node, [](const auto& c) -> auto& { return c.sessions.opened; }));
  to.counter("holdfast_sessions_ended_total", "Sessions that are over, for their clients too.")
      .add(sum_of(
          node, [](const auto& c) -> auto& { return c.sessions.ended; }));
  to.counter("holdfast_sessions_refused_total", "`initialize` requests that were refused because of sessions_max.")
      .add(sum_of(
          node, [](const auto& c) -> auto& { return c.sessions.refused; }));
  to.counter("holdfast_sessions_passivated_total", "Idle sessions that went on in the store alone (cold).")
      .add(sum_of(
          node, [](const auto& c) -> auto& { return c.sessions.passivated; }));
  to.counter("holdfast_sessions_recovered_total", "Sessions that came back from the store.")
      .add(sum_of(
          node, [](const auto& c) -> auto& { return c.sessions.recovered; }));
  to.counter("holdfast_sessions_moved_total", "Sessions that were written down for another node or process.")
      .add(sum_of(
          node, [](const auto& c) -> auto& { return c.sessions.moved; }));
  to.counter("holdfast_sessions_lost_total", "Sessions that were cut here because another process had taken them over.")
      .add(sum_of(
          node, [](const auto& c) -> auto& { return c.sessions.lost; }));
  to.gauge("holdfast_event_log_events", "Events kept for streams that may be resumed.")
      .add(sum_of(
          node, [](const auto& c) -> auto& { return c.events; }));
  to.gauge("holdfast_event_log_bytes", "Bytes of events kept for streams that may be resumed.")
      .add(sum_of(
          node, [](const auto& c) -> auto& { return c.event_bytes; }));
}

void collect_threads(const node_context& node, families& to) {
  to.gauge("holdfast_actors", "Actors alive, by kind.");
  for (std::size_t k = 0; k < actor_kinds; ++k) {
    std::int64_t alive = 0;
    for (const auto& s : node.shards) alive += std::as_const(*s).counters().actors[k].load(std::memory_order_relaxed);
    to.add(static_cast<double>(alive), {{"kind", kind_names[k]}});
  }
  to.counter("holdfast_actor_messages_total", "Messages that actors have handled.")
      .add(sum_of(
          node, [](const auto& c) -> auto& { return c.messages; }));
  to.histogram("holdfast_mailbox_messages", "How many messages an actor found in its mailbox when its turn came.")
      .add(merged(
               node, [](const auto& c) -> auto& { return c.mailbox; }),
           1);
  to.gauge("holdfast_shard_delay_seconds", "How long a task waited for this I/O thread, at the scrape before.");
  for (std::size_t i = 0; i < node.shards.size(); ++i) {
    to.add(static_cast<double>(std::as_const(*node.shards[i]).counters().delay_ns.value()) * nanosecond,
           {{"shard", std::to_string(i)}});
  }
}

void collect_telemetry(const node_context& node, families& to) {
  to.counter("holdfast_log_lines_total", "Lines of the log.");
  for (const auto level : {log_level::debug, log_level::info, log_level::warning, log_level::error})
    to.add(static_cast<double>(log::lines(level)), {{"level", log::name_of(level)}});
  to.counter("holdfast_log_repeats_total", "Lines that were not written, as they would have said the same again.")
      .add(static_cast<double>(log::lines_held_back()));
  to.counter("holdfast_spans_total", "Spans of traces: taken by the collector, too many at once, not taken.")
      .add(sum_of(
               node, [](const auto& c) -> auto& { return c.spans.sent; }),
           {{"outcome", "sent"}})
      .add(sum_of(
               node, [](const auto& c) -> auto& { return c.spans.dropped; }),
           {{"outcome", "dropped"}})
      .add(sum_of(
               node, [](const auto& c) -> auto& { return c.spans.failed; }),
           {{"outcome", "failed"}});
}

void collect_http(const node_context& node, families& to) {
  struct listener {
    std::string_view name;
    transport::http_counters shard_counters::*of;
  };
  constexpr std::array<listener, 3> listeners{
      {{"clients", &shard_counters::clients}, {"peers", &shard_counters::peers}, {"admin", &shard_counters::admin}}};
  const auto each = [&](transport::counter transport::http_counters::*what) {
    for (const auto& l : listeners)
      to.add(sum_of(
                 node, [&](const auto& c) -> auto& { return c.*l.of.*what; }),
             {{"listener", l.name}});
  };
  using http = transport::http_counters;
  to.gauge("holdfast_http_connections", "HTTP connections open now.");
  each(&http::connections);
  to.gauge("holdfast_http_streams", "Event streams open now.");
  each(&http::streams);
  to.counter("holdfast_http_connections_total", "HTTP connections that were accepted.");
  each(&http::accepted);
  to.counter("holdfast_http_connections_refused_total", "Connections that were answered 503, being too many.");
  each(&http::turned_away);
  to.counter("holdfast_http_requests_total", "Well-formed HTTP requests.");
  each(&http::requests);
  to.counter("holdfast_http_requests_refused_total",
             "What was answered by an error of HTTP itself: 400, 408, 413, 431.");
  each(&http::refused);
  to.counter("holdfast_http_received_bytes_total", "Bytes that came over HTTP.");
  each(&http::received_bytes);
  to.counter("holdfast_http_sent_bytes_total", "Bytes that went out over HTTP.");
  each(&http::sent_bytes);
}

}  // namespace holdfast::actors::metrics
