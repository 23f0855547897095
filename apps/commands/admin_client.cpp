#include "apps/commands/admin_client.hpp"

#include <atomic>
#include <utility>

#include "apps/commands/json_text.hpp"
#include "apps/commands/operator_client.hpp"
#include "apps/commands/terminal.hpp"
#include "transport/errc.hpp"

namespace holdfast::apps {

using transport::errc;
using transport::failure;
using transport::outcome;

outcome<std::string> admin_get(const std::string& base, const std::string& path, std::chrono::milliseconds timeout) {
  // The commands that use this have their own ways to end, and ask on the way, too.
  static const std::atomic<bool> never{false};
  auto client = operator_client::find(base, process_environment());
  if (!client) return client.error();
  auto answer = client->ask("GET", path, timeout, never);
  if (!answer) return answer.error();
  const auto trouble = json_trouble(answer->body);
  const auto& where = client->shown();
  if (answer->status != 200) {
    const std::string words = trouble ? "" : text_member(answer->body, "title");  // of RFC 9457
    return failure{make_error_code(errc::http_status), where + " answered " + std::to_string(answer->status) + " to " +
                                                           path +
                                                           (words.empty() ? "" : ": " + cut(first_line(words), 200))};
  }
  if (trouble)
    return failure{make_error_code(errc::bad_json), where + " answered with something that is no JSON, " + *trouble};
  return std::move(answer->body);
}

}  // namespace holdfast::apps
