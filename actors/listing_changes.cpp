#include "actors/listing_changes.hpp"

#include <algorithm>

namespace holdfast::actors {
namespace {

bool same(const std::vector<listing::entry>& a, const std::vector<listing::entry>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.key == y.key && x.raw == y.raw; });
}

}  // namespace

list_kinds what_changed(const listing_ptr& before, const listing& after) {
  static const listing nothing;
  const auto& b = before ? *before : nothing;
  return {!same(b.tools, after.tools), !same(b.prompts, after.prompts),
          !same(b.resources, after.resources) || !same(b.templates, after.templates)};
}

bool is_news(const listing_ptr& before, const listing& after) {
  return !before || what_changed(before, after).any() || before->capabilities != after.capabilities ||
         before->instructions != after.instructions || before->revision != after.revision;
}

std::uint32_t whole(const list_digests& d) {
  std::uint32_t sum = 0;
  for (const auto one : d) sum = sum * 31 + one;
  return std::max<std::uint32_t>(1, sum);
}

}  // namespace holdfast::actors
