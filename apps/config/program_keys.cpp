#include "apps/config/program_keys.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "apps/config/text_file.hpp"
#include "apps/config/upstream_keys.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using transport::program_set;
using transport::program_tool;
namespace fs = std::filesystem;

constexpr std::uint64_t kib = 1u << 10, gib = 1u << 30, tib = 1ull << 40;
constexpr std::size_t name_bytes_max = 64, folders_max = 1000;
constexpr const char* manifest_name = "tool.yaml";

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-' ||
           c == '.';
  };
  return !text.empty() && text.size() <= name_bytes_max && std::all_of(text.begin(), text.end(), fits);
}

void read_name(const value& v, std::string& out) {
  const auto text = v.text();
  if (!text) return;
  if (!is_name(*text)) return v.wrong("must be 1 to 64 letters, digits, `_`, `-` or `.`");
  out = *text;
}

void read_version(const value& v, std::string& out) {
  if (const auto text = v.text(); text && text->empty()) return out.clear();
  read_name(v, out);
}

/// A JSON Schema of an object, as the tool's clients see it.
void read_schema(const value& v, std::string& out) {
  if (!v.is_map()) return v.wrong("must be a JSON Schema of an object: {type: object, properties: {…}}");
  out = v.json();
  const auto type = mcp::member(out, "type");
  if (type.data() == nullptr) out = mcp::with_member(out, "type", "\"object\"");
  if (type.data() != nullptr && type != "\"object\"") v.wrong("must have the type object");
}

void read_needs(const value& v, program_draft& d) {
  static const keys<program_draft> table = {
      texts<program_draft>(
          "programs", [](program_draft & t) -> auto& { return t.tool.needs; }),
      texts<program_draft>("tools", &program_draft::needed_tools),
  };
  read_section(v, d, table);
}

/// The tool whose folder this is; nothing if it has no manifest.
void read_manifest(const value& folder, const fs::path& place, program_set_draft& d) {
  const auto file = place / manifest_name;
  std::error_code error;
  if (!fs::exists(file, error)) return;
  const auto text = read_text_file(file);
  if (!text) return folder.wrong(file.string() + " " + text.error());
  const auto whole = folder.read_further(*text, file.string());
  if (!whole) return;
  program_draft tool;
  tool.name = place.filename().string();
  tool.tool.command.directory = fs::absolute(place, error).lexically_normal().string();
  tool.where.emplace(*whole);
  if (!whole->is_map()) return whole->wrong("must be a map with a `command`");
  read_section(*whole, tool, program_keys());
  if (!is_name(tool.name)) return folder.wrong(file.string() + ": must have a `name`, as its folder's name is none");
  d.tools.push_back(std::move(tool));
}

void read_folder(const value& v, program_set_draft& d) {
  const auto text = v.text();
  if (!text || text->empty()) return;
  std::error_code error;
  std::vector<fs::path> places;
  for (fs::directory_iterator at(*text, error), end; !error && at != end; at.increment(error)) {
    if (at->is_directory(error)) places.push_back(at->path());
  }
  if (error) return v.wrong("cannot be read: " + error.message());
  if (places.size() > folders_max) return v.wrong("holds more than 1000 folders");
  std::sort(places.begin(), places.end());
  for (const auto& place : places) read_manifest(v, place, d);
}

void read_tools(const value& v, program_set_draft& d) {
  v.members([&](const std::string& name, const value& member) {
    program_draft tool;
    tool.name = name;
    tool.where.emplace(member);
    if (!is_name(name)) return member.wrong_key("must be 1 to 64 letters, digits, `_`, `-` or `.`");
    if (!member.is_map()) return member.wrong("must be a map with a `command`");
    read_section(member, tool, program_keys());
    d.tools.push_back(std::move(tool));
  });
}

std::string entry_of(const program_draft& d, const std::string& name, const std::vector<std::string>& versions) {
  std::string out = R"({"name":)" + mcp::quote(name);
  if (!d.title.empty()) out += R"(,"title":)" + mcp::quote(d.title);
  if (!d.description.empty()) out += R"(,"description":)" + mcp::quote(d.description);
  out += R"(,"inputSchema":)" + (d.schema.empty() ? R"({"type":"object"})" : d.schema);
  out += std::string(R"(,"annotations":{"readOnlyHint":)") + (d.read_only ? "true" : "false");
  out += std::string(R"(,"idempotentHint":)") + (d.idempotent ? "true}" : "false}");
  if (d.tool.version.empty()) return out + "}";
  out += R"(,"_meta":{"holdfast/version":)" + mcp::quote(d.tool.version) + R"(,"holdfast/versions":[)";
  for (std::size_t i = 0; i < versions.size(); ++i) out += (i > 0 ? "," : "") + mcp::quote(versions[i]);
  return out + "]}}";
}

