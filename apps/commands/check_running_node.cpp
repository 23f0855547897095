#include <chrono>

#include "apps/commands/admin_client.hpp"
#include "apps/commands/findings.hpp"
#include "apps/commands/json_text.hpp"
#include "apps/commands/mcp_client.hpp"
#include "apps/commands/session.hpp"
#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using grade = finding::grade;

constexpr auto wait = 15s, answer_timeout = 10s, list_timeout = 30s;

finding check_endpoint(const common_options& common) {
  const auto& url = common.url;
  mcp_client client(endpoint_of(common));
  if (const auto trouble = connect(client, url))
    return {grade::bad, "clients", trouble->words, "start a node (holdfastd), or name its endpoint by --url"};
  const auto list = list_tools(client, list_timeout);
  if (list.trouble) return {grade::bad, "clients", url + ": " + list.trouble->words, "see the log of the node"};
  return {grade::good, "clients", url + " answers, " + std::to_string(list.tools.size()) + " tools", ""};
}

finding about_server(mcp::raw_json server) {
  const std::string about = "upstream " + first_line(text_member(server, "name"));
  const std::string error = first_line(text_member(server, "error"));
  const std::string state = first_line(text_member(server, "state"));
  if (!error.empty())
    return {grade::bad, about, state + ": " + error,
            "run `holdfast doctor --config FILE` with the node's configuration"};
  return {grade::good, about, state + ", " + number_member(server, "tools") + " tools", ""};
}

}  // namespace

findings check_running_node(const common_options& common) {
  const auto& admin = common.admin;
  findings out{check_endpoint(common)};
  const std::string query = "?wait=" + std::to_string(std::chrono::milliseconds(wait).count());
  const auto body = admin_get(admin, "/mcp/servers" + query, wait + answer_timeout);
  if (!body) {
    out.push_back({grade::bad, "operators", admin + ": " + body.error().detail,
                   "name the node's address for operators by --admin (`admin.listen` in its configuration)"});
    return out;
  }
  out.push_back({grade::good, "operators", admin + " answers", ""});
  const auto servers = mcp::elements(mcp::member(*body, "servers"));
  if (!servers) return out;
  for (const auto server : *servers) out.push_back(about_server(server));
  return out;
}

}  // namespace holdfast::apps
