#include "apps/shell/json_view.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

std::string written(const json_value& v) {
  rapidjson::StringBuffer out;
  rapidjson::Writer<rapidjson::StringBuffer> writer(out);
  v.Accept(writer);
  return {out.GetString(), out.GetSize()};
}

}  // namespace

std::optional<rapidjson::Document> parse_json(std::string_view text) {
  rapidjson::Document d;
  // Iterative, because the recursive parser's stack use follows the depth of the input.
  d.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  if (d.HasParseError()) return std::nullopt;
  return d;
}

const json_value& member(const json_value& of, std::string_view name) {
  static const json_value none;
  if (!of.IsObject()) return none;
  const auto found =
      of.FindMember(json_value(rapidjson::StringRef(name.data(), static_cast<rapidjson::SizeType>(name.size()))));
  return found == of.MemberEnd() ? none : found->value;
}

std::string plain(const json_value& v) {
  if (v.IsNull()) return "-";
  if (v.IsBool()) return v.GetBool() ? "yes" : "no";
  if (v.IsString()) return first_line({v.GetString(), v.GetStringLength()});
  std::string all;
  if (v.IsArray()) {
    for (const auto& each : v.GetArray()) all += (all.empty() ? "" : ", ") + plain(each);
    return all;
  }
  if (v.IsObject()) {
    for (const auto& each : v.GetObject()) all += (all.empty() ? "" : " ") + plain(each.name) + "=" + plain(each.value);
    return all;
  }
  return written(v);
}

std::string text_of(const json_value& of, std::string_view name) {
  const auto& v = member(of, name);
  return v.IsString() ? plain(v) : std::string();
}

double number_of(const json_value& of, std::string_view name) {
  const auto& v = member(of, name);
  return v.IsNumber() ? v.GetDouble() : 0;
}

}  // namespace holdfast::apps