program_tool finished(const program_draft& d, const std::string& name, const std::vector<std::string>& versions) {
  auto tool = d.tool;
  tool.name = name;
  tool.entry = entry_of(d, name, versions);
  tool.command.memory_bytes_max = d.memory_max;
  return tool;
}

/// All versions of one tool: under its name the default one, and each under `name@version`.
void add_versions(const value& whole, const std::string& name, const std::vector<const program_draft*>& all,
                  program_set& out) {
  std::vector<std::string> versions;
  for (const auto* d : all) versions.push_back(d->tool.version);
  if (all.size() == 1) return out.tools.push_back(finished(*all[0], name, versions));
  const auto wrong = [&](const std::string& words) { whole.wrong_key("has several tools " + in_quotes(name) + words); };
  if (std::set(versions.begin(), versions.end()).size() < all.size())
    return wrong("; each must have a `version` of its own");
  const auto is_default = [](const program_draft* d) { return d->is_default; };
  if (std::count_if(all.begin(), all.end(), is_default) != 1)
    return wrong("; exactly one of them must be `default: true`");
  const auto* const chosen = *std::find_if(all.begin(), all.end(), is_default);
  out.tools.push_back(finished(*chosen, name, versions));
  for (const auto* d : all) out.tools.push_back(finished(*d, name + "@" + d->tool.version, versions));
}

}  // namespace

const keys<program_draft>& program_keys() {
  using T = program_draft;
  static const keys<T> table = {
      {"name", [](const value& v, T& d) { read_name(v, d.name); }, {}},
      {"version", [](const value& v, T& d) { read_version(v, d.tool.version); }, {}},
      flag<T>("default", &T::is_default),
      text<T>("title", &T::title),
      text<T>("description", &T::description),
      {"input", [](const value& v, T& d) { read_schema(v, d.schema); }, {}},
      text<T>(
          "command", [](T & d) -> auto& { return d.tool.command.command; }),
      texts<T>(
          "args", [](T & d) -> auto& { return d.tool.command.args; }),
      {"env", [](const value& v, T& d) { read_variables(v, d.tool.command.env); }, {}},
      {"env_pass", [](const value& v, T& d) { read_variable_names(v, d.tool.command.env_pass); }, {}},
      text<T>(
          "cwd", [](T & d) -> auto& { return d.tool.command.directory; }),
      duration<T>(
          "timeout", [](T & d) -> auto& { return d.tool.timeout; }, 1ms, 24h),
      size<T>("memory_max", &T::memory_max, 0, tib),
      size<T>(
          "output_max", [](T & d) -> auto& { return d.tool.output_bytes_max; }, kib, gib),
      number<T>(
          "warm", [](T & d) -> auto& { return d.tool.warm; }, 0, 1000),
      flag<T>(
          "stateful", [](T & d) -> auto& { return d.tool.stateful; }),
      flag<T>("read_only", &T::read_only),
      flag<T>("idempotent", &T::idempotent),
      {"needs", read_needs, {"programs", "tools"}},
  };
  return table;
}

const keys<program_set_draft>& program_set_keys() {
  using T = program_set_draft;
  static const keys<T> table = {
      {"folder", read_folder, {}},
      {"tools", read_tools, {}},
      number<T>(
          "processes_max", [](T & d) -> auto& { return d.set.processes_max; }, 1, 10'000),
      text<T>(
          "locale", [](T & d) -> auto& { return d.set.locale; }),
  };
  return table;
}

program_set finish_programs(const value& whole, program_set_draft d) {
  std::map<std::string, std::vector<const program_draft*>> by_name;
  std::vector<std::string> order;
  for (const auto& t : d.tools) {
    if (t.tool.command.command.empty()) t.where->wrong_key("must have a `command`");
    if (by_name[t.name].empty()) order.push_back(t.name);
    by_name[t.name].push_back(&t);
  }
  if (d.tools.empty()) whole.wrong_key("has no tools; must have some in `tools`, or a `folder` with their folders");
  for (const auto& t : d.tools) {
    for (const auto& other : t.needed_tools) {
      if (by_name.count(other) == 0) t.where->wrong_key("needs the tool " + in_quotes(other) + ", which is not there");
    }
  }
  for (const auto& name : order) add_versions(whole, name, by_name[name], d.set);
  return std::move(d.set);
}

}  // namespace holdfast::apps
