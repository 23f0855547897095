#include "actors/session_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;
using mcp::member;
using mcp::quote;
using mcp::raw_json;

constexpr std::array<mcp::method, 8> journaled_methods{mcp::method::tools_call,
                                                       mcp::method::prompts_get,
                                                       mcp::method::resources_read,
                                                       mcp::method::resources_subscribe,
                                                       mcp::method::resources_unsubscribe,
                                                       mcp::method::completion_complete,
                                                       mcp::method::sampling_create_message,
                                                       mcp::method::none};

/// Writes one object, member by member; what is empty or zero is left out.
class object {
 public:
  object& text(std::string_view name, std::string_view value) {
    if (!value.empty()) raw(name, quote(value));
    return *this;
  }
  object& number(std::string_view name, std::uint64_t value) {
    if (value != 0) raw(name, std::to_string(value));
    return *this;
  }
  object& raw(std::string_view name, std::string_view value) {
    if (value.empty()) return *this;
    json_ += json_.size() == 1 ? "\"" : ",\"";
    json_.append(name).append("\":").append(value);
    return *this;
  }
  std::string done() { return json_ + "}"; }

 private:
  std::string json_ = "{";
};

template <class Range, class Write>
std::string array(const Range& values, Write write) {
  if (values.empty()) return {};
  std::string json = "[";
  for (const auto& v : values) {
    if (json.size() > 1) json += ',';
    json += write(v);
  }
  return json + "]";
}

template <class Read>
void each(raw_json list, Read read) {
  if (list.empty() || list.front() != '[') return;
  if (const auto all = mcp::elements(list)) {
    for (const auto element : *all) read(element);
  }
}

std::string text_of(raw_json object, std::string_view name) {
  return mcp::string_value(member(object, name)).value_or(std::string());
}
std::string raw_of(raw_json object, std::string_view name) { return std::string(member(object, name)); }
std::uint64_t number_of(raw_json object, std::string_view name) {
  const auto value = mcp::integer_value(member(object, name)).value_or(0);
  return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

std::uint64_t millis(execution::timestamp t) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, t.time_since_epoch().count()));
}
execution::timestamp timestamp_of(std::uint64_t ms) {
  return execution::timestamp(std::chrono::milliseconds(static_cast<std::int64_t>(ms)));
}

/// By name, so that states and events may be added and reordered.
std::string history_json(const std::vector<execution::transition>& history) {
  return array(history, [](const execution::transition& t) {
    return "[\"" + std::string(execution::event_name(t.event)) + "\",\"" + std::string(execution::state_name(t.state)) +
           "\"," + std::to_string(millis(t.at)) + "]";
  });
}

template <class Name>
std::optional<std::uint8_t> index_of(std::string_view name, std::size_t count, Name name_at) {
  for (std::uint8_t i = 0; i < count; ++i) {
    if (name_at(i) == name) return i;
  }
  return std::nullopt;
}

std::vector<execution::transition> read_history(raw_json list) {
  std::vector<execution::transition> history;
  each(list, [&](raw_json line) {
    const auto fields = mcp::elements(line);
    if (!fields || fields->size() != 3) return;
    const auto event = index_of(mcp::string_value((*fields)[0]).value_or(""), std::variant_size_v<execution::event>,
                                execution::event_name);
    const auto state = index_of(mcp::string_value((*fields)[1]).value_or(""), std::variant_size_v<execution::state>,
                                execution::state_name);
    const auto at = mcp::integer_value((*fields)[2]);
    if (event && state && at) history.push_back({*event, *state, timestamp_of(static_cast<std::uint64_t>(*at))});
  });
  return history;
}

std::string uris_json(const std::vector<session_snapshot::upstream_uri>& uris) {
  return array(uris, [](const auto& u) { return object().text("upstream", u.upstream).text("uri", u.uri).done(); });
}

std::vector<session_snapshot::upstream_uri> read_uris(raw_json list) {
  std::vector<session_snapshot::upstream_uri> uris;
  each(list, [&](raw_json u) { uris.push_back({text_of(u, "upstream"), text_of(u, "uri")}); });
  return uris;
}

std::string session_json(const transport::upstream_session& s) {
  if (s.id.empty()) return {};
  return object().text("id", s.id).text("revision", s.revision).text("lastEventId", s.last_event_id).done();
}

transport::upstream_session read_session(raw_json s) {
  return {text_of(s, "id"), text_of(s, "revision"), text_of(s, "lastEventId"), {}};
}

bool is_version(raw_json json, int newest) {
  const auto v = mcp::integer_value(member(json, "v"));
  return v && *v >= 1 && *v <= newest;
}

}  // namespace

