// The scan agrees with an independent parser about what is JSON, its spans lie where they must, and what is made of
// them is read back the same.

#include "transport/mcp/envelope.hpp"

#include <algorithm>

#include "tests/fuzz/other_parser.hpp"
#include "tests/fuzz/property.hpp"
#include "transport/errc.hpp"
#include "transport/mcp/messages.hpp"

using namespace holdfast::mcp;
using namespace holdfast::fuzz;
using holdfast::transport::errc;

namespace {

constexpr std::size_t depth_max = 1000;
constexpr scan_limits deep{.depth_max = 1024};

// True if `text` is one JSON value by our own reading, which is the same for `scan` and `elements`.
bool is_json(std::string_view text) {
  const auto found = elements("[" + std::string(text) + "]");
  return found && found->size() == 1;
}

// The other parser ends at a NUL and skips what looks like the parts of a byte order mark.
void check_against_other_parser(std::string_view text) {
  const bool ours = is_json(text);
  if (text.find('\0') != text.npos || (!text.empty() && static_cast<std::uint8_t>(text.front()) >= 0x80)) {
    property(!ours, "no JSON holds a NUL or begins beyond ASCII");
    return;
  }
  const auto opened = std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; });
  if (static_cast<std::size_t>(opened) > depth_max) return;
  switch (other_opinion(text)) {
    case opinion::json: property(ours, "what another parser takes for JSON is JSON for us"); break;
    case opinion::no_json: property(!ours, "what is JSON for us is JSON for another parser"); break;
    case opinion::beyond_limits: break;
  }
}

void check_spans(const envelope& e, std::string_view text) {
  for (raw_json span : {e.id, e.params, e.result, e.error}) {
    if (span.data() == nullptr) continue;
    property(within(span, text), "a span lies in the message");
    property(is_json(span), "a span is a JSON value");
  }
  for (raw_json span : {e.name, e.uri, e.meta}) {
    property(span.data() == nullptr || within(span, e.params), "a member of params lies in params");
  }
  for (raw_json span : {e.progress_token, e.meta_protocol_version}) {
    property(span.data() == nullptr || within(span, e.meta), "a member of _meta lies in _meta");
  }
  property(e.name == member(e.params, "name") && e.uri == member(e.params, "uri"), "spans are the members they name");
  property(e.meta == member(e.params, "_meta"), "the span of _meta is that member");
  property(e.progress_token == member(e.meta, "progressToken"), "the progress token is that member");
  property(e.id == member(text, "id") && e.params == member(text, "params"), "outer spans are the members they name");
  property((e.what == method::none) == (e.kind == message_kind::answer), "answers alone have no method");
}

void check_splicing(const envelope& e, std::string_view text) {
  property(splice(text, {}) == text, "nothing spliced is the message itself");
  if (e.id.data() == nullptr) return;
  property(splice(text, {{e.id, e.id}}) == text, "a part spliced by itself is the message itself");
  const std::string renumbered = splice(text, {{e.id, "424242"}});
  const auto again = scan(renumbered, deep);
  property(again.has_value() && again->id == "424242", "a spliced id is read back");
  property(again->params == e.params && again->result == e.result && again->error == e.error,
           "splicing an id leaves the rest");
}

void check_made_messages(const envelope& e) {
  const std::string_view known = to_string(e.what);
  const std::string_view name = known.empty() ? e.method_name : known;
  std::string made;
  if (e.kind == message_kind::request) made = make_request(e.id, name, e.params);
  if (e.kind == message_kind::notification) made = make_notification(name, e.params);
  if (e.kind == message_kind::answer && e.result.data() != nullptr) made = make_result(e.id, e.result);
  if (made.empty()) return;
  const auto again = scan(made, deep);
  property(again.has_value(), "a made message is a message");
  property(again->kind == e.kind && again->what == e.what && again->id == e.id && again->result == e.result,
           "a made message reads as what it was made of");
  // Params on an answer mean nothing, but do no harm.
  property(e.kind == message_kind::answer ||
               (again->params == e.params && again->name == e.name && again->progress_token == e.progress_token),
           "a made message has the params it was given");
}

void check_members(raw_json object) {
  if (!is_object(object)) return;
  const std::string with = with_member(object, "_meta", R"({"x":1})");
  property(is_json(with) && member(with, "_meta") == R"({"x":1})", "a member put in is found");
  const std::string without = with_member(with, "_meta", {});
  property(is_json(without) && member(without, "_meta").data() == nullptr, "a member taken out is gone");
  for (const auto& [name, value] : members(object)) {
    property(within(value, object), "a member lies in its object");
    property(name == "_meta" || member(without, name) == member(object, name), "other members stay as they are");
    property(string_value(quote(name)) == name, "a quoted name reads back");
    if (const auto text = string_value(value)) {
      property(is_json(quote(*text)) && string_value(quote(*text)) == *text, "a quoted string reads back");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  check_against_other_parser(text);
  property(is_json(quote(text)), "any bytes can be quoted");
  const auto scanned = scan(text, deep);
  if (!scanned) {
    property(scanned.error() == errc::bad_json || is_json(text), "a bad message is JSON");
    return 0;
  }
  check_spans(*scanned, text);
  check_splicing(*scanned, text);
  check_made_messages(*scanned);
  check_members(scanned->params);
  check_members(scanned->result);
  const std::string shorter(text.substr(0, text.find_last_of('}')));
  property(scan(shorter, deep).error() == errc::bad_json, "a message without its end is none");
  return 0;
}
