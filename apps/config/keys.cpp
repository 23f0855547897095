#include "apps/config/keys.hpp"

#include <algorithm>

namespace holdfast::apps {
namespace {

std::string listed(const std::vector<std::string>& names, std::string_view last_joint) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? last_joint : std::string_view(", ");
    out += names[i];
  }
  return out;
}

std::string outside(const value& v, const std::string& min, const std::string& max) {
  return v.shown() + " is outside the range: must be from " + min + " to " + max;
}

}  // namespace

std::string unknown_key(const std::string& name, const std::vector<std::string>& known) {
  constexpr std::size_t listed_max = 10;
  if (const auto near = nearest(name, known)) return "is not a known key; did you mean `" + *near + "`?";
  if (known.size() <= listed_max) return "is not a known key; there are " + listed(known, " and ");
  return "is not a known key here; conf/holdfast.yaml shows all of them";
}

void read_number(const value& v, std::uint64_t& out, std::uint64_t min, std::uint64_t max) {
  const auto text = v.text();
  if (!text) return;
  const auto n = parse_count(*text);
  if (!n) return v.wrong(v.shown() + " " + n.error());
  if (*n < min || *n > max) return v.wrong(outside(v, std::to_string(min), std::to_string(max)));
  out = *n;
}

void read_size(const value& v, std::uint64_t& out, std::uint64_t min, std::uint64_t max) {
  const auto text = v.text();
  if (!text) return;
  const auto n = parse_size(*text);
  if (!n) return v.wrong(v.shown() + " " + n.error());
  if (*n < min || *n > max) return v.wrong(outside(v, size_text(min), size_text(max)));
  out = *n;
}

void read_duration(const value& v, std::chrono::milliseconds& out, std::chrono::milliseconds min,
                   std::chrono::milliseconds max) {
  const auto text = v.text();
  if (!text) return;
  const auto d = parse_duration(*text);
  if (!d) return v.wrong(v.shown() + " " + d.error());
  if (*d < min || *d > max) return v.wrong(outside(v, duration_text(min), duration_text(max)));
  out = *d;
}

void read_flag(const value& v, bool& out) {
  if (const int i = read_choice(v, {"false", "true"}); i >= 0) out = i == 1;
}

void read_text(const value& v, std::string& out) {
  if (auto text = v.text()) out = std::move(*text);
}

void read_texts(const value& v, std::vector<std::string>& out) {
  std::vector<std::string> all;
  v.elements([&](const value& element) {
    if (auto text = element.text()) all.push_back(std::move(*text));
  });
  out = std::move(all);
}

int read_choice(const value& v, const std::vector<std::string>& names) {
  const auto text = v.text();
  if (!text) return -1;
  const auto found = std::find(names.begin(), names.end(), *text);
  if (found != names.end()) return static_cast<int>(found - names.begin());
  v.wrong(v.shown() + " must be " + listed(names, " or "));
  return -1;
}

}  // namespace holdfast::apps
