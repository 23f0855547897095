#include <utility>

#include "actors/log.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_keys.hpp"
#include "actors/session_outcomes.hpp"
#include "actors/uri_rewrite.hpp"
#include "transport/mcp/convert.hpp"
#include "transport/mcp/messages.hpp"

// What a client is told of a call.

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;

constexpr std::string_view interrupted_text =
    "The gateway was restarted during the call; it may have run. Check before you call again";

}  // namespace

/// What the client is told, whole; empty if nothing.
std::string session_actor::response_of(const call& call) {
  const auto* const c = &call;
  const auto answer = [&](std::initializer_list<std::string_view> parts) {
    constexpr std::string_view head = R"({"jsonrpc":"2.0","id":)";
    std::size_t size = head.size() + c->client_id.size() + 1;
    for (const auto part : parts) size += part.size();
    std::string whole;
    whole.reserve(size);
    whole.append(head).append(c->client_id);
    for (const auto part : parts) whole += part;
    whole += '}';
    return c->wants_report ? session_keys::with_report(*this, *c, whole) : whole;
  };
  if (!c->error.empty()) return answer({R"(,"error":)", c->error});
  if (c->answer.empty()) return {};
  const auto e = mcp::scan(c->answer);
  if (e->error.data() != nullptr) {
    return answer({relayed_error(*c, e->error)});
  }
  learn_uris(*c, e->result);
  std::string changed;
  auto result = std::string_view(e->result);
  if (mcp::needs_conversion(c->what, revision_)) result = changed = mcp::convert_result(c->what, revision_, result);
  const auto view = shown_view();
  if (!c->shown_uri.empty() || (view && view->has_shadowed_uris())) {
    changed = rewrite_uris(result, [&](const std::string& uri) -> std::optional<std::string> {
      if (!c->shown_uri.empty() && uri == c->upstream_uri) return c->shown_uri;
      return view ? view->shown_uri(c->upstream, uri) : std::nullopt;
    });
    result = changed;
  }
  return answer({R"(,"result":)", result});
}

/// What the client is told of an upstream's error, with its member name: `,"error":{…}` or `,"result":{…}`.
std::string session_actor::relayed_error(const call& c, mcp::raw_json error) const {
  const auto code = mcp::integer_value(mcp::member(error, "code")).value_or(mcp::code::internal_error);
  const auto text = mcp::string_value(mcp::member(error, "message")).value_or(std::string());
  const auto as_tool_error = [&](const std::string& said) {
    return R"(,"result":{"content":[{"type":"text","text":)" + mcp::quote(said) + R"(}],"isError":true})";
  };
  const auto is_tool = c.what == mcp::method::tools_call;
  if (is_tool && code == mcp::code::url_elicitation_required &&
      !(revision_ >= mcp::revision::r2025_11_25 && capabilities_.elicitation_url)) {
    return as_tool_error(text.empty() ? "This tool needs a page to be opened, which this client cannot do" : text);
  }
  if (is_tool && code == mcp::code::missing_capability) {
    return as_tool_error("This tool needs a client capability that is not there: " + text);
  }
  if (code <= mcp::code::header_mismatch && code >= mcp::code::unsupported_revision) {
    return R"(,"error":)" +
           mcp::error_object(mcp::code::internal_error, "The upstream refused the request", error_data(c, text, false));
  }
  return R"(,"error":)" + std::string(error);
}

/// Sent before, and nobody knows what became of it.
void session_actor::interrupt(const call_ptr& c) {
  log::warning("call.interrupted", {{"session", id_.substr(0, 8)},
                                    {"execution", log_name_of(id_, *c)},
                                    {"tool", c->tool},
                                    {"upstream", alias_of(*c)},
                                    log::trace_field(c->trace)});
  c->error = mcp::error_object(mcp::code::internal_error, interrupted_text,
                               error_data(*c, "interrupted by a restart of the gateway", true));
  apply(c, execution::connection_lost{});
}

}  // namespace holdfast::actors
