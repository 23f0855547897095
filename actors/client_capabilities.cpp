#include "actors/client_capabilities.hpp"

namespace holdfast::actors {

capability_set capability_set::of(mcp::raw_json capabilities) {
  const auto sampling = mcp::member(capabilities, "sampling");
  const auto elicitation = mcp::member(capabilities, "elicitation");
  capability_set c;
  c.sampling = mcp::is_object(sampling);
  c.sampling_tools = mcp::is_object(mcp::member(sampling, "tools"));
  if (mcp::is_object(elicitation)) {
    c.elicitation_url = mcp::is_object(mcp::member(elicitation, "url"));
    c.elicitation_form = mcp::is_object(mcp::member(elicitation, "form")) || !c.elicitation_url;
  }
  c.roots = mcp::is_object(mcp::member(capabilities, "roots"));
  return c;
}

std::string capability_set::to_json() const {
  std::string out;
  const auto add = [&](std::string_view text) { (out += out.empty() ? "" : ",") += text; };
  if (sampling) add(sampling_tools ? R"("sampling":{"tools":{}})" : R"("sampling":{})");
  if (elicitation_form && elicitation_url) add(R"("elicitation":{"form":{},"url":{}})");
  if (elicitation_form && !elicitation_url) add(R"("elicitation":{})");
  if (!elicitation_form && elicitation_url) add(R"("elicitation":{"url":{}})");
  if (roots) add(R"("roots":{"listChanged":true})");
  return "{" + out + "}";
}

bool capability_set::covers(mcp::method m, mcp::raw_json params) const {
  switch (m) {
    case mcp::method::sampling_create_message:
      return sampling && (sampling_tools || mcp::member(params, "tools").data() == nullptr);
    case mcp::method::elicitation_create:
      return mcp::member(params, "mode") == R"("url")" ? elicitation_url : elicitation_form;
    case mcp::method::roots_list: return roots;
    default: return false;
  }
}

}  // namespace holdfast::actors
