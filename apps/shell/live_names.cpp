#include "apps/shell/live_names.hpp"

#include <chrono>

#include "apps/commands/options.hpp"
#include "apps/shell/console.hpp"
#include "apps/shell/json_view.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 1s;
constexpr std::size_t names_max = 50, stored_prefix_min = 4;
const auto most = std::to_string(names_max);

/// Where names of a kind stand: a path, the array in its answer, and the member of each element.
struct source {
  std::string path, array, name;
};

source source_of(std::string_view kind, std::string_view begin) {
  if (kind == "NODE") return {api_path({"nodes"}), "nodes", "name"};
  if (kind == "UPSTREAM") return {api_path({"upstreams"}), "upstreams", "name"};
  if (kind == "ACTOR") return {api_path({"actors"}, {{"limit", most}}), "actors", "id"};
  if (kind == "SLOT") return {api_path({"slots"}, {{"detail", "true"}}), "slots", "slot"};
  if (kind == "SESSION")
    return {api_path({"sessions"}, {{"prefix", std::string(begin)}, {"limit", most}}), "sessions", "id"};
  if (kind != "EXECUTION") return {};
  const auto dot = begin.find('.');
  if (dot == std::string_view::npos) return {api_path({"executions"}, {{"limit", most}}), "executions", "id"};
  return {api_path({"sessions", std::string(begin.substr(0, dot))}), "executions", "id"};
}

}  // namespace

std::vector<std::string> live_names::of(std::string_view kind, std::string_view begin) const {
  const auto named_at = [&](const source& from) {
    std::vector<std::string> names;
    if (from.path.empty()) return names;
    const auto answer = client_->ask("GET", from.path, patience, interruption());
    const auto json = answer && answer->status == 200 ? parse_json(answer->body) : std::nullopt;
    if (!json) return names;
    const auto& all = member(*json, from.array);
    if (!all.IsArray()) return names;
    for (const auto& each : all.GetArray()) {
      auto name = plain(member(each, from.name));
      if (names.size() < names_max && name.starts_with(begin)) names.push_back(std::move(name));
    }
    return names;
  };
  auto names = named_at(source_of(kind, begin));
  // One that is in the store only is looked for where enough of its id is there to find it.
  if (!names.empty() || kind != "SESSION" || begin.size() < stored_prefix_min) return names;
  return named_at({api_path({"sessions"}, {{"prefix", std::string(begin)}, {"where", "store"}, {"limit", most}}),
                   "sessions", "id"});
}

}  // namespace holdfast::apps
