#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "persistence/redis/redis_reply.hpp"
#include "persistence/store_values.hpp"

namespace holdfast::persistence {

/// How a connection introduces itself.
struct redis_credentials {
  std::string user, password;  ///< no password = none is sent
  unsigned database = 0;
};

/// What a server says of itself.
struct redis_greeting {
  std::string version;         ///< as INFO says it; of Valkey, the version it is compatible with
  std::string mode;            ///< standalone, sentinel or cluster
  std::string role;            ///< master or slave; empty for a sentinel
  std::string replication_id;  ///< names the history of its data
  std::string former_id;       ///< of the history that this one goes on from, if it was a replica
  std::string run_id;          ///< of its process
  std::int64_t client_id = 0;  ///< of the connection, as long as that process runs
};

/// Appends the commands that open a connection; returns how many replies they have.
std::size_t append_greeting(std::string& into, const redis_credentials& who);

/// Reads the replies to them. `rejected` if it is too old or does not let us in, `unavailable` if it may do later.
result<redis_greeting> read_greeting(const std::vector<redis_reply>& replies, const redis_credentials& who);

/// What an error reply to any command means. Only for errors that are not worth another try.
store_failure failure_of(const redis_reply& error);

}  // namespace holdfast::persistence
