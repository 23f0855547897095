#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/cluster_config.hpp"
#include "actors/tracing/trace_config.hpp"
#include "actors/upstream_config.hpp"
#include "persistence/encoding.hpp"
#include "persistence/store.hpp"
#include "transport/http_server.hpp"
#include "transport/mcp/classify.hpp"
#include "transport/mcp/users.hpp"
#include "transport/secret.hpp"
#include "transport/tls_identity.hpp"

namespace holdfast::actors {

struct session_limits {
  std::size_t sessions_max = 100'000;       ///< one more `initialize` gets 503
  std::size_t per_user_max = 0;             ///< of one user on one node; one more `initialize` gets 429. 0 = no limit
  std::size_t in_flight_max = 256;          ///< requests of one session being worked on; one more gets an error
  std::size_t server_requests_max = 64;     ///< requests to one client that wait for its answer
  std::size_t batch_max = 100;              ///< messages in one 2025-03-26 batch
  std::size_t replay_events_max = 1024;     ///< kept per stream for resumption
  std::size_t replay_bytes_max = 1u << 20;  ///< kept per stream for resumption
  std::size_t streams_max = 64;  ///< streams of one session, completed ones included; the oldest completed goes first
  std::size_t shadow_streams_max = 32;                ///< further GET streams of one session; the oldest is dropped
  std::size_t subscriptions_max = 1024;               ///< resource subscriptions of one session
  std::size_t history_max = 64;                       ///< finished executions remembered per session
  std::chrono::milliseconds replay_age_max{300'000};  ///< a completed stream can be resumed for so long
  std::chrono::milliseconds idle_timeout{1'800'000};  ///< a session without traffic and open streams ends
  std::chrono::milliseconds passivate_after{
      60'000};                                   ///< idle for so long, a session lives in the store only; 0 = never
  std::chrono::milliseconds stream_after{50};    ///< a POST not answered by then becomes an event stream
  std::chrono::milliseconds keep_alive{15'000};  ///< a comment on every quiet event stream
  std::chrono::milliseconds retry{500};          ///< the reconnection time told to clients
  std::chrono::milliseconds stream_lifetime{
      0};  ///< close streams with a `retry` hint after so long (2025-11-25); 0 = never
  std::chrono::milliseconds client_answer_timeout{300'000};  ///< for sampling, elicitation and roots
  std::size_t tool_state_bytes_max = 256u << 10;             ///< of all stateful tools together
};

/// Executions that are asked for by the API, and calls that carry an idempotency key.
struct execution_limits {
  std::size_t batch_max = 100;                      ///< executions in one request
  std::size_t batch_concurrency = 8;                ///< of these at once
  std::chrono::milliseconds key_lifetime{600'000};  ///< a key is remembered for so long after its execution has ended
  std::size_t keys_max = 1000;                      ///< keys remembered per session; one more is refused
  std::size_t key_bytes_max = 1u << 20;    ///< of their results, per session; the oldest are not kept beyond it
  std::size_t steps_max = 16;              ///< stepwise executions of one session
  std::size_t step_bytes_max = 64u << 10;  ///< parameters of one of them, and its result as far as it is kept
};

struct catalogue_config {
  bool always_prefix = false;                         ///< `alias__name` for every tool and prompt
  std::size_t page_size = 1000;                       ///< entries in one page of a list
  std::size_t entries_max = 50'000;                   ///< taken from one upstream, per list
  std::chrono::milliseconds first_list_wait{10'000};  ///< how long a list waits for upstreams that are still connecting
};

/// Upstreams that are defined while nodes run.
struct registry_config {
  bool watch = false;     ///< the configuration file is looked at every two seconds, and read again when it has changed
  bool commands = false;  ///< operators may define upstreams that are commands, which then run on every node
  std::size_t upstreams_max = 1'000;                ///< that are registered
  std::chrono::milliseconds switch_within{10'000};  ///< a definition comes into force then, even if it does not answer
};

/// Where operators and the command-line tool ask: health, metrics, the list of upstreams.
struct admin_config {
  bool enabled = true;
  std::string host = "127.0.0.1";
  std::optional<std::uint16_t> port;  ///< absent = one above the MCP port; see `admin_port`
  transport::tls_files tls;           ///< none: in the clear
  transport::secret token;            ///< that everybody has to show, but on the socket; empty = none
  /// The absolute path of a unix socket; with a / at the end, of a folder, in which it is named after the MCP port
  /// (7420.sock). Empty = none.
  std::string socket;
  std::chrono::milliseconds answer_within{300};  ///< how long operators wait for a node that does not answer
};

enum class on_store_loss : std::uint8_t {
  hold,     ///< what must be durable first waits for `hold_timeout`, then is answered 503
  degrade,  ///< goes on without durability, and says so; everything is written once the store is back
};

/// Where sessions are kept.
struct store_config {
  persistence::store_options primary;
  std::string shadow;  ///< URL of a second store that is written in parallel and compared; empty = none
  on_store_loss on_loss = on_store_loss::hold;
  std::chrono::milliseconds hold_timeout{5'000};  ///< how long output waits for a store that does not answer
  persistence::text_format format = persistence::text_format::json;
  std::size_t compress_above = 2048;  ///< bytes of one text; 0 = never
  std::string keys;                   ///< where those are that encrypt it, for `persistence::read_keys`; empty = none
};

enum class log_level : std::uint8_t { debug, info, warning, error };
enum class log_format : std::uint8_t { automatic, text, json };

struct node_config {
  std::string listen_host = "127.0.0.1";
  std::uint16_t listen_port = 7420;
  transport::tls_files tls;  ///< for clients; none: in the clear
  std::size_t threads = 0;   ///< I/O threads; 0 = one per core
  store_config store;
  admin_config admin;
  cluster_config cluster;
  trace_config traces;
  transport::http_limits http;
  mcp::access_rules access;      ///< hosts empty = loopback names and the listen host
  std::vector<mcp::user> users;  ///< empty: nobody has to say who it is
  session_limits sessions;
  execution_limits executions;
  catalogue_config catalogue;
  cache_config cache;
  registry_config registry;
  std::vector<upstream_config> upstreams;  ///< in the order of the configuration; at the start, see `registry`
  std::chrono::milliseconds drain_timeout{10'000};
  log_level level = log_level::info;
  log_format format = log_format::automatic;
  std::size_t log_repeats_max = 20;  ///< warnings and errors that say the same, in ten seconds; 0 = all
};

/// The port to listen on for operators; 0 lets the system choose, as it does if the MCP port is 0.
inline std::uint16_t admin_port(const node_config& c) {
  return c.admin.port.value_or(c.listen_port == 0 ? 0 : static_cast<std::uint16_t>(c.listen_port + 1));
}

}  // namespace holdfast::actors
