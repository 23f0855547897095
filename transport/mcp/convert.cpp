#include "transport/mcp/convert.hpp"

namespace holdfast::mcp {
namespace {

// The revisions by what they brought.
constexpr revision with_audio = revision::r2025_03_26;
constexpr revision with_resource_links = revision::r2025_06_18;
constexpr revision with_structured_content = revision::r2025_06_18;
constexpr revision with_elicitation = revision::r2025_06_18;
constexpr revision with_url_elicitation = revision::r2025_11_25;
constexpr revision with_selections = revision::r2025_11_25;
constexpr revision with_sampling_tools = revision::r2025_11_25;

using refusable = boost::system::result<void, std::string>;

bool has(raw_json object, std::string_view name) { return member(object, name).data() != nullptr; }

std::string text_of(raw_json object, std::string_view name) {
  return string_value(member(object, name)).value_or(std::string());
}

std::string text_block(std::string_view text, raw_json annotations = {}) {
  std::string block = R"({"type":"text","text":)" + quote(text);
  if (annotations.data() != nullptr) block.append(R"(,"annotations":)").append(annotations);
  return block + "}";
}

std::string convert_block(revision to, raw_json block) {
  const std::string type = text_of(block, "type");
  if (type == "resource_link" && to < with_resource_links) {
    const std::string name = text_of(block, "name");
    const std::string uri = text_of(block, "uri");
    return text_block(name.empty() ? uri : name + ": " + uri, member(block, "annotations"));
  }
  if (type == "audio" && to < with_audio) {
    const std::string media_type = text_of(block, "mimeType");
    return text_block("[audio content" + (media_type.empty() ? "" : " of type " + media_type) +
                          " left out: protocol revision " + std::string(to_string(to)) + " has none]",
                      member(block, "annotations"));
  }
  return std::string(block);
}

// What is no array stays as it is.
template <class Function>
std::string with_each_element(raw_json array, Function&& converted) {
  const auto found = elements(array);
  if (!found) return std::string(array);
  std::string rebuilt = "[";
  for (const raw_json element : *found) {
    if (rebuilt.size() > 1) rebuilt += ',';
    rebuilt += converted(element);
  }
  return rebuilt + "]";
}

// The member is absent, or an array without elements.
bool lacks_elements(raw_json array) {
  if (array.data() == nullptr) return true;
  const auto found = elements(array);
  return found && found->empty();
}

template <class Function>
std::string with_member_converted(raw_json object, std::string_view name, Function&& converted) {
  const raw_json value = member(object, name);
  return value.data() == nullptr ? std::string(object) : with_member(object, name, converted(value));
}

std::string without_members(raw_json object, std::initializer_list<std::string_view> names) {
  std::string kept(object);
  for (const std::string_view name : names) {
    if (has(kept, name)) kept = with_member(kept, name, {});
  }
  return kept;
}

std::string convert_call_result(revision to, raw_json raw_result) {
  const auto convert_content = [to](raw_json content) {
    return with_each_element(content, [to](raw_json block) { return convert_block(to, block); });
  };
  std::string result = with_member_converted(raw_result, "content", convert_content);
  const raw_json structured = member(raw_result, "structuredContent");
  if (structured.data() == nullptr || to >= with_structured_content) return result;
  if (lacks_elements(member(raw_result, "content"))) {
    result = with_member(result, "content", "[" + text_block(structured) + "]");
  }
  return without_members(result, {"structuredContent"});
}

std::string convert_prompt_result(revision to, raw_json raw_result) {
  const auto convert_message = [to](raw_json message) {
    return with_member_converted(message, "content", [to](raw_json block) { return convert_block(to, block); });
  };
  return with_member_converted(raw_result, "messages",
                               [&](raw_json messages) { return with_each_element(messages, convert_message); });
}

refusable sampling_block_can_be_shown(revision client, raw_json block) {
  const std::string type = text_of(block, "type");
  if ((type == "tool_use" || type == "tool_result") && client < with_sampling_tools) {
    return "sampling with tools needs a client of revision 2025-11-25";
  }
  if (type == "audio" && client < with_audio) return "audio content needs a client of revision 2025-03-26";
  return {};
}

refusable sampling_can_be_asked(revision client, raw_json params) {
  if (client < with_sampling_tools && (has(params, "tools") || has(params, "toolChoice"))) {
    return "sampling with tools needs a client of revision 2025-11-25";
  }
  const auto messages = elements(member(params, "messages"));
  if (!messages) return "sampling/createMessage needs an array of messages";
  for (const raw_json message : *messages) {
    const raw_json content = member(message, "content");
    const auto blocks = elements(content);
    if (blocks && client < with_sampling_tools) {
      return "sampling with several content blocks in a message needs a client of revision 2025-11-25";
    }
    for (const raw_json block : blocks ? *blocks : std::vector<raw_json>{content}) {
      if (auto shown = sampling_block_can_be_shown(client, block); !shown) return shown;
    }
  }
  return {};
}

refusable elicitation_can_be_asked(revision client, raw_json params) {
  if (client < with_elicitation) return "elicitation needs a client of revision 2025-06-18";
  if (client >= with_selections && client >= with_url_elicitation) return {};
  if (has(params, "mode") && text_of(params, "mode") != "form") {
    return "elicitation in another mode than form needs a client of revision 2025-11-25";
  }
  for (const auto& [name, schema] : members(member(member(params, "requestedSchema"), "properties"))) {
    if (text_of(schema, "type") == "array") {
      return "a choice of several values (" + name + ") needs a client of revision 2025-11-25";
    }
    if (has(schema, "oneOf") || has(schema, "anyOf")) {
      return "a choice of values with titles (" + name + ") needs a client of revision 2025-11-25";
    }
  }
  return {};
}

}  // namespace

bool needs_conversion(method m, revision to) noexcept {
  switch (m) {
    case method::tools_list: return true;
    case method::tools_call: return to < with_structured_content || to < with_resource_links;
    case method::prompts_get: return to < with_resource_links;
    default: return false;
  }
}

std::string convert_result(method m, revision to, raw_json raw_result) {
  if (!needs_conversion(m, to)) return std::string(raw_result);
  if (m == method::tools_call) return convert_call_result(to, raw_result);
  if (m == method::prompts_get) return convert_prompt_result(to, raw_result);
  return with_member_converted(raw_result, "tools", [to](raw_json tools) {
    return with_each_element(tools, [to](raw_json tool) { return convert_tool(to, tool); });
  });
}

std::string convert_tool(revision to, raw_json tool) {
  return to < with_structured_content ? without_members(tool, {"outputSchema", "execution"})
                                      : without_members(tool, {"execution"});
}

refusable can_be_asked(method m, revision client, raw_json params) {
  switch (m) {
    case method::sampling_create_message: return sampling_can_be_asked(client, params);
    case method::elicitation_create: return elicitation_can_be_asked(client, params);
    case method::roots_list:
    case method::ping: return {};
    default: return "a client has no such method";
  }
}

}  // namespace holdfast::mcp
