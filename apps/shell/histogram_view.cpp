#include "apps/shell/histogram_view.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/shell/quantities.hpp"

namespace holdfast::apps {
namespace {

constexpr std::size_t bar_width = 40, bound_width = 10;

std::string bound(const bucket& b) { return std::isinf(b.le) ? "above" : "≤ " + shown_duration(b.le / 1'000); }

}  // namespace

std::vector<bucket> buckets_of(const json_value& histogram) {
  std::vector<bucket> all;
  const auto& buckets = member(histogram, "buckets");
  if (!buckets.IsArray()) return all;
  for (const auto& b : buckets.GetArray()) {
    const auto& le = member(b, "le");
    all.push_back({le.IsNumber() ? le.GetDouble() : std::numeric_limits<double>::infinity(),
                   static_cast<std::uint64_t>(number_of(b, "count"))});
  }
  return all;
}

std::string shown_quantile(const std::vector<bucket>& buckets, double q) {
  std::uint64_t total = 0;
  for (const auto& b : buckets) total += b.count;
  const auto wanted = q * static_cast<double>(total);
  std::uint64_t seen = 0;
  for (const auto& b : buckets) {
    seen += b.count;
    if (b.count > 0 && static_cast<double>(seen) >= wanted) return bound(b);
  }
  return "-";
}

void print_bars(std::ostream& out, const std::vector<bucket>& buckets) {
  const auto counted = [](const bucket& b) { return b.count > 0; };
  const auto first = std::find_if(buckets.begin(), buckets.end(), counted);
  const auto last = std::find_if(buckets.rbegin(), buckets.rend(), counted).base();
  std::uint64_t most = 1;
  for (const auto& b : buckets) most = std::max(most, b.count);
  for (auto b = first; b < last; ++b) {
    const auto name = bound(*b);
    // "≤" is three bytes and one column.
    const auto columns = name.size() - (std::isinf(b->le) ? 0 : 2);
    out << "  " << std::string(columns < bound_width ? bound_width - columns : 0, ' ') << name << "  ";
    const auto width = (b->count * bar_width + most - 1) / most;
    for (std::uint64_t i = 0; i < width; ++i) out << "█";
    out << (width > 0 ? " " : "") << b->count << '\n';
  }
}

}  // namespace holdfast::apps
