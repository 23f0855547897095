#include "transport/mcp/input_schema.hpp"

// Its expressions are not those of JSON Schema, and one that it cannot read ends the process.
#define RAPIDJSON_SCHEMA_USE_INTERNALREGEX 0
#define RAPIDJSON_SCHEMA_USE_STDREGEX 0
#include <rapidjson/document.h>
#include <rapidjson/pointer.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace holdfast::mcp {
namespace {

using rapidjson::Document;
using rapidjson::Value;

constexpr std::size_t schema_bytes_max = 256u << 10, alternatives_max = 1000;
constexpr std::array<const char*, 4> maps{"properties", "patternProperties", "definitions", "$defs"};
constexpr std::array<const char*, 3> lists{"allOf", "anyOf", "oneOf"};
constexpr std::array<const char*, 3> singles{"not", "items", "additionalProperties"};

template <class V>
V* member_of(V& object, const char* name) {
  return object.HasMember(name) ? &object[name] : nullptr;
}

/// `f` for each schema right below this one.
template <class F>
void each_below(Value& schema, F f) {
  for (const auto* name : maps) {
    if (auto* map = member_of(schema, name); map != nullptr && map->IsObject())
      for (rapidjson::SizeType i = 0; i < map->MemberCount(); ++i) f((map->MemberBegin() + static_cast<int>(i))->value);
  }
  for (const auto* name : lists) {
    if (auto* list = member_of(schema, name); list != nullptr && list->IsArray())
      for (auto& element : list->GetArray()) f(element);
  }
  for (const auto* name : singles) {
    auto* one = member_of(schema, name);
    if (one == nullptr) continue;
    if (!one->IsArray()) {
      f(*one);
    } else {
      for (auto& element : one->GetArray()) f(element);
    }
  }
}

/// RapidJSON takes a fragment only if everything in it that could be encoded is.
std::string encoded_fragment(std::string_view text) {
  constexpr std::string_view plain = "#/%-._~", digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || plain.find(c) != plain.npos) {
      out += c;
    } else {
      out.append("%").append(1, digits[u >> 4]).append(1, digits[u & 15]);
    }
  }
  return out;
}

/// Says in the words of draft 4 what later drafts have others for.
void adapt(Value& schema, Document::AllocatorType& memory) {
  if (!schema.IsObject()) return;
  if (auto* const ref = member_of(schema, "$ref"); ref != nullptr && ref->IsString()) {
    const auto text = encoded_fragment({ref->GetString(), ref->GetStringLength()});
    if (text.starts_with('#')) ref->SetString(text.data(), static_cast<rapidjson::SizeType>(text.size()), memory);
  }
  if (const auto* const type = member_of(schema, "type"); type != nullptr && !type->IsString() && !type->IsArray())
    schema.RemoveMember("type");
  // Without its expressions nobody knows which properties are additional ones.
  if (schema.HasMember("patternProperties")) schema.RemoveMember("additionalProperties");
  for (const auto& [bound, exclusive] : {std::pair{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}}) {
    auto* const open = member_of(schema, exclusive);
    if (open == nullptr || !open->IsNumber()) continue;
    Value limit(*open, memory);
    open->SetBool(true);
    auto* const closed = member_of(schema, bound);
    if (closed == nullptr) {
      schema.AddMember(rapidjson::StringRef(bound), limit, memory);
      continue;
    }
    const auto is_lower = std::string_view(bound) == "minimum";
    const auto tighter = closed->IsNumber() &&
                         (is_lower ? closed->GetDouble() > limit.GetDouble() : closed->GetDouble() < limit.GetDouble());
    if (tighter) {
      open->SetBool(false);
    } else {
      *closed = limit;
    }
  }
  if (const auto* const one = member_of(schema, "const"); one != nullptr && !schema.HasMember("enum")) {
    Value only(rapidjson::kArrayType);
    only.PushBack(Value(*one, memory), memory);
    schema.AddMember("enum", only, memory);
  }
  each_below(schema, [&](Value& below) { adapt(below, memory); });
}

/// How many schemas are applied to one and the same value; too many count as `alternatives_max`, and so do those that
/// come back to themselves.
class breadth {
 public:
  explicit breadth(const Document& whole) : whole_(whole) {}

  std::size_t of(const Value& schema) {
    if (!schema.IsObject()) return 1;
    const auto [known, is_new] = known_.try_emplace(&schema, alternatives_max);
    if (!is_new) return known->second;
    std::size_t sum = 1;
    const auto add = [&](const Value& part) { sum = std::min(alternatives_max, sum + of(part)); };
    const auto* const ref = member_of(schema, "$ref");
    if (ref != nullptr && ref->IsString() && ref->GetStringLength() > 0 && ref->GetString()[0] == '#') {
      const rapidjson::Pointer to(ref->GetString(), ref->GetStringLength());
      if (const auto* const target = to.IsValid() ? to.Get(whole_) : nullptr) add(*target);
    }
    for (const auto* name : lists) {
      const auto* const list = member_of(schema, name);
      if (list == nullptr || !list->IsArray()) continue;
      for (const auto& part : list->GetArray()) add(part);
    }
    if (const auto* const no = member_of(schema, "not")) add(*no);
    if (const auto* const more = member_of(schema, "dependencies"); more != nullptr && more->IsObject())
      for (const auto& m : more->GetObject()) add(m.value);
    return known_[&schema] = sum;
  }

 private:
  const Document& whole_;
  std::unordered_map<const Value*, std::size_t> known_;
};

/// Whatever looks like a schema in it: RapidJSON reads every object as one.
bool is_bounded(const Value& v, breadth& b) {
  if (v.IsArray()) {
    for (const auto& element : v.GetArray()) {
      if (!is_bounded(element, b)) return false;
    }
  }
  if (!v.IsObject()) return true;
  if (b.of(v) >= alternatives_max) return false;
  for (const auto& m : v.GetObject()) {
    if (!is_bounded(m.value, b)) return false;
  }
  return true;
}

template <class Pointer>
std::string text_of(const Pointer& p, bool as_fragment) {
  rapidjson::StringBuffer text;
  if (as_fragment) {
    p.StringifyUriFragment(text);
  } else {
    p.Stringify(text);
  }
  return {text.GetString(), text.GetSize()};
}

}  // namespace

std::optional<schema_fault> check_against(raw_json schema, raw_json value) {
  if (schema.size() > schema_bytes_max || !is_object(schema)) return std::nullopt;
  Document rules, checked;
  rules.Parse(schema.data(), schema.size());
  checked.Parse(value.data(), value.size());
  if (rules.HasParseError() || checked.HasParseError()) return std::nullopt;
  adapt(rules, rules.GetAllocator());
  breadth b(rules);
  if (!is_bounded(rules, b)) return std::nullopt;
  const rapidjson::SchemaDocument compiled(rules);
  rapidjson::SchemaValidator validator(compiled);
  if (checked.Accept(validator)) return std::nullopt;
  return schema_fault{text_of(validator.GetInvalidDocumentPointer(), false), validator.GetInvalidSchemaKeyword(),
                      text_of(validator.GetInvalidSchemaPointer(), true)};
}

}  // namespace holdfast::mcp
