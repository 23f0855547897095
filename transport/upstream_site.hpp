#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "transport/http_client.hpp"
#include "transport/result.hpp"
#include "transport/upstream_connection.hpp"
#include "transport/url.hpp"

namespace holdfast::transport {

/// Where an upstream is, and the heads of the requests that go there. Immutable, so that all loops may share it.
class upstream_site {
 public:
  /// `bad_address`: the URL cannot be used, or a configured header is malformed or is one that we set ourselves.
  static outcome<std::shared_ptr<const upstream_site>> make(const http_endpoint& e, const upstream_limits& l);

  /// The same site within a session: what `initialize` brought. An empty id means that there is none.
  std::shared_ptr<const upstream_site> in_session(std::string_view id, std::string_view revision) const;

  /// The same site with another URL, of the same origin (the endpoint that HTTP+SSE servers name).
  std::shared_ptr<const upstream_site> at(const url& where) const;

  const url& where() const noexcept { return where_; }
  const http_target& target() const noexcept { return target_; }
  bool has_session() const noexcept { return !session_id_.empty(); }
  const std::string& session_id() const noexcept { return session_id_; }
  const std::string& revision() const noexcept { return revision_; }

  /// `traceparent` may be empty.
  http_request_out post(std::string body, bool counted, std::string_view traceparent = {}) const;

  /// An event stream; `last_event_id` may be empty. It must not hold control characters (see `is_header_text`).
  http_request_out get(std::string_view last_event_id) const;
  http_request_out del() const;

 private:
  upstream_site() = default;
  void build();
  std::string head(std::string_view method, std::string_view accept) const;

  url where_;
  http_target target_;
  std::string configured_, session_, session_id_, revision_;
  std::shared_ptr<const std::string> post_, get_;
  bool traces_itself_ = false;  // the configuration has a `traceparent` of its own
};

/// True for what may stand in a header value.
bool is_header_text(std::string_view text) noexcept;

}  // namespace holdfast::transport
