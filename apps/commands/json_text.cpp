#include "apps/commands/json_text.hpp"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>

namespace holdfast::apps {

std::optional<std::string> json_trouble(std::string_view text) {
  rapidjson::MemoryStream bytes(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> in(bytes);
  rapidjson::Reader reader;
  rapidjson::BaseReaderHandler<> nobody;
  // Iterative, because the recursive parser's stack use follows the depth of the input.
  constexpr unsigned how = rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag;
  const auto parsed = reader.Parse<how>(in, nobody);
  if (!parsed.IsError()) return std::nullopt;
  return "at character " + std::to_string(std::min(parsed.Offset(), text.size()) + 1) + ": " +
         rapidjson::GetParseError_En(parsed.Code());
}

std::string text_member(mcp::raw_json object, std::string_view name) {
  return mcp::string_value(mcp::member(object, name)).value_or("");
}

std::string number_member(mcp::raw_json object, std::string_view name) {
  const auto raw = mcp::member(object, name);
  const bool number = !raw.empty() && (raw[0] == '-' || (raw[0] >= '0' && raw[0] <= '9'));
  return number ? std::string(raw) : "-";
}

}  // namespace holdfast::apps
