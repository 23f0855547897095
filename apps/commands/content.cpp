#include "apps/commands/content.hpp"

#include <string>

#include "apps/commands/json_text.hpp"
#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

void print_text(std::ostream& out, const std::string& text, bool to_terminal) {
  out << (to_terminal ? printable(text) : text);
  if (text.empty() || text.back() != '\n') out << '\n';
}

/// "image/png, 1234 bytes" of base64 in `data`.
std::string binary(mcp::raw_json block, std::string_view data) {
  const std::string encoded = text_member(block, data);
  const auto end = encoded.find_last_not_of('=');
  const std::size_t bytes = end == std::string::npos ? 0 : (end + 1) * 3 / 4;
  std::string type = first_line(text_member(block, "mimeType"));
  if (type.empty()) type = "unknown type";
  return type + ", " + std::to_string(bytes) + " bytes";
}

void print_block(std::ostream& out, mcp::raw_json block, bool to_terminal) {
  const std::string type = text_member(block, "type");
  if (type == "text") return print_text(out, text_member(block, "text"), to_terminal);
  if (type == "image" || type == "audio") {
    out << "[" << type << ": " << binary(block, "data") << "]\n";
  } else if (type == "resource") {
    const auto resource = mcp::member(block, "resource");
    const bool text = mcp::is_string(mcp::member(resource, "text"));
    out << "[resource: " << first_line(text_member(resource, "uri")) << (text ? "" : ", " + binary(resource, "blob"))
        << "]\n";
    if (text) print_text(out, text_member(resource, "text"), to_terminal);
  } else if (type == "resource_link") {
    out << "[link: " << first_line(text_member(block, "uri")) << "]\n";
  } else {
    out << "[" << (type.empty() ? "unknown content" : first_line(type)) << "]\n";
  }
}

}  // namespace

void print_content(std::ostream& out, mcp::raw_json result, bool to_terminal) {
  const auto blocks = mcp::elements(mcp::member(result, "content"));
  if (blocks) {
    for (const auto block : *blocks) print_block(out, block, to_terminal);
  }
  const auto structured = mcp::member(result, "structuredContent");
  if ((!blocks || blocks->empty()) && structured.data() != nullptr)
    print_text(out, std::string(structured), to_terminal);
}

}  // namespace holdfast::apps
