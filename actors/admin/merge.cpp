#include "actors/admin/merge.hpp"

#include <algorithm>
#include <utility>

#include "actors/admin/json.hpp"

namespace holdfast::actors::admin {

reply with_unreachable(reply done) {
  return [done = std::move(done)](answer a) {
    if (auto* const json = std::get_if<std::string>(&a)) *json = mcp::with_member(*json, "unreachable", "[]");
    done(std::move(a));
  };
}

answer only_one(const parts& p, std::string_view title) {
  std::vector<std::string> ids;
  std::string found;
  for (const auto& each : p.all) {
    for (const auto raw : list_of(each.json, "matches")) ids.push_back(mcp::string_value(raw).value_or(std::string()));
    const auto has = mcp::member(each.json, "answer");
    if (mcp::is_object(has)) found = has;
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (ids.size() > 1) return problem{409, "More than one id begins so", {}, ids, p.unreachable};
  if (!found.empty()) return mcp::with_member(found, "unreachable", json_texts(p.unreachable));
  if (!p.problems.empty()) return p.problems.front();
  return problem{
      404, std::string(title), p.unreachable.empty() ? "" : "Not all nodes could be asked", {}, p.unreachable};
}

}  // namespace holdfast::actors::admin
