#include "apps/shell/console.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "apps/commands/options.hpp"
#include "apps/commands/session.hpp"
#include "apps/commands/terminal.hpp"
#include "apps/shell/listing.hpp"
#include "transport/errc.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;

constexpr auto answer_timeout = 10s;

std::string escaped(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~' || c == '@';
    if (unreserved) {
      out += c;
    } else {
      out.append("%").append(1, digits[u >> 4]).append(1, digits[u & 15]);
    }
  }
  return out;
}

}  // namespace

std::string api_path(const std::vector<std::string>& parts, const query& parameters) {
  std::string path = "/v1";
  for (const auto& p : parts) path += "/" + escaped(p);
  char before = '?';
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    path.append(1, before).append(name).append("=").append(escaped(value));
    before = '&';
  }
  return path;
}

std::size_t console::columns() const { return out_ == &std::cout ? terminal_columns() : 0; }

bool console::has_person() const { return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1; }

const std::shared_ptr<operator_client>& console::client() {
  if (client_) return client_;
  auto found = operator_client::find(common_.admin, process_environment());
  if (!found) {
    complain("--admin: " + found.error().detail);
    finish(exit_code::usage);
    std::abort();  // finish throws
  }
  client_ = std::make_shared<operator_client>(std::move(*found));
  return client_;
}

void console::fail(const transport::failure& why) const {
  const auto code = code_of(why.code);
  if (code != exit_code::interrupted) complain(why.detail.empty() ? why.code.message() : why.detail);
  finish(code);
  std::abort();  // finish throws
}

void console::refuse(const operator_answer& answer) {
  const auto problem = parse_json(answer.body);
  std::string words = problem ? text_of(*problem, "title") : "";
  if (words.empty()) words = client()->shown() + " answered with status " + std::to_string(answer.status);
  if (problem && !text_of(*problem, "detail").empty()) words += ": " + text_of(*problem, "detail");
  if (problem && member(*problem, "matches").IsArray()) words += "; there are " + plain(member(*problem, "matches"));
  if (answer.status == 401) words += " (HOLDFAST_ADMIN_TOKEN is the token to show)";
  complain(words);
  finish(exit_code::failed);
  std::abort();  // finish throws
}

transport::outcome<node_answer> console::try_get(const std::string& path, std::chrono::milliseconds timeout) {
  auto answer = client()->ask("GET", path, timeout, interruption());
  if (!answer) return answer.error();
  auto json = answer->status == 200 ? parse_json(answer->body) : std::nullopt;
  if (!json) return transport::failure{make_error_code(transport::errc::http_status), "no answer of use"};
  note_silent(*json);
  return node_answer{std::move(answer->body), std::move(*json)};
}

node_answer console::ask(std::string_view method, const std::string& path, std::chrono::milliseconds timeout,
                         const std::string& body) {
  auto answer = client()->ask(method, path, timeout, interruption(), body);
  if (!answer) fail(answer.error());
  if (answer->status != 200) refuse(*answer);
  auto json = parse_json(answer->body);
  if (!json)
    fail({make_error_code(transport::errc::bad_json), client()->shown() + " answered with something else than JSON"});
  note_silent(*json);
  return {std::move(answer->body), std::move(*json)};
}

void console::note_silent(const json_value& answer) {
  if (const auto& names = member(answer, "unreachable"); names.IsArray()) silent_ = names.Size();
}

node_answer console::get(const std::string& path) { return ask("GET", path, answer_timeout); }

node_answer console::post(const std::string& path, std::chrono::milliseconds timeout, const std::string& body) {
  return ask("POST", path, timeout, body);
}

void console::follow(const std::string& path, const operator_client::event_handler& on_event) {
  const auto answer = client()->follow(path, on_event, interruption());
  if (!answer && code_of(answer.error().code) != exit_code::interrupted) fail(answer.error());
  if (answer && answer->status != 200) refuse(*answer);
}

void console::note_unreachable(const json_value& answer) const {
  const auto& names = member(answer, "unreachable");
  if (!names.IsArray() || names.Empty()) return;
  *out_ << std::flush;
  complain("no answer from " + plain(names) + "; what is shown lacks it");
}

}  // namespace holdfast::apps