std::string to_json(const session_snapshot& s) {
  return object()
      .number("v", session_snapshot::version)
      .text("id", s.id)
      .text("principal", s.principal)
      .text("revision", mcp::to_string(s.revision))
      .number("operating", s.operating)
      .raw("client", s.client)
      .text("logLevel", s.log_level)
      .number("lastAsk", s.last_ask)
      .number("lastExecution", s.last_execution)
      .raw("subscriptions", uris_json(s.subscriptions))
      .raw("learnedUris", uris_json(s.learned_uris))
      .raw("upstreams", array(s.upstreams,
                              [](const auto& u) {
                                return object()
                                    .text("upstream", u.upstream)
                                    .raw("session", session_json(u.session))
                                    .raw("initialized", u.initialize_result)
                                    .done();
                              }))
      .raw("finished", array(s.finished,
                             [](const auto& f) {
                               return object()
                                   .text("tool", f.tool)
                                   .number("started", millis(f.started))
                                   .raw("history", history_json(f.history))
                                   .done();
                             }))
      .raw("toolState", s.tool_state)
      .done();
}

std::optional<session_snapshot> read_snapshot(std::string_view json) {
  const auto revision = mcp::parse_revision(text_of(json, "revision"));
  if (!is_version(json, session_snapshot::version) || !revision) return std::nullopt;
  session_snapshot s;
  s.id = text_of(json, "id");
  s.principal = text_of(json, "principal");
  s.revision = *revision;
  s.operating = number_of(json, "operating") != 0;
  s.client = raw_of(json, "client");
  s.log_level = text_of(json, "logLevel");
  s.last_ask = number_of(json, "lastAsk");
  s.last_execution = number_of(json, "lastExecution");
  s.subscriptions = read_uris(member(json, "subscriptions"));
  s.learned_uris = read_uris(member(json, "learnedUris"));
  each(member(json, "upstreams"), [&](raw_json u) {
    s.upstreams.push_back({text_of(u, "upstream"), read_session(member(u, "session")), raw_of(u, "initialized")});
  });
  each(member(json, "finished"), [&](raw_json f) {
    s.finished.push_back(
        {text_of(f, "tool"), timestamp_of(number_of(f, "started")), read_history(member(f, "history"))});
  });
  s.tool_state = raw_of(json, "toolState");
  return s;
}

std::string to_json(const journal_text& j) {
  return object()
      .number("v", journal_text::version)
      .raw("id", j.client_id)
      .text("digest", j.digest == 0 ? std::string() : std::to_string(j.digest))
      .text("method", mcp::to_string(j.what))
      .text("tool", j.tool)
      .text("upstream", j.upstream)
      .raw("params", j.params)
      .number("tokenAt", j.token_at)
      .number("tokenSize", j.token_size)
      .raw("progressToken", j.progress_token)
      .number("stream", j.stream)
      .number("repeatable", j.repeatable)
      .number("dispatch", j.dispatch)
      .raw("session", session_json(j.session))
      .text("eventId", j.event_id)
      .text("shownUri", j.shown_uri)
      .text("upstreamUri", j.upstream_uri)
      .number("started", millis(j.started))
      .raw("history", history_json(j.history))
      .raw("asks", array(j.asks,
                         [](const auto& a) {
                           return object()
                               .number("id", a.id)
                               .raw("upstreamId", a.upstream_id)
                               .raw("progressToken", a.progress_token)
                               .text("method", a.method)
                               .raw("answer", a.answer)
                               .done();
                         }))
      .raw("answer", j.answer)
      .done();
}

std::optional<journal_text> read_journal(std::string_view json) {
  if (!is_version(json, journal_text::version)) return std::nullopt;
  journal_text j;
  j.client_id = raw_of(json, "id");
  const auto digest = text_of(json, "digest");
  std::from_chars(digest.data(), digest.data() + digest.size(), j.digest);
  const auto method = text_of(json, "method");
  const auto known = std::find_if(journaled_methods.begin(), journaled_methods.end(),
                                  [&](mcp::method m) { return mcp::to_string(m) == method; });
  if (known == journaled_methods.end() || j.client_id.empty()) return std::nullopt;
  j.what = *known;
  j.tool = text_of(json, "tool");
  j.upstream = text_of(json, "upstream");
  j.params = raw_of(json, "params");
  j.token_at = number_of(json, "tokenAt");
  j.token_size = number_of(json, "tokenSize");
  if (j.token_at + j.token_size > j.params.size()) return std::nullopt;
  j.progress_token = raw_of(json, "progressToken");
  j.stream = static_cast<std::uint32_t>(number_of(json, "stream"));
  j.repeatable = number_of(json, "repeatable") != 0;
  j.dispatch = number_of(json, "dispatch");
  j.session = read_session(member(json, "session"));
  j.event_id = text_of(json, "eventId");
  j.shown_uri = text_of(json, "shownUri");
  j.upstream_uri = text_of(json, "upstreamUri");
  j.started = timestamp_of(number_of(json, "started"));
  j.history = read_history(member(json, "history"));
  each(member(json, "asks"), [&](raw_json a) {
    j.asks.push_back({number_of(a, "id"), raw_of(a, "upstreamId"), raw_of(a, "progressToken"), text_of(a, "method"),
                      raw_of(a, "answer")});
  });
  j.answer = raw_of(json, "answer");
  return j;
}

}  // namespace holdfast::actors
