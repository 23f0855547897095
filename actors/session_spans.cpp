#include <utility>

#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/tracing/exporter.hpp"

// The traces that calls belong to: taken from the client, passed on to upstreams, and told in spans where that is
// wanted.

namespace holdfast::actors {

namespace execution = machines::execution;
using tracing::span;

/// Whether a request is traced was decided where it came in, and says its context.
void session_actor::begin_spans(call& c, const mcp::envelope& e) {
  const auto header = c.from->exchange ? c.from->exchange->request().traceparent : std::string_view();
  if (header.data() == nullptr && e.meta.data() == nullptr) return;
  c.trace = mcp::context_of(e.meta, header);
  if (home().traces() == nullptr || !c.trace.sampled()) return;
  span s(c.trace, span::kind::internal, "execute " + std::string(mcp::to_string(c.what)));
  s.note("holdfast.session", id_.substr(0, 8));
  c.traced = std::make_unique<tracing::traced_call>(tracing::traced_call{std::move(s)});
}

/// What the upstream is to be told of the trace in a header; nothing if there is none. Where the client has put it into
/// the request itself, it is brought up to date there, too.
std::string session_actor::trace_upstream(call& c, std::string& body) {
  if (!c.trace.present()) return {};
  if (!c.traced) return mcp::to_traceparent(c.trace);
  end_upstream_span(c, true);
  auto& s = c.traced->upstream.emplace(c.traced->execution.self, span::kind::client,
                                       std::string(mcp::to_string(c.what)) + " " + std::string(alias_of(c)));
  s.note("mcp.method.name", std::string(mcp::to_string(c.what)));
  s.note("holdfast.upstream", std::string(alias_of(c)));
  const auto raw = mcp::traceparent_in(mcp::member(mcp::member(body, "params"), "_meta"));
  auto traceparent = mcp::to_traceparent(s.self);
  const auto inside =
      raw.data() != nullptr ? mcp::parse_traceparent(mcp::plain_string(raw).value_or("")) : std::nullopt;
  if (inside && inside->trace == s.self.trace && raw.size() == traceparent.size() + 2)
    body.replace(static_cast<std::size_t>(raw.data() - body.data()) + 1, traceparent.size(), traceparent);
  return traceparent;
}

void session_actor::end_upstream_span(call& c, bool failed) {
  if (!c.traced || !c.traced->upstream) return;
  c.traced->upstream->failed = failed;
  if (home().traces() != nullptr) home().traces()->add(std::move(*c.traced->upstream));
  c.traced->upstream.reset();
}

void session_actor::end_spans(call& c) {
  if (!c.traced) return;
  end_upstream_span(c, true);
  auto& s = c.traced->execution;
  s.note("mcp.tool.name", c.tool);
  s.note("holdfast.outcome", std::string(execution::name_of(c.state)));
  s.failed =
      std::holds_alternative<execution::failed>(c.state) || std::holds_alternative<execution::interrupted>(c.state);
  if (home().traces() != nullptr) home().traces()->add(std::move(s));
  c.traced = nullptr;
}

void session_actor::trace_commit(const mcp::trace_context& above) {
  if (home().traces() == nullptr) return;
  span s(above, span::kind::client, "commit");
  s.began -= std::chrono::duration_cast<span::clock::duration>(clock::now() - durable_->committed_at);
  home().traces()->add(std::move(s));
}

}  // namespace holdfast::actors
