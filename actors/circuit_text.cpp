#include "actors/circuit_text.hpp"

#include <algorithm>
#include <limits>

#include "actors/text_reader.hpp"
#include "actors/text_writer.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::actors {
namespace {

using mcp::member;
using text_reader::number_of;
using text_reader::text_of;

constexpr int format = 1;
using milliseconds = std::chrono::milliseconds;

std::uint32_t small_number_of(mcp::raw_json object, std::string_view name) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(number_of(object, name), std::numeric_limits<std::uint32_t>::max()));
}

circuit_standing::timestamp time_of(mcp::raw_json object, std::string_view name) {
  return circuit_standing::timestamp(milliseconds(number_of(object, name)));
}

std::uint64_t number_of(circuit_standing::timestamp t) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(t.time_since_epoch().count(), 0));
}

}  // namespace

std::string to_json(const circuit_record& r, std::string_view by) {
  std::string json = R"({"v":)" + std::to_string(format) + R"(,"by":)" + mcp::quote(by) + R"(,"upstreams":)";
  std::string all;
  for (const auto& [upstream, e] : r) {
    const auto& s = e.standing;
    if (!all.empty()) all += ',';
    text_writer::object(all)
        .text("name", upstream)
        .number("epoch", e.epoch)
        .raw("open", s.open ? "true" : "")
        .raw("connecting", s.connecting ? "true" : "")
        .number("since", number_of(s.since))
        .number("until", number_of(s.until))
        .number("times", s.times)
        .number("passed", s.passed)
        .text("reason", s.reason)
        .text("by", s.by)
        .end();
  }
  return json + '[' + all + "]}";
}

std::optional<circuit_record> read_circuits(std::string_view json) {
  // The whole text must be well-formed before a member is looked for.
  if (!mcp::is_object(json) || !mcp::elements("[" + std::string(json) + "]")) return std::nullopt;
  if (number_of(json, "v") != format) return std::nullopt;
  const auto all = mcp::elements(member(json, "upstreams"));
  if (!all) return std::nullopt;
  circuit_record r;
  for (const auto raw : *all) {
    const auto name = mcp::is_object(raw) ? text_of(raw, "name") : std::string();
    const auto epoch = mcp::is_object(raw) ? number_of(raw, "epoch") : 0;
    if (name.empty() || epoch == 0) continue;
    r[name] = {epoch,
               {member(raw, "open") == "true", member(raw, "connecting") == "true", time_of(raw, "since"),
                time_of(raw, "until"), small_number_of(raw, "times"), small_number_of(raw, "passed"),
                text_of(raw, "reason"), text_of(raw, "by")}};
  }
  return r;
}

}  // namespace holdfast::actors
