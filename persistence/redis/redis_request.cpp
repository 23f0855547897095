#include "persistence/redis/redis_request.hpp"

namespace holdfast::persistence {

redis_command begin_script(redis_request& r, const redis_script& script, std::size_t keys, std::size_t arguments) {
  r.script = &script;
  r.arguments = 1 + keys + arguments;
  auto command = redis_command::go_on(r.bytes);
  command.add_unsigned(keys);
  return command;
}

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
