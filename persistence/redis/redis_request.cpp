#include "persistence/redis/redis_request.hpp"

#include "persistence/redis/redis_command.hpp"

namespace holdfast::persistence {

void append_request(std::string& into, const redis_request& r) {
  if (r.script != nullptr) {
    redis_command head(into, r.arguments + 2);
    if (r.send_body)
      head.add("EVAL").add(r.script->body());
    else
      head.add("EVALSHA").add(r.script->digest());
  }
  into += r.bytes;
}

}  // namespace holdfast::persistence
