#include "transport/mcp/canonical.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

namespace holdfast::mcp {
namespace {

using value = rapidjson::Document::ValueType;
using writer = rapidjson::Writer<rapidjson::StringBuffer>;

constexpr int depth_max = 64;
constexpr double exact_max = 9007199254740992.0;  // 2^53

std::string_view text_of(const value& v) { return {v.GetString(), v.GetStringLength()}; }

bool write(const value& v, writer& to, int depth);

bool write_object(const value& v, writer& to, int depth) {
  std::vector<const value::Member*> all;
  all.reserve(v.MemberCount());
  for (const auto& m : v.GetObject()) all.push_back(&m);
  const auto name = [](const value::Member* m) { return text_of(m->name); };
  std::sort(all.begin(), all.end(), [&](const auto* a, const auto* b) { return name(a) < name(b); });
  if (std::adjacent_find(all.begin(), all.end(), [&](const auto* a, const auto* b) { return name(a) == name(b); }) !=
      all.end())
    return false;
  to.StartObject();
  for (const auto* m : all) {
    to.Key(m->name.GetString(), m->name.GetStringLength());
    if (!write(m->value, to, depth)) return false;
  }
  return to.EndObject();
}

bool write(const value& v, writer& to, int depth) {
  if (depth > depth_max) return false;
  if (v.IsObject()) return write_object(v, to, depth + 1);
  if (v.IsArray()) {
    to.StartArray();
    for (const auto& e : v.GetArray()) {
      if (!write(e, to, depth + 1)) return false;
    }
    return to.EndArray();
  }
  if (v.IsDouble() && std::trunc(v.GetDouble()) == v.GetDouble() && std::abs(v.GetDouble()) <= exact_max)
    return to.Int64(static_cast<std::int64_t>(v.GetDouble()));
  return v.Accept(to);
}

}  // namespace

std::optional<std::string> canonical(raw_json raw) {
  rapidjson::Document document;
  // Iterative, because the recursive parser's stack use follows the depth of the input.
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag |
                 rapidjson::kParseFullPrecisionFlag>(raw.data(), raw.size());
  if (document.HasParseError()) return std::nullopt;
  rapidjson::StringBuffer text;
  writer to(text);
  if (!write(document, to, 0)) return std::nullopt;
  return std::string(text.GetString(), text.GetSize());
}

}  // namespace holdfast::mcp
