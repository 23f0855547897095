// Whatever an upstream answers, what an older client gets of it is JSON, holds nothing that its revision lacks, and is
// not changed by a second conversion.

#include "transport/mcp/convert.hpp"

#include "tests/fuzz/property.hpp"

using namespace holdfast::mcp;
using namespace holdfast::fuzz;

namespace {

bool is_json(std::string_view text) {
  const auto found = elements("[" + std::string(text) + "]");
  return found && found->size() == 1;
}

bool has_block(raw_json result, std::string_view type) {
  const auto content = elements(member(result, "content"));
  if (!content) return false;
  for (raw_json block : *content) {
    if (string_value(member(block, "type")) == type) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Raw values come without white space around them: the element of an array does.
  const std::string array = "[" + std::string(text_of(data, size)) + "]";
  const auto found = elements(array);
  if (!found || found->size() != 1) return 0;
  const raw_json raw = found->front();
  for (auto to : {revision::r2024_11_05, revision::r2025_03_26, revision::r2025_06_18, revision::r2025_11_25}) {
    for (auto m : {method::tools_call, method::prompts_get, method::tools_list, method::resources_read}) {
      const std::string once = convert_result(m, to, raw);
      property(is_json(once), "a converted result is JSON");
      property(convert_result(m, to, once) == once, "a second conversion changes nothing");
      property(needs_conversion(m, to) || once == raw, "what needs no conversion is not touched");
    }
    const std::string called = convert_result(method::tools_call, to, raw);
    if (to < revision::r2025_06_18) {
      property(!has_block(called, "resource_link"), "no resource link is left");
      property(member(called, "structuredContent").data() == nullptr, "no structured content is left");
    }
    property(to != revision::r2024_11_05 || !has_block(called, "audio"), "no audio is left");
    property(member(convert_tool(to, raw), "execution").data() == nullptr, "no execution is left");
    for (auto m : {method::sampling_create_message, method::elicitation_create}) {
      const auto asked = can_be_asked(m, to, raw);
      property(asked.has_value() || !asked.error().empty(), "a client is not asked for a reason");
    }
  }
  return 0;
}
