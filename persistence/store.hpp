#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "persistence/store_lane.hpp"
#include "persistence/store_values.hpp"

namespace boost::asio {
class io_context;
}

namespace holdfast::persistence {

/// What a store guarantees for a commit that was answered `ok`.
enum class tier : std::uint8_t {
  memory,      ///< nothing beyond the process
  sqlite,      ///< survives the process and a crash of the machine (this not with `synchronous=normal`)
  redis,       ///< survives the node; about a second may be lost if Redis itself dies
  redis_wait,  ///< as `redis`, and one replica has it too: survives any single failure
};
std::string_view name_of(tier t) noexcept;

/// How a store is doing, for operators. Counts are since the start.
struct store_health {
  bool available = true;
  bool circuit_open = false;  ///< gave up for now; looks again by itself
  std::string detail;         ///< why not, or where it is connected to
  std::size_t connections = 0;
  std::size_t waiting = 0;                     ///< operations without an answer
  std::uint64_t operations = 0, failures = 0;  ///< answered; completed with a failure
  std::uint64_t commits = 0;
  std::chrono::microseconds latency{0};  ///< of commits, a moving average
  std::uint64_t differences = 0;         ///< found by comparing with a shadow store
  std::uint64_t histories = 0;           ///< changes of history, see `store_lane::on_history_changed`
};

struct store_options {
  std::string url = "memory:";                ///< see `store::open`
  std::string prefix = "hf";                  ///< of every key
  std::string ca_file;                        ///< for rediss://; empty = the system's
  unsigned wait_replicas = 0;                 ///< a commit counts when so many replicas have it
  std::chrono::milliseconds deadline{5'000};  ///< for one operation, retries included
  std::size_t waiting_max = 100'000;          ///< operations without an answer, per lane; one more is `overloaded`
  std::size_t connections = 1;                ///< per lane, for sharing bulk loads and commits
};

/// Where entities are kept. Thread-safe; outlives its lanes.
class store {
 public:
  /// Opens the store of a URL:
  ///   memory:                                             in this process
  ///   sqlite:PATH[?synchronous=normal]                    a file, created if missing; one process at a time
  ///   redis://[user:password@]host[:port][/db]            also rediss:// (TLS)
  ///   unix:PATH[?db=N&user=U&password=P]                  Redis on a unix socket
  ///   redis+sentinel://[user:password@]h1[:p],h2[:p]…/master[/db]
  ///   redis+cluster://[user:password@]h1[:p],h2[:p]…
  /// May block for up to `deadline`; for start-up. The failure says what was wrong and what would be right: `rejected`
  /// also where the contents are of a newer format, or spread over another number of slots. An empty store is marked
  /// with the format and the slots of this build.
  static result<std::unique_ptr<store>> open(const store_options& o);

  virtual ~store() = default;

  virtual std::unique_ptr<store_lane> lane(boost::asio::io_context& on) = 0;
  virtual enum tier tier() const noexcept = 0;
  virtual store_health health() const = 0;

  /// The URL without user and password.
  virtual std::string shown() const = 0;
};

}  // namespace holdfast::persistence
