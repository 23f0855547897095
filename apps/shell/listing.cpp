#include "apps/shell/listing.hpp"

#include <algorithm>

#include "apps/commands/terminal.hpp"
#include "apps/shell/quantities.hpp"

namespace holdfast::apps {

std::string shown(const json_value& v, as how) {
  if (how == as::time && v.IsString()) return shown_time(plain(v));
  if (!v.IsNumber()) return plain(v);
  switch (how) {
    case as::bytes: return shown_bytes(v.GetDouble());
    case as::milliseconds: return shown_duration(v.GetDouble());
    case as::microseconds: return shown_duration(v.GetDouble() / 1'000);
    case as::time:
    case as::plain: break;
  }
  return plain(v);
}

void print_list(std::ostream& out, const json_value& array, std::span<const field_view> columns,
                std::size_t columns_max) {
  if (!array.IsArray() || array.Empty()) {
    out << "none\n";
    return;
  }
  std::vector<std::string> head;
  for (const auto& c : columns) head.emplace_back(c.title);
  std::vector<std::vector<std::string>> rows;
  for (const auto& each : array.GetArray()) {
    auto& row = rows.emplace_back();
    for (const auto& c : columns) row.push_back(shown(member(each, c.member), c.how));
  }
  print_table(out, head, rows, columns_max);
}

void print_facts(std::ostream& out, const json_value& object, std::span<const field_view> fields) {
  std::vector<fact> facts;
  for (const auto& f : fields) facts.emplace_back(f.title, shown(member(object, f.member), f.how));
  print_facts(out, facts);
}

void print_facts(std::ostream& out, const std::vector<fact>& facts) {
  std::size_t widest = 0;
  for (const auto& f : facts) widest = std::max(widest, f.first.size());
  for (const auto& [name, value] : facts) out << name << std::string(widest - name.size() + 2, ' ') << value << '\n';
}

void print_heading(std::ostream& out, std::string_view words) { out << '\n' << words << ":\n"; }

}  // namespace holdfast::apps
