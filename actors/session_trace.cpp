#include "actors/session_trace.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "actors/admin/json.hpp"
#include "actors/secret_shapes.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::actors {
namespace {

using admin::json_object;

constexpr std::array<std::string_view, 3> places{"client", "session", "upstream"};
constexpr std::size_t requests_max = 256, body_max = 4096, depth_max = 64;
constexpr std::string_view hidden = R"("***")";

bool sounds_secret(std::string name) {
  constexpr std::array<std::string_view, 9> words{"password", "passwd",  "secret",     "token", "authorization",
                                                  "apikey",   "api_key", "credential", "cookie"};
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  std::replace(name.begin(), name.end(), '-', '_');
  if (name == "progresstoken") return false;
  return std::any_of(words.begin(), words.end(), [&](auto w) { return name.find(w) != std::string::npos; });
}

std::string redacted(mcp::raw_json raw, std::size_t depth) {
  if (raw.empty() || depth > depth_max) return std::string(hidden);
  if (raw.front() == '{') {
    json_object o;
    for (const auto& [name, value] : mcp::members(raw))
      o.raw(name, sounds_secret(name) ? std::string(hidden) : redacted(value, depth + 1));
    return o.str();
  }
  if (raw.front() != '[') return without_secret_shapes(raw);
  std::vector<std::string> all;
  if (const auto elements = mcp::elements(raw)) {
    for (const auto e : *elements) all.push_back(redacted(e, depth + 1));
  }
  return admin::json_list(all);
}

/// The beginning of a text, cut between two characters.
std::string_view beginning_of(std::string_view text) {
  if (text.size() <= body_max) return text;
  auto end = body_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

std::string event(std::string_view name, const json_object& data) {
  return "event: " + std::string(name) + "\ndata: " + data.str() + "\n\n";
}

}  // namespace

std::string without_secrets(std::string_view json) { return redacted(json, 0); }

session_trace::session_trace(std::uint64_t id, std::string node, limits l, sink to)
    : id_(id), node_(std::move(node)), limits_(l), to_(std::move(to)), second_(clock::now()) {}

session_trace::~session_trace() {
  if (dropped_ > 0) to_(event("dropped", json_object().number("count", dropped_)));
  to_(event("detached", json_object().text("node", node_).text("reason", reason_)));
}

bool session_trace::admits(clock::time_point now) {
  if (now - second_ >= std::chrono::seconds{1}) {
    second_ = now;
    in_second_ = 0;
    if (dropped_ > 0) to_(event("dropped", json_object().number("count", std::exchange(dropped_, 0))));
  }
  if (in_second_ >= limits_.rate) {
    ++dropped_;
    return false;
  }
  ++in_second_;
  ++shown_;
  return true;
}

void session_trace::note(place from, place to, std::string_view json, std::string_view upstream,
                         std::string_view execution) {
  const auto now = clock::now();
  const auto e = mcp::scan(json);
  if (!e || over()) return;
  const auto answer = e->kind == mcp::message_kind::answer;
  // An answer goes the way back.
  const auto way = [&](place a, place b) {
    return std::string(places[static_cast<std::size_t>(a)]) + ">" + std::string(places[static_cast<std::size_t>(b)]) +
           " ";
  };
  const auto asked = answer ? requests_.find(way(to, from) + std::string(e->id)) : requests_.end();
  if (e->kind == mcp::message_kind::request && requests_.size() < requests_max)
    requests_[way(from, to) + std::string(e->id)] = now;
  if (!admits(now)) return;
  json_object o;
  o.number("sequence", shown_).text("at", admin::time_now()).text("node", node_);
  o.text("from", places[static_cast<std::size_t>(from)]).text("to", places[static_cast<std::size_t>(to)]);
  if (!upstream.empty()) o.text("upstream", upstream);
  o.text("kind", answer ? "answer" : e->kind == mcp::message_kind::request ? "request" : "notification");
  const auto method = e->method_name.empty() ? mcp::to_string(e->what) : e->method_name;
  if (!method.empty()) o.text("method", method);
  if (!e->id.empty()) o.text("id", e->id);
  if (!execution.empty()) o.text("execution", execution);
  o.number("bytes", json.size());
  if (asked != requests_.end()) {
    o.number("afterUs", std::chrono::duration_cast<std::chrono::microseconds>(now - asked->second).count());
    requests_.erase(asked);
  }
  if (answer) {
    const auto refused = e->error.data() != nullptr || mcp::member(e->result, "isError") == "true";
    o.flag("isError", refused);
  }
  if (limits_.bodies) o.text("body", beginning_of(without_secrets(json)));
  to_(event("message", o));
}

}  // namespace holdfast::actors
