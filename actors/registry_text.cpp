#include "actors/registry_text.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "actors/text_writer.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::actors {
namespace {

constexpr int format = 1;

}  // namespace

std::string to_json(const registry_record& r, std::string_view by) {
  std::string all;
  for (const auto& [name, u] : r) {
    if (!all.empty()) all += ',';
    text_writer::object(all)
        .text("name", name)
        .raw("definition", u.definition)
        .raw("disabled", u.enabled ? "" : "true")
        .end();
  }
  return R"({"v":)" + std::to_string(format) + R"(,"by":)" + mcp::quote(by) + R"(,"upstreams":[)" + all + "]}";
}

std::optional<registry_record> read_registry(std::string_view json) {
  // The whole text must be well-formed before a member is looked for.
  if (!mcp::is_object(json) || !mcp::elements("[" + std::string(json) + "]")) return std::nullopt;
  if (mcp::integer_value(mcp::member(json, "v")).value_or(0) != format) return std::nullopt;
  const auto all = mcp::elements(mcp::member(json, "upstreams"));
  if (!all) return std::nullopt;
  registry_record r;
  for (const auto raw : *all) {
    auto name = mcp::is_object(raw) ? mcp::string_value(mcp::member(raw, "name")).value_or("") : std::string();
    if (name.empty()) continue;
    const auto definition = mcp::member(raw, "definition");
    r[std::move(name)] = {mcp::is_object(definition) ? std::string(definition) : std::string(),
                          mcp::member(raw, "disabled") != "true"};
  }
  return r;
}

resolved_upstreams resolve(const std::vector<upstream_config>& configured, const registry_record& r,
                           const upstream_reader& read) {
  resolved_upstreams out;
  const auto add = [&](const std::string& name, const registered_upstream& u, const upstream_config* own) {
    if (u.definition.empty() && own == nullptr) {
      out.problems[name] = "it is registered without a definition, and this node's configuration has none";
      return;
    }
    auto config = u.definition.empty() ? transport::outcome<upstream_config>(*own) : read(name, u.definition);
    if (!config) {
      out.problems[name] = config.error().detail;
      return;
    }
    config->enabled = config->enabled && u.enabled;
    out.all.push_back(std::move(*config));
  };
  for (const auto& c : configured) {
    const auto found = r.find(name_of(c));
    if (found == r.end()) {
      out.all.push_back(c);
    } else {
      add(found->first, found->second, &c);
    }
  }
  for (const auto& [name, u] : r) {
    const auto is_it = [&sought = name](const auto& c) { return name_of(c) == sought; };
    if (std::none_of(configured.begin(), configured.end(), is_it)) add(name, u, nullptr);
  }
  std::set<std::string> common;
  for (const auto& c : out.all) {
    if (c.user.empty()) common.insert(c.alias);
  }
  std::erase_if(out.all, [&](const auto& c) {
    if (c.user.empty() || !common.contains(c.alias)) return false;
    out.problems[name_of(c)] = "everybody has an upstream of this alias";
    return true;
  });
  return out;
}

}  // namespace holdfast::actors
