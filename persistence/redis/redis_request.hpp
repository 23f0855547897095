#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <string>

#include "persistence/redis/redis_command.hpp"
#include "persistence/redis/redis_reply.hpp"
#include "persistence/redis/redis_script.hpp"
#include "persistence/store_values.hpp"

namespace holdfast::persistence {

/// How a request ended.
struct redis_outcome {
  redis_reply* reply = nullptr;  ///< to be moved from; null: it failed. Never an error
  store_failure failure;
  bool repeated = false;  ///< it had been sent before, and may have been carried out then
};

class redis_link;

/// One command and who waits for its answer. Whoever made it owns it; a link borrows it from `send` until it reports it
/// answered or unanswered. Safe to repeat.
struct redis_request {
  using clock = std::chrono::steady_clock;
  enum class purpose : std::uint8_t { operation, commit, probe };

  enum purpose purpose = purpose::operation;
  std::string bytes;                               ///< the command; of a script, see `script`
  const redis_script* script = nullptr;            ///< run by name; `bytes` then are what follows the name
  std::size_t arguments = 0;                       ///< of a script: what follows the name has so many
  std::uint16_t hash_slot = 0;                     ///< of its keys, as Redis Cluster counts
  bool durable = false;                            ///< its effect counts when enough replicas have it
  bool bulk = false;                               ///< may go over another connection than the commits
  bool sweeping = false;                           ///< reads keys that it does not name: not while some are elsewhere
  bool send_body = false;                          ///< the server does not know the script by its name
  bool repeated = false;                           ///< has been sent before, to no avail; set by the link
  redis_link* borrower = nullptr;                  ///< the link that has it now
  bool queued = false;                             ///< waits at its owner's for a link, or for another try
  bool given_up = false;                           ///< completed, but not let go of yet
  unsigned redirections = 0;                       ///< that a cluster answered it with
  clock::time_point started, deadline;             ///< answered by then
  std::function<void(const redis_outcome&)> done;  ///< empty = nobody waits for it any more
  std::list<redis_request>::iterator self;         ///< for its owner
};

/// Makes it a script with so many keys and arguments, which the caller adds next.
redis_command begin_script(redis_request& r, const redis_script& script, std::size_t keys, std::size_t arguments);

/// Appends the request as it goes out.
void append_request(std::string& into, const redis_request& r);

}  // namespace holdfast::persistence
