#include "actors/tracing/otlp_text.hpp"

#include "transport/mcp/envelope.hpp"

namespace holdfast::actors::tracing {
namespace {

std::string nanoseconds(span::clock::time_point t) {
  return std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count());
}

std::string attribute(std::string_view key, std::string_view value) {
  return R"({"key":)" + mcp::quote(key) + R"(,"value":{"stringValue":)" + mcp::quote(value) + "}}";
}

std::string to_json(const span& s) {
  auto above = s.self;
  above.span = s.above;
  auto text = R"({"traceId":")" + mcp::trace_id_text(s.self) + R"(","spanId":")" + mcp::span_id_text(s.self) + "\"";
  if (s.above != decltype(s.above){}) text += R"(,"parentSpanId":")" + mcp::span_id_text(above) + "\"";
  text += R"(,"name":)" + mcp::quote(s.name) + R"(,"kind":)" + std::to_string(static_cast<int>(s.what)) +
          R"(,"startTimeUnixNano":")" + nanoseconds(s.began) + R"(","endTimeUnixNano":")" + nanoseconds(s.ended) +
          R"(","attributes":[)";
  bool first = true;
  for (const auto& [key, value] : s.attributes) {
    if (!std::exchange(first, false)) text += ',';
    text += attribute(key, value);
  }
  return text + (s.failed ? R"(],"status":{"code":2}})" : R"(],"status":{}})");
}

}  // namespace

std::string to_otlp(const std::vector<span>& spans, std::string_view node) {
  std::string text = R"({"resourceSpans":[{"resource":{"attributes":[)" + attribute("service.name", "holdfast") + "," +
                     attribute("service.version", HOLDFAST_VERSION) + "," + attribute("service.instance.id", node) +
                     R"(]},"scopeSpans":[{"scope":{"name":"holdfast"},"spans":[)";
  bool first = true;
  for (const auto& s : spans) {
    if (!std::exchange(first, false)) text += ',';
    text += to_json(s);
  }
  return text + "]}]}]}";
}

}  // namespace holdfast::actors::tracing
