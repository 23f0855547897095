#include "apps/config/value.hpp"

#include <algorithm>
#include <map>

#include "apps/config/client_file.hpp"

namespace holdfast::apps {
namespace {

constexpr std::size_t shown_bytes_max = 48;

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, shown_bytes_max))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (text.size() > shown_bytes_max) out += "…";
  return out;
}

}  // namespace

std::vector<mistake> reading::all_mistakes() const {
  auto all = mistakes;
  std::stable_sort(all.begin(), all.end(), [](const mistake& a, const mistake& b) {
    return a.line != b.line ? a.line < b.line : a.column < b.column;
  });
  for (const auto& each : further) {
    const auto more = each.all_mistakes();
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

mistake syntax_mistake(const std::string& source, const YAML::Exception& e) {
  const bool known = !e.mark.is_null();
  return {source, known ? static_cast<std::size_t>(e.mark.line) + 1 : 0,
          known ? static_cast<std::size_t>(e.mark.column) + 1 : 0, "", "cannot be read: " + e.msg};
}

std::string in_quotes(std::string_view text) { return "\"" + printable(text) + "\""; }

std::optional<std::string> value::text() const {
  if (!node_.IsScalar()) {
    wrong(node_.IsNull() ? "has no value"
                         : std::string("must be a single value, not a ") + (is_map() ? "map" : "list"));
    return std::nullopt;
  }
  auto expanded = expand(node_.Scalar(), reading_->how);
  if (expanded && expanded->find('\0') == std::string::npos) return std::move(*expanded);
  wrong(expanded ? "must not hold a NUL character" : expanded.error().text);
  return std::nullopt;
}

std::string value::shown() const { return node_.IsScalar() ? in_quotes(node_.Scalar()) : std::string("this"); }

void value::members(const std::function<void(const std::string&, const value&)>& f) const {
  if (node_.IsNull()) return;
  if (!node_.IsMap()) return wrong("must be a map of keys and values");
  std::map<std::string, int> first_line;
  for (const auto& entry : node_) {
    const YAML::Mark mark = entry.first.Mark();
    if (!entry.first.IsScalar()) {
      add(mark, "has a key that is not a plain name");
      continue;
    }
    const std::string name = entry.first.Scalar();
    const std::string shown = printable(name);
    const value member(entry.second, mark, path_.empty() ? shown : path_ + "." + shown, *reading_);
    const auto [seen, fresh] = first_line.emplace(name, mark.line + 1);
    if (fresh) {
      f(name, member);
    } else {
      member.wrong_key("is given twice; the first is in line " + std::to_string(seen->second));
    }
  }
}

void value::elements(const std::function<void(const value&)>& f) const {
  if (node_.IsNull()) return;
  if (!node_.IsSequence()) return wrong("must be a list, such as [a, b]");
  std::size_t index = 0;
  for (const auto& element : node_)
    f(value(element, element.Mark(), path_ + "[" + std::to_string(index++) + "]", *reading_));
}

std::optional<value> value::read_further(std::string_view text, const std::string& source) const {
  auto& r = reading_->further.emplace_back(reading{source, reading_->how, {}, {}});
  try {
    const auto document = YAML::Load(plain_json(text));
    return value(document, document.Mark(), "", r);
  } catch (const YAML::Exception& e) {
    r.mistakes.push_back(syntax_mistake(source, e));
    return std::nullopt;
  }
}

void value::wrong(std::string text) const {
  // A value that is left out has no place of its own.
  add(node_.IsNull() || node_.Mark().is_null() ? key_mark_ : node_.Mark(), std::move(text));
}

void value::wrong_key(std::string text) const { add(key_mark_, std::move(text)); }

void value::add(YAML::Mark at, std::string text) const {
  const bool known = !at.is_null();
  reading_->mistakes.push_back({reading_->source, known ? static_cast<std::size_t>(at.line) + 1 : 0,
                                known ? static_cast<std::size_t>(at.column) + 1 : 0, path_, std::move(text)});
}

}  // namespace holdfast::apps
