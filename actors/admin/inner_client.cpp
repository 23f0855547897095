#include "actors/admin/inner_client.hpp"

#include <caf/send.hpp>

#include "actors/admin/inner_exchange.hpp"
#include "actors/admin/json.hpp"
#include "actors/messages.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors::admin {
namespace {

constexpr milliseconds pause_before_again{50};

bool is_answer(int status, const std::string& json) {
  if (status != 200) return status != 502 && status != 503;
  return mcp::member(json, "result").data() != nullptr || mcp::member(json, "error").data() != nullptr;
}

}  // namespace

problem trouble_in(int status, const std::string& json) {
  const auto error = mcp::member(json, "error");
  const auto code = mcp::integer_value(mcp::member(error, "code")).value_or(0);
  const auto words = text_of(error, "message");
  if (status == 504) return {504, "The tool did not answer in time", words, {}, {}};
  if (status == 200 && code == mcp::code::invalid_params) return {404, "The tool cannot be called so", words, {}, {}};
  if (code == mcp::code::session_not_found) return {404, "No such session", words, {}, {}};
  return {status == 503 ? 503 : 502, "The call failed", words, {}, {}};
}

std::string initialize_request() {
  constexpr std::string_view info = R"({"name":"holdfast-admin","version":")" HOLDFAST_VERSION R"("})";
  const auto params = R"({"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":)" + std::string(info) + "}";
  return mcp::make_request("1", "initialize", params);
}

void inner_client::open(clock::time_point until, std::function<void(std::optional<problem>)> done) {
  owns_ = true;
  send(initialize_request(), until,
       [self = shared_from_this(), done = std::move(done)](int status, const std::string& json) {
         if (status != 200 || self->session_.empty()) return done(trouble_in(status, json));
         self->post(mcp::make_notification("notifications/initialized", {}), false,
                    [done](int, const std::string&) { done(std::nullopt); });
       });
}

void inner_client::send(std::string body, clock::time_point until, then done) {
  const auto r = std::make_shared<request>(request{std::move(body), until, std::move(done), false});
  const auto left = std::chrono::ceil<milliseconds>(until - clock::now());
  at_->after(std::max(left, milliseconds{1}), [r] {
    if (const auto f = std::exchange(r->done, nullptr)) f(504, {});
  });
  go(r);
}

void inner_client::go(const std::shared_ptr<request>& r) {
  if (!r->done) return;
  post(r->body, r->repeated, [self = shared_from_this(), r](int status, const std::string& json) {
    if (!r->done) return;
    if (is_answer(status, json) || clock::now() + pause_before_again >= r->until)
      return std::exchange(r->done, nullptr)(status, json);
    r->repeated = true;
    self->at_->after(pause_before_again, [self, r] { self->go(r); });
  });
}

void inner_client::tell(std::string body) {
  post(std::move(body), false, [](int, const std::string&) {});
}

void inner_client::cancel(std::string_view id, std::string_view reason) {
  const auto params = json_object().raw("requestId", id).text("reason", reason).str();
  tell(mcp::make_notification("notifications/cancelled", params));
}

void inner_client::post(std::string body, bool repeated, then done) {
  const auto& hosts = at_->node().config.access.hosts;
  auto exchange = make_inner_exchange(
      at_->home().loop(), hosts.front() == "*" ? "localhost" : hosts.front(), principal_, session_, std::move(body),
      repeated,
      [self = shared_from_this(), done = std::move(done)](int status, std::string id, const std::string& json) {
        if (self->at_->closed()) return;
        if (!id.empty()) self->session_ = std::move(id);
        done(status, json);
      });
  caf::anon_send(at_->node().ingresses.front(), client_request{std::move(exchange)});
}

void inner_client::say_goodbye() {
  if (!owns_ || session_.empty()) return;
  const auto entry = at_->node().sessions.find(session_);
  if (entry) caf::anon_send(entry->session, session_end{"the operator's call is over"});
  session_.clear();
}

}  // namespace holdfast::actors::admin
