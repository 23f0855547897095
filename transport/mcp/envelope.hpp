#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/result.hpp"

namespace holdfast::mcp {

/// Bytes of a JSON value exactly as they stood in the message ("raw"): strings with their quotes and escapes.
/// Null `data()` means absent.
using raw_json = std::string_view;

enum class message_kind : std::uint8_t { request, notification, answer };

/// The methods that somebody branches on. `other` keeps its name in `envelope::method_name`.
enum class method : std::uint8_t {
  none,  ///< answers have no method
  initialize,
  ping,
  tools_list,
  tools_call,
  prompts_list,
  prompts_get,
  resources_list,
  resources_templates_list,
  resources_read,
  resources_subscribe,
  resources_unsubscribe,
  completion_complete,
  logging_set_level,
  server_discover,
  sampling_create_message,
  elicitation_create,
  roots_list,
  initialized,
  cancelled,
  progress,
  message,
  tools_list_changed,
  prompts_list_changed,
  resources_list_changed,
  resources_updated,
  roots_list_changed,
  elicitation_complete,
  other
};
std::string_view to_string(method m) noexcept;  ///< "tools/call", "notifications/progress"; "" for none and other

/// The outside of a JSON-RPC 2.0 message and the few inner values that routing needs, found in one pass with the whole
/// grammar checked. Everything else stays untouched bytes. Views point into the scanned message.
struct envelope {
  message_kind kind = message_kind::request;
  method what = method::none;
  std::string_view method_name;  ///< unquoted; of `other` only (empty if the name holds escapes)
  raw_json id;             ///< string or number; absent on notifications; may be `null` or absent on an error answer
  raw_json params;         ///< object or array
  raw_json result, error;  ///< of answers: exactly one of them
  // members of `params`, where it is an object
  raw_json name, uri, meta;
  // members of `params._meta`
  raw_json progress_token, meta_protocol_version;
};

struct scan_limits {
  std::size_t depth_max = 64;  ///< open objects and arrays, the outermost counted; more than 1024 has no effect
};

/// Reads one message. `bad_json`: not JSON (RFC 8259), invalid UTF-8, deeper than the limit, or a duplicate of a member
/// named in `envelope`. `bad_message`: JSON, but not a JSON-RPC 2.0 object (an array too).
transport::result<envelope> scan(std::string_view json, scan_limits limits = {});

/// True if the first byte that is no white space is '['.
bool is_batch(std::string_view json) noexcept;

/// The elements of a JSON array, raw. `bad_json` if it is none; `overloaded` if it has more than `max`.
transport::result<std::vector<raw_json>> elements(raw_json array, std::size_t max = 100'000);

/// A member of a JSON object by its name (compared after unescaping; the first one wins), raw; null if absent or if
/// `object` is no object. For values off the hot path. The input must be valid JSON.
raw_json member(raw_json object, std::string_view name) noexcept;

/// All members of a JSON object in order: name (unescaped) and raw value. The input must be valid JSON.
std::vector<std::pair<std::string, raw_json>> members(raw_json object);

/// The value of a raw JSON string; nothing if it is no string.
std::optional<std::string> string_value(raw_json raw);

/// `raw` if it is a string without escapes: the bytes between the quotes. Nothing otherwise.
std::optional<std::string_view> plain_string(raw_json raw) noexcept;

std::optional<std::int64_t> integer_value(raw_json raw) noexcept;

inline bool is_object(raw_json raw) noexcept { return !raw.empty() && raw.front() == '{'; }
inline bool is_string(raw_json raw) noexcept { return !raw.empty() && raw.front() == '"'; }

/// `text` (UTF-8) as a JSON string with its quotes.
std::string quote(std::string_view text);

/// A copy of `whole` in which each part (a view into `whole`, in rising order) is replaced.
struct replacement {
  std::string_view part;
  std::string_view by;
};
std::string splice(std::string_view whole, std::initializer_list<replacement> replacements);

/// A copy of the object in which `name` has this raw value: replaced where it stands, else put first.
/// With a null `value`, a copy without the member.
std::string with_member(raw_json object, std::string_view name, raw_json value);

}  // namespace holdfast::mcp
