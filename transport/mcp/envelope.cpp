#include "transport/mcp/envelope.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "transport/errc.hpp"
#include "transport/mcp/json_cursor.hpp"

namespace holdfast::mcp {
namespace {

using transport::errc;

constexpr std::string_view protocol_version_key = "io.modelcontextprotocol/protocolVersion";

// In the order of `method`.
constexpr std::array<std::string_view, static_cast<std::size_t>(method::other)> method_names{
    "",
    "initialize",
    "ping",
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "completion/complete",
    "logging/setLevel",
    "server/discover",
    "sampling/createMessage",
    "elicitation/create",
    "roots/list",
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/message",
    "notifications/tools/list_changed",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/resources/updated",
    "notifications/roots/list_changed",
    "notifications/elicitation/complete",
};

method parse_method(std::string_view name) noexcept {
  const auto* found = std::find(method_names.begin() + 1, method_names.end(), name);
  return static_cast<method>(std::distance(method_names.begin(), found));
}

bool is_id(raw_json raw) noexcept {
  return !raw.empty() && (raw.front() == '"' || raw.front() == '-' || (raw.front() >= '0' && raw.front() <= '9'));
}

class envelope_reader {
 public:
  envelope_reader(std::string_view json, std::size_t depth_max) : in_(json, depth_max) {}

  transport::result<envelope> read() {
    if (in_.peek() != '{') return in_.value().data() != nullptr && in_.at_end() ? errc::bad_message : errc::bad_json;
    if (!in_.each_member([this](raw_json key) { return top_member(key); }) || !in_.at_end()) return errc::bad_json;
    if (!finish()) return errc::bad_message;
    return found_;
  }

 private:
  bool top_member(raw_json key) {
    if (names_member(key, "jsonrpc")) return keep(version_);
    if (names_member(key, "id")) return keep(found_.id);
    if (names_member(key, "method")) return keep(method_);
    if (names_member(key, "params")) {
      return in_.peek() == '{' ? keep_object(found_.params, &envelope_reader::params_member) : keep(found_.params);
    }
    if (names_member(key, "result")) return keep(found_.result);
    if (names_member(key, "error")) return keep(found_.error);
    return skip();
  }

  bool params_member(raw_json key) {
    if (names_member(key, "name")) return keep(found_.name);
    if (names_member(key, "uri")) return keep(found_.uri);
    if (names_member(key, "_meta")) {
      return in_.peek() == '{' ? keep_object(found_.meta, &envelope_reader::meta_member) : keep(found_.meta);
    }
    return skip();
  }

  bool meta_member(raw_json key) {
    if (names_member(key, "progressToken")) return keep(found_.progress_token);
    if (names_member(key, protocol_version_key)) return keep(found_.meta_protocol_version);
    return skip();
  }

  bool skip() noexcept { return in_.value().data() != nullptr; }

  // A second member of the same name is refused: others might read it where we read the first.
  bool keep(raw_json& slot) noexcept {
    const raw_json value = in_.value();
    if (value.data() == nullptr || slot.data() != nullptr) return false;
    slot = value;
    return true;
  }

  bool keep_object(raw_json& slot, bool (envelope_reader::*on_member)(raw_json)) {
    const char* from = in_.position();
    if (slot.data() != nullptr || !in_.each_member([&](raw_json key) { return (this->*on_member)(key); })) return false;
    slot = {from, static_cast<std::size_t>(in_.position() - from)};
    return true;
  }

  bool finish() {
    if (!is_string(version_) || !names_member(version_, "2.0")) return false;
    const bool has_id = found_.id.data() != nullptr;
    if (method_.data() == nullptr) {
      found_.kind = message_kind::answer;
      const bool has_result = found_.result.data() != nullptr;
      if (has_result) return found_.error.data() == nullptr && is_id(found_.id);
      return is_object(found_.error) && (!has_id || is_id(found_.id) || found_.id == "null");
    }
    if (found_.result.data() != nullptr || found_.error.data() != nullptr) return false;
    if (has_id && !is_id(found_.id)) return false;
    if (found_.params.data() != nullptr && found_.params.front() != '{' && found_.params.front() != '[') return false;
    found_.kind = has_id ? message_kind::request : message_kind::notification;
    return take_method();
  }

  bool take_method() {
    if (!is_string(method_)) return false;
    if (const auto plain = plain_string(method_)) {
      found_.what = parse_method(*plain);
      if (found_.what == method::other) found_.method_name = *plain;
    } else {
      found_.what = parse_method(string_value(method_).value_or(""));
    }
    return true;
  }

  json_cursor in_;
  envelope found_;
  raw_json version_, method_;
};

}  // namespace

std::string_view to_string(method m) noexcept {
  const auto index = static_cast<std::size_t>(m);
  return index < method_names.size() ? method_names[index] : std::string_view();
}

transport::result<envelope> scan(std::string_view json, scan_limits limits) {
  return envelope_reader(json, limits.depth_max).read();
}

bool is_batch(std::string_view json) noexcept { return json_cursor(json).peek() == '['; }

}  // namespace holdfast::mcp
