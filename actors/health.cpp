#include "actors/health.hpp"

#include <chrono>

#include "actors/node_context.hpp"
#include "transport/content_type.hpp"
#include "transport/http_server.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {
namespace {

using transport::http_method;

constexpr auto sessions_write_within = std::chrono::milliseconds{750};  // they try again several times a second
constexpr auto look_stands_for = std::chrono::milliseconds{1'000};      // what it leaves in the store goes by itself

/// A node that gets no requests writes nothing, and would never find out that it can again. Reading would not tell: a
/// store that is full can be read.
void look_at_store(shard& home, node_context& node) {
  home.lane()->acquire("ready:" + node.store->incarnation(), look_stands_for,
                       [&node, &loop = home.loop()](const auto& written) {
                         if (!written) return node.store->note_failure(written.error());
                         // Sessions that have something to write down do so first.
                         loop.after(sessions_write_within, [&node, before = node.store->failures()] {
                           if (node.store->failures() == before) node.store->note_success();
                         });
                       });
}

/// Whether it serves what it is given, if only after a moment of doubt. Who was declared dead is in doubt for longer.
bool belongs(const cluster& c, const node_context& node) {
  return c.is_ready() && machines::membership::find(*c.membership.get(), node.store->incarnation()) != nullptr;
}

}  // namespace

void answer_health(shard& home, node_context& node, transport::http_exchange& to) {
  const auto& r = to.request();
  if (r.method != http_method::get && r.method != http_method::head)
    return to.respond(405, transport::json_type, "Allow: GET, HEAD\r\n",
                      {mcp::make_error({}, mcp::code::server_error, "Use GET")});
  const auto* const cluster = node.in_cluster.get();
  if (r.path == "/readyz" && cluster != nullptr && !cluster->leaving && !belongs(*cluster, node))
    return to.respond(503, transport::json_type, {}, {R"({"status":"joining"})"});
  if (r.path == "/readyz" && (node.draining || (cluster != nullptr && cluster->leaving)))
    return to.respond(503, transport::json_type, {}, {R"({"status":"draining"})"});
  if (r.path == "/readyz" && node.store && !node.store->available()) {
    look_at_store(home, node);
    return to.respond(node.store->degrades() ? 200 : 503, transport::json_type, {},
                      {R"({"status":")", node.store->degrades() ? "degraded" : "store unavailable", "\"}"});
  }
  to.respond(200, transport::json_type, {}, {R"({"status":"ok"})"});
}

}  // namespace holdfast::actors
