#include "transport/mcp/convert.hpp"

#include <doctest/doctest.h>

using namespace holdfast::mcp;

namespace {

constexpr auto l0 = revision::r2024_11_05;
constexpr auto l1 = revision::r2025_03_26;
constexpr auto l2 = revision::r2025_06_18;
constexpr auto l3 = revision::r2025_11_25;

std::string call_result(std::string_view block) {
  return R"({"content":[)" + std::string(block) + R"(],"isError":false})";
}

// Why a client cannot be asked; "" if it can.
std::string objection(method m, revision client, std::string_view params) {
  const auto r = can_be_asked(m, client, params);
  return r ? "" : r.error();
}

std::string form(std::string_view schema) {
  return R"({"message":"?","requestedSchema":{"type":"object","properties":{"color":)" + std::string(schema) + "}}}";
}

std::string sampling(std::string_view content) {
  return R"({"messages":[{"role":"user","content":{"type":"text","text":"a"}},{"role":"user","content":)" +
         std::string(content) + R"(}],"maxTokens":1})";
}

}  // namespace

TEST_CASE("Results that every revision reads alike need no conversion") {
  for (auto r : {l0, l1, l2, l3}) {
    for (auto m : {method::ping, method::resources_read, method::resources_list, method::completion_complete,
                   method::initialize, method::other}) {
      CHECK_FALSE(needs_conversion(m, r));
      CHECK(convert_result(m, r, R"({ "contents" : [ ] })") == R"({ "contents" : [ ] })");
    }
    CHECK(needs_conversion(method::tools_list, r));
    CHECK(needs_conversion(method::tools_call, r) == (r < l2));
    CHECK(needs_conversion(method::prompts_get, r) == (r < l2));
  }
}

TEST_CASE("A resource link becomes text before 2025-06-18") {
  const std::string link =
      call_result(R"({"type":"resource_link","uri":"file:///a\"b","name":"A","annotations":{"priority":1.0}})");
  const std::string text = call_result(R"({"type":"text","text":"A: file:///a\"b","annotations":{"priority":1.0}})");
  CHECK(convert_result(method::tools_call, l0, link) == text);
  CHECK(convert_result(method::tools_call, l1, link) == text);
  CHECK(convert_result(method::tools_call, l2, link) == link);
  CHECK(convert_result(method::tools_call, l3, link) == link);
  CHECK(convert_result(method::tools_call, l1, call_result(R"({"type":"resource_link","uri":"x:y"})")) ==
        call_result(R"({"type":"text","text":"x:y"})"));
}

TEST_CASE("Audio becomes a text note in 2024-11-05") {
  const std::string audio = call_result(R"({"type":"audio","data":"AAAA","mimeType":"audio/wav"})");
  const std::string note = convert_result(method::tools_call, l0, audio);
  const auto block = elements(member(note, "content")).value().at(0);
  CHECK(member(block, "type") == R"("text")");
  CHECK(member(block, "text").find("audio/wav") != std::string::npos);
  CHECK(member(block, "data").data() == nullptr);
  CHECK(convert_result(method::tools_call, l1, audio) == audio);
}

TEST_CASE("Other content passes unchanged, down to the digits of its numbers") {
  const std::string blocks = call_result(
      R"({"type":"image","data":"AA==","mimeType":"image/png","annotations":{"priority":0.10000000000000000001}},)"
      R"({"type":"text","text":"caf\u00e9 \/"},{"type":"resource","resource":{"uri":"a:b","text":"x"}},{"type":"new"},7)");
  for (auto r : {l0, l1, l2, l3}) CHECK(convert_result(method::tools_call, r, blocks) == blocks);
}

TEST_CASE("Structured content goes before 2025-06-18") {
  const std::string both = R"({"content":[{"type":"text","text":"x"}],"structuredContent":{"n":1}})";
  CHECK(convert_result(method::tools_call, l1, both) == R"({"content":[{"type":"text","text":"x"}]})");
  CHECK(convert_result(method::tools_call, l0, both) == R"({"content":[{"type":"text","text":"x"}]})");
  CHECK(convert_result(method::tools_call, l2, both) == both);
}

TEST_CASE("Structured content without other content becomes a text block, so that nothing is lost") {
  const std::string_view text = R"([{"type":"text","text":"{\"n\": 1.50}"}])";
  for (const char* result :
       {R"({"content":[],"structuredContent":{"n": 1.50}})", R"({"structuredContent":{"n": 1.50}})"}) {
    const std::string converted = convert_result(method::tools_call, l1, result);
    CHECK(member(converted, "content") == text);
    CHECK(member(converted, "structuredContent").data() == nullptr);
  }
}

TEST_CASE("Prompts are converted message by message") {
  const std::string prompt =
      R"({"description":"d","messages":[{"role":"user","content":{"type":"resource_link","uri":"a:b","name":"n"}},)"
      R"({"role":"assistant","content":{"type":"text","text":"t"}}]})";
  CHECK(convert_result(method::prompts_get, l1, prompt) ==
        R"({"description":"d","messages":[{"role":"user","content":{"type":"text","text":"n: a:b"}},)"
        R"({"role":"assistant","content":{"type":"text","text":"t"}}]})");
  CHECK(convert_result(method::prompts_get, l2, prompt) == prompt);
}

