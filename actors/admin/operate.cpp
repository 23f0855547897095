#include "actors/admin/operate.hpp"

#include "actors/admin/inner_client.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/routes.hpp"
#include "actors/session_operations.hpp"
#include "transport/mcp/messages.hpp"
#include "transport/mcp/sealed.hpp"

namespace holdfast::actors::admin {
namespace {

/// `data` of the session's error beside its status, for people.
std::string details_of(mcp::raw_json data) {
  std::string words;
  for (const auto& [name, value] : mcp::members(data)) {
    if (name == "status") continue;
    (words += words.empty() ? "" : ", ")
        .append(name)
        .append(": ")
        .append(mcp::string_value(value).value_or(std::string(value)));
  }
  return words;
}

answer answer_of(int status, const std::string& json) {
  const auto result = mcp::member(json, "result");
  if (status == 200 && result.data() != nullptr) return std::string(result);
  const auto error = mcp::member(json, "error"), data = mcp::member(error, "data");
  const auto as = static_cast<int>(number_of(data, "status"));
  if (status == 200 && as != 0) return problem{as, text_of(error, "message"), details_of(data), {}, {}};
  auto p = trouble_in(status, json);
  if (status == 504) p.title = "The session did not answer in time";
  return p;
}

}  // namespace

void operate(desk& at, const std::string& prefix, std::string_view what, const std::string& params, milliseconds limit,
             reply done) {
  if (at.node().draining) return done(problem{503, "The node is stopping", {}, {}, {}});
  find_anywhere(at, prefix, true,
                [self = at.shared_from_this(), prefix, what = std::string(what), params, limit,
                 done = std::move(done)](const found_session& f) {
                  // One that is in the store only comes back with the question.
                  if (f.trouble && (f.trouble->status != 404 || !mcp::is_random_id(prefix))) return done(*f.trouble);
                  const auto client = std::make_shared<inner_client>(*self, f.trouble ? prefix : f.id);
                  const auto method = std::string(session_operations::prefix) + what;
                  const auto pass = session_operations::pass_for(self->node().cursors, client->session(), method);
                  const auto body = mcp::make_request(mcp::quote("holdfast-" + mcp::random_id()), method,
                                                      mcp::with_member(params, "pass", mcp::quote(pass)));
                  client->send(body, inner_client::clock::now() + limit,
                               [client, done](int status, const std::string& json) { done(answer_of(status, json)); });
                });
}

}  // namespace holdfast::actors::admin
