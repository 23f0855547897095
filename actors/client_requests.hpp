#pragma once

#include <string_view>

#include "actors/cluster.hpp"
#include "transport/http_server.hpp"
#include "transport/mcp/classify.hpp"

// What an ingress reads out of an HTTP request.

namespace holdfast::actors {

inline mcp::http_facts facts_of(const transport::http_request& r) {
  using transport::http_method;
  using verb = mcp::http_facts::verb;
  const auto method = r.method == http_method::get    ? verb::get
                      : r.method == http_method::post ? verb::post
                      : r.method == http_method::del  ? verb::del
                                                      : verb::other;
  return {method,          r.host, r.origin, r.accept, r.content_type, r.session_id, r.protocol_version,
          r.last_event_id, r.body};
}

inline std::string_view query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return {};
}

/// Sent again by another node, or by a balancer, because nothing came back the first time.
inline bool was_repeated(const transport::http_request& r) {
  return peer_path::is_again(r.path) || !r.repeated.empty();
}

/// Requests, that is, as against what clients send for the calls under way: answers, notifications, streams.
inline bool begins_work(const mcp::classified& m) {
  using kind = mcp::classified::kind;
  const auto is_request = m.what == kind::single && m.message.kind == mcp::message_kind::request;
  return is_request || m.what == kind::initialize || m.what == kind::batch;
}

}  // namespace holdfast::actors
