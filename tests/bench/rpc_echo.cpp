#include "tests/bench/rpc_echo.hpp"

#include <algorithm>
#include <optional>

namespace holdfast::bench {
namespace {

constexpr std::string_view space = " \t\r\n";

/// The end of the JSON value that begins at `from`.
std::size_t value_end(std::string_view json, std::size_t from) {
  int depth = 0;
  for (std::size_t i = from; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') {
      for (++i; i < json.size() && json[i] != '"'; ++i) i += json[i] == '\\';
      if (depth == 0) return std::min(i + 1, json.size());
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return i;
      if (--depth == 0) return i + 1;
    } else if (depth == 0 && c == ',') {
      return i;
    }
  }
  return json.size();
}

/// The raw value of a member of an object, without looking into nested ones.
std::optional<std::string_view> member(std::string_view object, std::string_view name) {
  std::size_t at = object.find('{');
  while (at != std::string_view::npos) {
    const auto open = object.find('"', at + 1);
    if (open == std::string_view::npos) return std::nullopt;
    const auto close = value_end(object, open);
    const auto value = object.find_first_not_of(space, object.find(':', close) + 1);
    if (value == std::string_view::npos) return std::nullopt;
    const auto end = value_end(object, value);
    if (object.substr(open + 1, close - open - 2) == name) {
      auto found = object.substr(value, end - value);
      found.remove_suffix(found.size() - 1 - found.find_last_not_of(space));
      return found;
    }
    at = object.find(',', end);
  }
  return std::nullopt;
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
}

std::string result_of(std::string_view method, std::string_view message) {
  if (method == "\"tools/call\"") {
    const auto arguments = member(member(message, "params").value_or("{}"), "arguments").value_or("{}");
    std::string result = R"({"content":[{"type":"text","text":")";
    append_escaped(result, arguments);
    return result += R"("}]})";
  }
  if (method == "\"initialize\"") {
    return R"({"protocolVersion":"2025-06-18","capabilities":{"tools":{}},)"
           R"("serverInfo":{"name":"bench-echo","version":"1"}})";
  }
  if (method == "\"tools/list\"") {
    return R"({"tools":[{"name":"echo","description":"Returns its arguments",)"
           R"("inputSchema":{"type":"object","properties":{"text":{"type":"string"}}}}]})";
  }
  if (method == "\"ping\"") return "{}";
  return {};
}

}  // namespace

std::string answer_rpc(std::string_view message) {
  const auto id = member(message, "id");
  const auto method = member(message, "method");
  if (!id || !method) return {};
  std::string answer = R"({"jsonrpc":"2.0","id":)";
  answer += *id;
  const std::string result = result_of(*method, message);
  if (result.empty()) return answer += R"(,"error":{"code":-32601,"message":"Method not found"}})";
  answer += R"(,"result":)";
  answer += result;
  return answer += '}';
}

}  // namespace holdfast::bench
