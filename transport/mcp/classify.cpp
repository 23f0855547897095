#include "transport/mcp/classify.hpp"

#include <utility>

#include "transport/errc.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::mcp {
namespace {

using transport::errc;

constexpr std::string_view event_stream = "text/event-stream";
constexpr std::string_view legacy_names = "2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05";
constexpr std::string_view legacy_list = R"(["2025-11-25","2025-06-18","2025-03-26","2024-11-05"])";

classified refuse(int status, int error_code, std::string_view message, raw_json id = {}, raw_json data = {}) {
  classified c;
  c.refused = {status, make_error(id, error_code, message, data), {}};
  return c;
}

bool is_legacy(std::string_view revision_name) noexcept {
  const auto r = parse_revision(revision_name);
  return r && era_of(*r) == era::legacy;
}

bool names_modern(std::string_view revision_name) noexcept {
  const auto r = parse_revision(revision_name);
  return r && era_of(*r) == era::modern;
}

// A claim to a legacy revision says no more than the session already does.
bool claims_modern(const envelope& e) {
  return e.meta_protocol_version.data() != nullptr && !is_legacy(string_value(e.meta_protocol_version).value_or(""));
}

// The list makes clients that know both eras fall back to `initialize`.
classified refuse_modern(const envelope& e) {
  if (!is_string(e.meta_protocol_version)) {
    return refuse(400, code::invalid_params, "io.modelcontextprotocol/protocolVersion must be a string", e.id);
  }
  const std::string data =
      R"({"supported":)" + std::string(legacy_list) + R"(,"requested":)" + std::string(e.meta_protocol_version) + "}";
  return refuse(400, code::unsupported_revision,
                "Protocol version " + string_value(e.meta_protocol_version).value_or("").substr(0, 32) +
                    " is not supported; begin with initialize for one of " + std::string(legacy_names),
                e.id, data);
}

// The id of what was meant as a request. The id of a malformed answer is one of ours, not to be sent back as an error.
raw_json id_of_bad_message(std::string_view body) {
  if (member(body, "method").data() == nullptr) return {};
  const raw_json id = member(body, "id");
  const bool usable = is_string(id) || integer_value(id).has_value();
  return usable ? id : raw_json();
}

classified refuse_unread(std::error_code why, std::string_view body) {
  if (why == errc::bad_json) {
    return refuse(400, code::parse_error, "The body is not valid JSON, names a member twice or is nested too deeply");
  }
  return refuse(400, code::invalid_request,
                "The body is not a JSON-RPC 2.0 request, notification or response as MCP defines them",
                id_of_bad_message(body));
}

// What every request inside a session must have; true if it has.
bool fits_session(const http_facts& facts, raw_json id, classified& c) {
  if (facts.session_id.empty()) {
    c = refuse(400, code::server_error, "Mcp-Session-Id header is required; a session begins with initialize", id);
    return false;
  }
  if (facts.protocol_version.data() != nullptr && !is_legacy(facts.protocol_version)) {
    c = refuse(400, code::server_error,
               "MCP-Protocol-Version is not supported inside a session; use one of " + std::string(legacy_names), id);
    return false;
  }
  return true;
}

classified classify_session_request(const http_facts& facts, classified::kind what) {
  classified c;
  if (what == classified::kind::open_stream && !accepts(facts.accept, event_stream)) {
    return refuse(406, code::server_error, "Accept must admit text/event-stream");
  }
  if (fits_session(facts, {}, c)) c.what = what;
  return c;
}

classified classify_initialize(const http_facts& facts, const envelope& e) {
  if (!facts.session_id.empty()) {
    return refuse(400, code::invalid_request,
                  "The session is already initialized; send initialize without Mcp-Session-Id", e.id);
  }
  if (names_modern(facts.protocol_version)) {
    return refuse(400, code::header_mismatch,
                  "MCP-Protocol-Version names a revision without initialize; omit the header here", e.id);
  }
  classified c;
  c.what = classified::kind::initialize;
  c.message = e;
  return c;
}

classified classify_single(const http_facts& facts) {
  const auto scanned = scan(facts.body);
  if (!scanned) return refuse_unread(scanned.error(), facts.body);
  const envelope& e = *scanned;
  if (claims_modern(e)) return refuse_modern(e);
  if (e.what == method::initialize && e.kind == message_kind::request) return classify_initialize(facts, e);
  // The id of an answer is one of ours; only a request's is given back.
  const raw_json id = e.kind == message_kind::request ? e.id : raw_json();
  if (facts.session_id.empty() && facts.protocol_version.data() != nullptr && !is_legacy(facts.protocol_version)) {
    return refuse(400, code::invalid_params,
                  "MCP-Protocol-Version names no revision with sessions (" + std::string(legacy_names) +
                      "), and params._meta lacks io.modelcontextprotocol/protocolVersion",
                  id);
  }
  classified c;
  if (!fits_session(facts, id, c)) return c;
  c.what = classified::kind::single;
  c.message = e;
  return c;
}

classified classify_batch(const http_facts& facts, std::size_t batch_max) {
  auto batch = elements(facts.body, batch_max);
  if (!batch && batch.error() == errc::overloaded) {
    return refuse(400, code::invalid_request, "A batch may hold at most " + std::to_string(batch_max) + " messages");
  }
  if (!batch) return refuse_unread(batch.error(), {});
  if (batch->empty()) return refuse(400, code::invalid_request, "A batch must hold at least one message");
  for (const raw_json one : *batch) {
    const auto scanned = scan(one);
    if (!scanned) return refuse_unread(scanned.error(), {});
    if (scanned->what == method::initialize) {
      return refuse(400, code::invalid_request, "initialize must not be part of a batch; send it alone");
    }
    if (claims_modern(*scanned)) {
      return refuse(400, code::invalid_request, "The claimed protocol version knows no batches; send one message");
    }
  }
  if (facts.session_id.empty() && names_modern(facts.protocol_version)) {
    return refuse(400, code::invalid_request,
                  "MCP-Protocol-Version names a revision without batches; send one message");
  }
  classified c;
  if (!fits_session(facts, {}, c)) return c;
  c.what = classified::kind::batch;
  c.batch = std::move(*batch);
  return c;
}

classified classify_post(const http_facts& facts, std::size_t batch_max) {
  if (!is_json(facts.content_type)) return refuse(415, code::server_error, "Content-Type must be application/json");
  if (!accepts(facts.accept, "application/json") || !accepts(facts.accept, event_stream)) {
    return refuse(406, code::server_error, "Accept must admit both application/json and text/event-stream");
  }
  return is_batch(facts.body) ? classify_batch(facts, batch_max) : classify_single(facts);
}

}  // namespace

classified classify(const http_facts& facts, std::size_t batch_max) {
  switch (facts.method) {
    case http_facts::verb::get: return classify_session_request(facts, classified::kind::open_stream);
    case http_facts::verb::del: return classify_session_request(facts, classified::kind::end_session);
    case http_facts::verb::post: return classify_post(facts, batch_max);
    case http_facts::verb::other: break;
  }
  auto c = refuse(405, code::server_error, "Method not allowed; use POST, GET or DELETE");
  c.refused.allow = "GET, POST, DELETE";
  return c;
}

}  // namespace holdfast::mcp