TEST_CASE("A tool loses its output schema before 2025-06-18 and its execution always") {
  const std::string_view tool =
      R"({"name":"t","inputSchema":{"type":"object"},"outputSchema":{"type":"object"},"execution":{"taskSupport":"optional"},"title":"T"})";
  const std::string_view newer =
      R"({"name":"t","inputSchema":{"type":"object"},"outputSchema":{"type":"object"},"title":"T"})";
  const std::string_view older = R"({"name":"t","inputSchema":{"type":"object"},"title":"T"})";
  CHECK(convert_tool(l3, tool) == newer);
  CHECK(convert_tool(l2, tool) == newer);
  CHECK(convert_tool(l1, tool) == older);
  CHECK(convert_tool(l0, tool) == older);
  CHECK(convert_tool(l0, R"({ "name" : "t" })") == R"({ "name" : "t" })");
}

TEST_CASE("A list of tools is converted tool by tool") {
  const std::string_view list =
      R"({"tools":[{"name":"a","outputSchema":{}},{"name":"b","execution":{}}],"nextCursor":"c"})";
  CHECK(convert_result(method::tools_list, l1, list) == R"({"tools":[{"name":"a"},{"name":"b"}],"nextCursor":"c"})");
  CHECK(convert_result(method::tools_list, l3, list) ==
        R"({"tools":[{"name":"a","outputSchema":{}},{"name":"b"}],"nextCursor":"c"})");
}

TEST_CASE("Results of an unexpected shape pass through") {
  for (const char* odd : {"{}", "[]", "7", R"({"content":"x"})", R"({"content":{}})", R"({"tools":7})",
                          R"({"messages":[7]})", R"({"messages":[{"content":[1]}]})"}) {
    CAPTURE(odd);
    for (auto m : {method::tools_call, method::prompts_get, method::tools_list})
      CHECK(convert_result(m, l0, odd) == odd);
  }
}

TEST_CASE("Roots and pings can be asked of any client, and nothing that is no request for a client") {
  CHECK(objection(method::roots_list, l0, "{}") == "");
  CHECK(objection(method::ping, l0, {}) == "");
  CHECK(objection(method::tools_call, l3, "{}") != "");
  CHECK(objection(method::other, l3, "{}") != "");
}

TEST_CASE("Elicitation needs a client of 2025-06-18, its url mode one of 2025-11-25") {
  const std::string plain = form(R"({"type":"string"})");
  CHECK(objection(method::elicitation_create, l1, plain).find("2025-06-18") != std::string::npos);
  CHECK(objection(method::elicitation_create, l2, plain) == "");
  const std::string_view by_url = R"({"mode":"url","url":"https://a","elicitationId":"1","message":"?"})";
  CHECK(objection(method::elicitation_create, l2, by_url).find("2025-11-25") != std::string::npos);
  CHECK(objection(method::elicitation_create, l3, by_url) == "");
  CHECK(objection(method::elicitation_create, l2, R"({"mode":"form","message":"?"})") == "");
}

TEST_CASE("Choices with titles and choices of several need a client of 2025-11-25") {
  for (const char* newer : {R"({"type":"string","oneOf":[{"const":"r","title":"Red"}]})",
                            R"({"type":"array","items":{"type":"string","enum":["r"]}})",
                            R"({"type":"array","items":{"anyOf":[{"const":"r","title":"Red"}]}})"}) {
    CAPTURE(newer);
    CHECK(objection(method::elicitation_create, l2, form(newer)).find("color") != std::string::npos);
    CHECK(objection(method::elicitation_create, l3, form(newer)) == "");
  }
  for (const char* older : {R"({"type":"string","enum":["r"],"enumNames":["Red"]})",
                            R"({"type":"boolean","default":true})", R"({"type":"integer","minimum":1})"}) {
    CAPTURE(older);
    CHECK(objection(method::elicitation_create, l2, form(older)) == "");
  }
}

TEST_CASE("Sampling with tools or several blocks needs a client of 2025-11-25, with audio one of 2025-03-26") {
  const std::string plain = sampling(R"({"type":"image","data":"","mimeType":"image/png"})");
  const std::string audio = sampling(R"({"type":"audio","data":"","mimeType":"audio/wav"})");
  const std::string several = sampling(R"([{"type":"text","text":"x"}])");
  const std::string tool_use = sampling(R"({"type":"tool_use","id":"1","name":"t","input":{}})");
  for (auto r : {l0, l1, l2, l3}) {
    CHECK(objection(method::sampling_create_message, r, plain) == "");
    CHECK((objection(method::sampling_create_message, r, audio) == "") == (r >= l1));
    CHECK((objection(method::sampling_create_message, r, several) == "") == (r >= l3));
    CHECK((objection(method::sampling_create_message, r, tool_use) == "") == (r >= l3));
    CHECK((objection(method::sampling_create_message, r, R"({"messages":[],"tools":[]})") == "") == (r >= l3));
    CHECK((objection(method::sampling_create_message, r, R"({"messages":[],"toolChoice":{}})") == "") == (r >= l3));
  }
  CHECK(objection(method::sampling_create_message, l3, R"({"messages":7})") != "");
}
