#include "apps/commands/session.hpp"

#include "apps/commands/json_text.hpp"
#include "apps/commands/options.hpp"
#include "transport/errc.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::apps {
namespace {

using transport::errc;

// Against a server whose pages never end.
constexpr std::size_t tools_max = 100'000, pages_max = 10'000;

std::string words_of(const transport::failure& f) { return f.detail.empty() ? f.code.message() : f.detail; }

}  // namespace

transport::http_endpoint endpoint_of(const common_options& common) {
  transport::http_endpoint endpoint;
  endpoint.url = common.url;
  if (!common.token.empty()) endpoint.headers.emplace_back("Authorization", "Bearer " + common.token.reveal());
  return endpoint;
}

int code_of(const std::error_code& e) {
  if (e == std::make_error_code(std::errc::operation_canceled)) return exit_code::interrupted;
  if (e == make_error_code(errc::timed_out)) return exit_code::timed_out;
  for (const errc answered : {errc::handshake_failed, errc::unsupported_era, errc::bad_message, errc::bad_json,
                              errc::http_status, errc::session_lost})
    if (e == make_error_code(answered)) return exit_code::protocol_error;
  return exit_code::no_connection;
}

std::optional<ending> connect(mcp_client& client, const std::string& url) {
  const auto opened = client.open(interruption());
  if (opened) return std::nullopt;
  if (code_of(opened.error().code) == exit_code::interrupted) return ending{exit_code::interrupted, "interrupted"};
  if (opened.error().code == make_error_code(errc::unauthorized))
    return ending{exit_code::protocol_error, "cannot connect to " + url + ": " + words_of(opened.error()) +
                                                 " (HOLDFAST_TOKEN is the token of a user to show)"};
  const bool refused = opened.error().code == make_error_code(errc::handshake_failed) ||
                       opened.error().code == make_error_code(errc::unsupported_era);
  return ending{refused ? exit_code::protocol_error : exit_code::no_connection,
                "cannot connect to " + url + ": " + words_of(opened.error())};
}

boost::system::result<mcp::raw_json, ending> result_in(const std::string& answer) {
  const auto message = mcp::scan(answer);
  if (!message) return ending{exit_code::protocol_error, "the answer is no JSON-RPC message"};
  if (message->error.data() == nullptr) return message->result;
  return ending{exit_code::protocol_error,
                "error " + number_member(message->error, "code") + ": " + text_member(message->error, "message")};
}

tool_list list_tools(mcp_client& client, std::chrono::milliseconds timeout) {
  tool_list out;
  std::string params = "{}";
  for (std::size_t page = 0; page < pages_max && out.tools.size() < tools_max; ++page) {
    const auto answer = client.request({mcp::to_string(mcp::method::tools_list), params, timeout, {}}, interruption());
    if (!answer) {
      out.trouble = ending{code_of(answer.error().code), "tools/list: " + words_of(answer.error())};
      return out;
    }
    const auto result = result_in(*answer);
    if (!result) {
      out.trouble = result.error();
      return out;
    }
    if (const auto tools = mcp::elements(mcp::member(*result, "tools"))) {
      for (const auto tool : *tools) out.tools.emplace_back(tool);
    }
    const auto cursor = mcp::member(*result, "nextCursor");
    if (!mcp::is_string(cursor)) return out;
    params = "{\"cursor\":" + std::string(cursor) + "}";
  }
  out.trouble = ending{exit_code::protocol_error, "the list of tools has no end"};
  return out;
}

}  // namespace holdfast::apps
