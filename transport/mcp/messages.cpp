#include "transport/mcp/messages.hpp"

#include <initializer_list>

namespace holdfast::mcp {
namespace {

constexpr std::string_view head = R"({"jsonrpc":"2.0",)";

std::string joined(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (auto part : parts) size += part.size();
  std::string text;
  text.reserve(size);
  for (auto part : parts) text.append(part);
  return text;
}

// A member with its comma, or nothing at all if it is absent.
std::string_view label(raw_json value, std::string_view text) {
  return value.data() != nullptr ? text : std::string_view();
}

}  // namespace

std::string make_request(raw_json id, std::string_view method_name, raw_json params) {
  return joined(
      {head, R"("id":)", id, R"(,"method":)", quote(method_name), label(params, R"(,"params":)"), params, "}"});
}

std::string make_notification(std::string_view method_name, raw_json params) {
  return joined({head, R"("method":)", quote(method_name), label(params, R"(,"params":)"), params, "}"});
}

std::string make_result(raw_json id, raw_json result) {
  return joined({head, R"("id":)", id, R"(,"result":)", result, "}"});
}

std::string make_error(raw_json id, int error_code, std::string_view message, raw_json data) {
  return joined(
      {head, label(id, R"("id":)"), id, label(id, ","), R"("error":)", error_object(error_code, message, data), "}"});
}

std::string error_object(int error_code, std::string_view message, raw_json data) {
  return joined({R"({"code":)", std::to_string(error_code), R"(,"message":)", quote(message),
                 label(data, R"(,"data":)"), data, "}"});
}

}  // namespace holdfast::mcp
