#include "actors/cluster_text.hpp"

#include <algorithm>
#include <limits>

#include "actors/client_capabilities.hpp"
#include "actors/text_reader.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::actors {
namespace {

namespace membership = machines::membership;
using mcp::member;
using mcp::quote;
using text_reader::number_in;
using text_reader::number_of;
using text_reader::text_of;

constexpr int view_format = 1;
constexpr std::size_t slots_per_digit = 4;
constexpr std::string_view digits = "0123456789abcdef";

/// Four slots a digit, the lowest first.
std::string hex_of(const slot_set& slots) {
  std::string text;
  for (std::size_t s = 0; s < slots.size(); s += slots_per_digit) {
    unsigned digit = 0;
    for (std::size_t i = 0; i < slots_per_digit; ++i) digit |= static_cast<unsigned>(slots[s + i]) << i;
    text += digits[digit];
  }
  return text;
}

std::optional<slot_set> slots_of(std::string_view text) {
  slot_set slots;
  if (text.size() * slots_per_digit != slots.size()) return std::nullopt;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto digit = digits.find(text[at]);
    if (digit == std::string_view::npos) return std::nullopt;
    for (std::size_t i = 0; i < slots_per_digit; ++i) slots[at * slots_per_digit + i] = ((digit >> i) & 1u) != 0;
  }
  return slots;
}

/// Without what makes no sense.
view_digests lists_of(mcp::raw_json list) {
  view_digests all;
  if (list.empty() || list.front() != '[') return all;
  const auto pairs = mcp::elements(list);
  if (!pairs) return all;
  for (const auto pair : *pairs) {
    const auto both = mcp::elements(pair);
    if (!both || both->size() != 2) continue;
    const auto capabilities = mcp::integer_value((*both)[0]).value_or(-1);
    const auto digest = mcp::integer_value((*both)[1]).value_or(-1);
    if (capabilities < 0 || capabilities >= static_cast<std::int64_t>(capability_set::count)) continue;
    if (digest < 0 || digest > std::numeric_limits<std::uint32_t>::max()) continue;
    all.emplace_back(static_cast<std::uint8_t>(capabilities), static_cast<std::uint32_t>(digest));
  }
  return all;
}

std::chrono::steady_clock::time_point now_of(mcp::raw_json beat) {
  using time_point = std::chrono::steady_clock::time_point;
  constexpr std::int64_t most = std::chrono::microseconds{std::chrono::years{100}}.count();
  const auto now = mcp::integer_value(member(beat, "now")).value_or(0);
  return time_point(std::chrono::microseconds{now < 0 || now > most ? 0 : now});
}

/// The whole message must be well-formed JSON before a member is looked for.
bool is_object(std::string_view json) { return mcp::is_object(json) && mcp::elements("[" + std::string(json) + "]"); }

}  // namespace

std::string to_json(const membership::view& v, std::string_view by) {
  std::string json = R"({"v":)" + std::to_string(view_format) + R"(,"version":)" + std::to_string(v.version) +
                     R"(,"by":)" + quote(by) + R"(,"members":[)";
  for (const auto& m : v.members) {
    if (json.back() == '}') json += ',';
    json += R"({"name":)" + quote(m.name) + R"(,"incarnation":)" + quote(m.incarnation) + R"(,"address":)" +
            quote(m.address) + (m.leaving ? R"(,"leaving":true})" : "}");
  }
  json += "]";
  if (!v.pinned.empty()) {
    json += R"(,"pinned":[)";
    for (const auto& [slot, name] : v.pinned) {
      if (json.back() == ']') json += ',';
      json += "[" + std::to_string(slot) + "," + quote(name) + "]";
    }
    json += "]";
  }
  return json + "}";
}

std::optional<membership::view> read_view(std::string_view json) {
  if (!is_object(json)) return std::nullopt;
  const auto format = number_in(json, "v"), version = number_in(json, "version");
  const auto members = mcp::elements(member(json, "members"));
  if (format != view_format || !version || !members) return std::nullopt;
  membership::view v;
  v.version = *version;
  for (const auto m : *members) {
    v.members.push_back(
        {text_of(m, "name"), text_of(m, "incarnation"), text_of(m, "address"), member(m, "leaving") == "true"});
    if (v.members.back().incarnation.empty()) return std::nullopt;
  }
  const auto pinned = mcp::elements(member(json, "pinned"));
  if (!pinned) return v;
  for (const auto raw : *pinned) {
    const auto pair = mcp::elements(raw);
    const auto slot = pair && pair->size() == 2 ? mcp::integer_value((*pair)[0]) : std::nullopt;
    const auto name = slot ? mcp::string_value((*pair)[1]) : std::nullopt;
    if (!name || *slot < 0 || *slot >= persistence::slot_count) return std::nullopt;
    v.pinned[static_cast<std::uint16_t>(*slot)] = *name;
  }
  return v;
}

std::string to_json(const beat& b) {
  auto json = R"({"from":)" + quote(b.from) + R"(,"view":)" + std::to_string(b.view) + R"(,"slots":")" +
              hex_of(b.slots) + R"(","lists":[)";
  for (const auto& [capabilities, digest] : b.lists) {
    if (json.back() == ']') json += ',';
    json += '[' + std::to_string(capabilities) + ',' + std::to_string(digest) + ']';
  }
  json += "]";
  if (b.breakers != 0) json += R"(,"breakers":)" + std::to_string(b.breakers);
  if (b.cache != 0) json += R"(,"cache":)" + std::to_string(b.cache);
  if (b.upstreams != 0) json += R"(,"upstreams":)" + std::to_string(b.upstreams);
  const auto now = std::chrono::floor<std::chrono::microseconds>(b.now.time_since_epoch());
  return json + R"(,"now":)" + std::to_string(now.count()) + "}";
}

std::optional<beat> read_beat(std::string_view json) {
  if (!is_object(json)) return std::nullopt;
  const auto view = number_in(json, "view");
  const auto slots = slots_of(text_of(json, "slots"));
  beat b{text_of(json, "from"),        view.value_or(0),
         slots.value_or(slot_set()),   lists_of(member(json, "lists")),
         number_of(json, "breakers"),  number_of(json, "cache"),
         number_of(json, "upstreams"), now_of(json)};
  if (!view || !slots || b.from.empty()) return std::nullopt;
  return b;
}

}  // namespace holdfast::actors
