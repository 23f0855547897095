#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <fstream>

#include "apps/commands/findings.hpp"
#include "apps/commands/json_text.hpp"
#include "apps/commands/mcp_client.hpp"
#include "apps/commands/options.hpp"
#include "apps/commands/session.hpp"
#include "transport/errc.hpp"
#include "transport/program_path.hpp"

namespace holdfast::apps {
namespace {

using grade = finding::grade;
using transport::errc;
using transport::find_program;
using transport::path_of;
using transport::stdio_command;

std::string about(const actors::upstream_config& u) { return "upstream " + u.alias; }

bool is_folder(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

std::string how_to_get(const std::string& command) {
  if (command.find("node_modules/.bin/") != std::string::npos)
    return "install its npm package there (`./dev up` does that for the example servers)";
  const std::string name = command.substr(command.rfind('/') + 1);
  if (name == "npx" || name == "node" || name == "npm") return "install Node.js 18 or newer";
  if (name == "uvx" || name == "uv") return "install uv (https://docs.astral.sh/uv/)";
  if (name == "docker" || name == "podman") return "install " + name;
  if (name == "python" || name == "python3" || name == "pipx") return "install Python 3";
  return "install it, or correct `command`";
}

/// The interpreter that a script asks `env` for, such as "node"; empty if it is no such script.
std::string interpreter_of(const std::string& script) {
  constexpr std::string_view prefix = "#!/usr/bin/env ";
  std::ifstream in(script, std::ios::binary);
  char start[128] = {};
  in.read(start, sizeof start - 1);
  const std::string_view line(start, static_cast<std::size_t>(in.gcount()));
  if (!line.starts_with(prefix)) return "";
  const auto name = line.substr(prefix.size(), line.find_first_of(" \r\n", prefix.size()) - prefix.size());
  return name.starts_with("-") ? "" : std::string(name);
}

void check_program(const actors::upstream_config& u, const stdio_command& c, findings& out) {
  const auto program = find_program(c.command, c.directory, path_of(c));
  if (!program) {
    const bool named = c.command.find('/') == std::string::npos;
    out.push_back({grade::bad, about(u), c.command + (named ? " is not in PATH" : " is no executable file"),
                   how_to_get(c.command)});
    return;
  }
  const auto interpreter = interpreter_of(*program);
  if (!interpreter.empty() && !find_program(interpreter, c.directory, path_of(c)))
    out.push_back({grade::bad, about(u), c.command + " needs " + interpreter + ", which is not in PATH",
                   how_to_get(interpreter)});
}

std::string remedy_for(const transport::failure& f, bool is_http) {
  const auto is = [&](errc e) { return f.code == make_error_code(e); };
  if (is(errc::unauthorized)) return "give the server a valid token by `headers`";
  if (is(errc::tls_failed)) return "check the server's certificate; `ca_file` names authorities of your own";
  if (is(errc::timed_out)) return "see whether the server works, or raise `limits.connect_timeout`";
  if (is(errc::unsupported_era)) return "use a release of the server that speaks revision 2025-11-25 or older";
  if (is(errc::bad_address)) return "correct `url`";
  if (is_http) return "see whether the server runs and `url` is its MCP endpoint";
  return "run the command by hand and see what it says; set what it needs by `args`, `env` and `cwd`";
}

std::string said_by(const mcp_client& client) {
  std::string out;
  for (const auto& line : client.last_words()) out += "\n  " + line;
  return out.empty() ? "" : "; it said:" + out;
}

}  // namespace

findings check_command(const actors::upstream_config& u) {
  findings out;
  if (const auto* programs = std::get_if<transport::program_set>(&u.target)) {
    for (const auto& t : programs->tools) {
      for (const auto& words : transport::lacks(t))
        out.push_back({grade::bad, about(u), "the tool " + t.name + " is left out: " + words,
                       how_to_get(words.substr(0, words.find(' ')))});
    }
    return out;
  }
  const auto* c = std::get_if<stdio_command>(&u.target);
  if (c == nullptr) return out;
  if (!c->directory.empty() && !is_folder(c->directory)) {
    out.push_back({grade::bad, about(u), c->directory + " is no folder", "create it, or correct `cwd`"});
    return out;
  }
  check_program(u, *c, out);
  for (const auto& name : c->env_pass) {
    if (std::getenv(name.c_str()) == nullptr)
      out.push_back({grade::doubtful, about(u),
                     "the environment variable " + name + " is to be handed on but is not set",
                     "set it for the node, or remove it from `env_pass`"});
  }
  return out;
}

finding check_connection(const actors::upstream_config& u) {
  const bool is_http = std::holds_alternative<transport::http_endpoint>(u.target);
  mcp_client client(u.target, u.limits);
  const auto opened = client.open(interruption());
  if (!opened) {
    const auto& f = opened.error();
    return {grade::bad, about(u),
            "no connection: " + (f.detail.empty() ? f.code.message() : f.detail) + said_by(client),
            remedy_for(f, is_http)};
  }
  const std::string speaks = text_member(*opened, "protocolVersion") + " over " + client.protocol();
  const auto capabilities = mcp::member(*opened, "capabilities");
  if (mcp::member(capabilities, "tools").data() == nullptr)
    return {grade::good, about(u), "connected, no tools (" + speaks + ")", ""};
  const auto list = list_tools(client, u.list_timeout);
  if (list.trouble)
    return {grade::bad, about(u), "connected, but its tools cannot be listed: " + list.trouble->words + said_by(client),
            "see what the server says"};
  return {grade::good, about(u), "connected, " + std::to_string(list.tools.size()) + " tools (" + speaks + ")", ""};
}

}  // namespace holdfast::apps
