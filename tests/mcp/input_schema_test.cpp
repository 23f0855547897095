#include "transport/mcp/input_schema.hpp"

#include <doctest/doctest.h>

using namespace holdfast::mcp;

namespace {

std::string fault(raw_json schema, raw_json value) {
  const auto f = check_against(schema, value);
  return f ? f->path + " " + f->keyword + " " + f->rule : std::string();
}

}  // namespace

TEST_CASE("a value that does not fit is told by its path, the keyword and the rule") {
  constexpr raw_json schema =
      R"({"type":"object","required":["n"],"additionalProperties":false,
          "properties":{"n":{"type":"integer","minimum":0},"list":{"type":"array","items":{"enum":["a","b"]}}}})";
  CHECK(fault(schema, R"({"n":1,"list":["a","b"]})").empty());
  CHECK(fault(schema, R"({})") == " required #");
  CHECK(fault(schema, R"({"n":-1})") == "/n minimum #/properties/n");
  CHECK(fault(schema, R"({"n":"1"})") == "/n type #/properties/n");
  CHECK(fault(schema, R"({"n":1,"list":["a","c"]})") == "/list/1 enum #/properties/list/items");
  CHECK(fault(schema, R"({"n":1,"m":2})") == "/m additionalProperties #");
}

TEST_CASE("some of later drafts is understood") {
  CHECK(fault(R"({"properties":{"n":{"exclusiveMinimum":3}}})", R"({"n":3})") == "/n minimum #/properties/n");
  CHECK(fault(R"({"properties":{"n":{"exclusiveMinimum":3,"minimum":5}}})", R"({"n":5})").empty());
  CHECK(fault(R"({"properties":{"n":{"exclusiveMaximum":3}}})", R"({"n":2.5})").empty());
  CHECK(fault(R"({"properties":{"k":{"const":"x"}}})", R"({"k":"y"})") == "/k enum #/properties/k");
  CHECK(fault(R"({"properties":{"const":{"type":"string"}}})", R"({"const":"y"})").empty());
  constexpr raw_json tree =
      R"({"$defs":{"t":{"type":"object","properties":{"c":{"$ref":"#/$defs/t"}},"required":["v"]}},
          "properties":{"t":{"$ref":"#/$defs/t"}}})";
  CHECK(fault(tree, R"({"t":{"v":1,"c":{"v":2}}})").empty());
  CHECK(fault(tree, R"({"t":{"v":1,"c":{}}})") == "/t/c required #/%24defs/t");
}

TEST_CASE("a schema that is none, or has no end, refuses nothing") {
  for (const auto* schema :
       {R"({"$ref":"#"})", R"({"allOf":[{"$ref":"#"}]})", R"({"a":{"$ref":"#/b"},"b":{"$ref":"#/a"},"$ref":"#/a"})",
        R"({"type":7,"required":3,"properties":[],"items":1,"enum":{},"multipleOf":0,"pattern":"("})",
        R"({"$ref":"http://elsewhere/x"})", "true", "[]", R"({"not":{"$ref":"#"}})"})
    CHECK(std::string(schema) + fault(schema, R"({"x":[1,2.5,"s",null]})") == schema);
}

TEST_CASE("alternatives that multiply are not followed") {
  std::string schema = R"({"$ref":"#/d0")";
  for (int i = 0; i < 40; ++i) {
    const auto next = R"({"$ref":"#/d)" + std::to_string(i + 1) + "\"}";
    schema += ",\"d" + std::to_string(i) + R"(":{"allOf":[)" + next + "," + next + "]}";
  }
  schema += R"(,"d40":{"type":"string"}})";
  CHECK(fault(schema, "{}").empty());
}
