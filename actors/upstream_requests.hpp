#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actors/messages.hpp"
#include "actors/shard.hpp"
#include "actors/upstream.hpp"
#include "transport/errc.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {

/// A request that an upstream's actor makes for itself; the answer comes back to it as a `callback` message.
/// A result is the raw `result`; an error answer is a failure `bad_message` with the raw error object as detail.
class own_request final : public transport::upstream_events {
 public:
  using answer = std::function<void(transport::outcome<std::string>)>;

  own_request(shard& home, caf::actor self, answer a) : home_(home), self_(std::move(self)), answer_(std::move(a)) {}

  void on_message(std::string) override {}  // progress of a list is of no interest
  void on_answer(std::string json) override {
    const auto e = mcp::scan(json);
    if (!e) return finish(transport::failure{e.error(), "the answer is no JSON-RPC message"});
    if (e->error.data() != nullptr)
      return finish(transport::failure{transport::errc::bad_message, std::string(e->error)});
    finish(std::string(e->result));
  }
  void on_failed(transport::failure why) override { finish(std::move(why)); }

 private:
  void finish(transport::outcome<std::string> o) {
    home_.deliver(self_, callback{[f = std::move(answer_), o = std::move(o)] { f(o); }});
  }

  shard& home_;
  caf::actor self_;
  answer answer_;
};

/// What this connection tells the upstream about itself.
inline std::string initialize_params(const upstream_spec& spec) {
  const auto capabilities = spec.role == connection_role::shared ? std::string("{}") : spec.capabilities.to_json();
  auto params = R"({"protocolVersion":"2025-11-25","capabilities":)" + capabilities +
                R"(,"clientInfo":{"name":"holdfast","version":")" HOLDFAST_VERSION R"("})";
  if (!spec.client_info.empty()) params += R"(,"_meta":{"dev.holdfast/client":)" + spec.client_info + "}";
  return params + "}";
}

inline std::string uri_params(const std::string& uri) { return R"({"uri":)" + mcp::quote(uri) + "}"; }

/// What subscribers are told where it is unknown what they have missed.
inline std::string updated_notice(const std::string& uri) {
  return mcp::make_notification("notifications/resources/updated", uri_params(uri));
}

/// The error object for a client whose request ended like an `own_request`.
inline std::string error_of(const transport::failure& f) {
  if (f.code == transport::errc::bad_message && mcp::is_object(f.detail)) return f.detail;
  return mcp::error_object(mcp::code::internal_error, f.code.message() + ": " + f.detail);
}

}  // namespace holdfast::actors
