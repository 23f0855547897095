#include "persistence/redis/redis_greeting.hpp"

#include <charconv>
#include <string_view>

#include "persistence/redis/redis_command.hpp"
#include "persistence/redis/redis_info.hpp"

namespace holdfast::persistence {
namespace {

constexpr unsigned version_min = 7;

bool is_supported(std::string_view version) {
  unsigned major = 0;
  std::from_chars(version.data(), version.data() + version.size(), major);
  return major >= version_min;
}

/// What an INFO reply fails with; nothing can be said of a server that does not answer it.
store_failure not_told(const redis_reply& reply) {
  if (reply.is_error()) return failure_of(reply);
  return {store_errc::rejected, "it does not answer INFO as Redis does"};
}

}  // namespace

std::size_t append_greeting(std::string& into, const redis_credentials& who) {
  std::size_t replies = 4;
  if (!who.password.empty()) {
    if (who.user.empty())
      append_command(into, "AUTH", who.password);
    else
      append_command(into, "AUTH", who.user, who.password);
    ++replies;
  }
  if (who.database != 0) {
    append_command(into, "SELECT", std::int64_t{who.database});
    ++replies;
  }
  append_command(into, "CLIENT", "SETNAME", "holdfast");
  append_command(into, "CLIENT", "ID");
  append_command(into, "INFO", "server");
  append_command(into, "INFO", "replication");
  return replies;
}

result<redis_greeting> read_greeting(const std::vector<redis_reply>& replies, const redis_credentials& who) {
  std::size_t at = 0;
  if (!who.password.empty() && replies[at++].is_error()) {
    const auto& refusal = replies[at - 1];
    if (refusal.error_code() != "WRONGPASS" && refusal.error_code() != "ERR") return failure_of(refusal);
    return store_failure{store_errc::rejected, "it refuses user and password"};
  }
  if (who.database != 0 && replies[at++].is_error()) return failure_of(replies[at - 1]);
  ++at;  // the connection's name is a courtesy to operators, and may be forbidden
  const auto &id = replies[at], &server = replies[at + 1], &replication = replies[at + 2];
  if (id.is_error()) return failure_of(id);
  if (!server.is_text()) return not_told(server);
  if (!replication.is_text()) return not_told(replication);
  redis_greeting g{info_field(server.text, "redis_version"),
                   info_field(server.text, "redis_mode"),
                   info_field(replication.text, "role"),
                   info_field(replication.text, "master_replid"),
                   info_field(replication.text, "master_replid2"),
                   info_field(server.text, "run_id"),
                   id.integer};
  if (!is_supported(g.version))
    return store_failure{store_errc::rejected, "it is Redis " + g.version + "; 7.0 or newer is needed"};
  return g;
}

store_failure failure_of(const redis_reply& error) {
  const auto code = error.error_code();
  if (code == "OOM") return {store_errc::full, "Redis has reached its maxmemory"};
  if (code == "LOADING" || code == "BUSY" || code == "MASTERDOWN" || code == "CLUSTERDOWN")
    return {store_errc::unavailable, error.text};
  if (code == "WRONGTYPE") return {store_errc::corrupt, error.text};
  if (code == "DENIED") return {store_errc::rejected, "Redis is in protected mode: it has neither password nor bind"};
  if (code == "NOAUTH") return {store_errc::rejected, "Redis asks for a password"};
  if (error.text.find("max number of clients") != error.text.npos) return {store_errc::unavailable, error.text};
  return {store_errc::rejected, error.text};
}

}  // namespace holdfast::persistence
