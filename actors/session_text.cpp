#include "actors/session_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "actors/prepared_execution.hpp"
#include "actors/text_reader.hpp"
#include "actors/text_writer.hpp"

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;
using mcp::member;
using mcp::raw_json;
using text_reader::number_of;
using text_reader::text_of;
using text_writer::append_number;
using text_writer::append_quoted;
using text_writer::object;

constexpr std::size_t journal_bytes_usual = 448;  // without parameters and answer

constexpr std::array<mcp::method, 8> journaled_methods{mcp::method::tools_call,
                                                       mcp::method::prompts_get,
                                                       mcp::method::resources_read,
                                                       mcp::method::resources_subscribe,
                                                       mcp::method::resources_unsubscribe,
                                                       mcp::method::completion_complete,
                                                       mcp::method::sampling_create_message,
                                                       mcp::method::none};

template <class Read>
void each(raw_json list, Read read) {
  if (list.empty() || list.front() != '[') return;
  if (const auto all = mcp::elements(list)) {
    for (const auto element : *all) read(element);
  }
}

std::string raw_of(raw_json object, std::string_view name) { return std::string(member(object, name)); }

std::uint64_t millis(execution::timestamp t) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, t.time_since_epoch().count()));
}
execution::timestamp timestamp_of(std::uint64_t ms) {
  return execution::timestamp(std::chrono::milliseconds(static_cast<std::int64_t>(ms)));
}

constexpr std::size_t event_count = std::variant_size_v<execution::event>;
constexpr std::size_t state_count = std::variant_size_v<execution::state>;

/// By name, so that states and events may be added and reordered.
void append_transition(std::string& out, const execution::transition& t) {
  static const auto heads = [] {
    std::array<std::array<std::string, state_count>, event_count> all;
    for (std::uint8_t e = 0; e < event_count; ++e) {
      for (std::uint8_t s = 0; s < state_count; ++s) {
        auto& head = all[e][s];
        head.append("[\"")
            .append(execution::event_name(e))
            .append("\",\"")
            .append(execution::state_name(s))
            .append("\",");
      }
    }
    return all;
  }();
  append_number(out += heads[t.event][t.state], millis(t.at));
  out += ']';
}

template <class Name>
std::optional<std::uint8_t> index_of(std::string_view name, std::size_t count, Name name_at) {
  for (std::size_t i = 0; i < count; ++i) {
    if (name_at(i) == name) return static_cast<std::uint8_t>(i);
  }
  return std::nullopt;
}

std::vector<execution::transition> read_history(raw_json list) {
  std::vector<execution::transition> history;
  each(list, [&](raw_json line) {
    const auto fields = mcp::elements(line);
    if (!fields || fields->size() != 3) return;
    const auto event = index_of(mcp::string_value((*fields)[0]).value_or(""), event_count, execution::event_name);
    const auto state = index_of(mcp::string_value((*fields)[1]).value_or(""), state_count, execution::state_name);
    const auto at = mcp::integer_value((*fields)[2]);
    if (event && state && at) history.push_back({*event, *state, timestamp_of(static_cast<std::uint64_t>(*at))});
  });
  return history;
}

constexpr std::array<std::string_view, 3> beginnings{"created", "came back", "taken over"};

void append_tenure(std::string& out, const session_story::tenure& t) {
  object(out)
      .text("node", t.node)
      .text("incarnation", t.incarnation)
      .number("epoch", t.epoch)
      .number("since", millis(t.since))
      .text("how", beginnings[static_cast<std::size_t>(t.how)])
      .end();
}

session_story read_story(raw_json json) {
  session_story story;
  each(member(json, "tenures"), [&](raw_json t) {
    const auto how = index_of(text_of(t, "how"), beginnings.size(), [](std::size_t i) { return beginnings[i]; });
    story.add({text_of(t, "node"), text_of(t, "incarnation"), number_of(t, "epoch"),
               timestamp_of(number_of(t, "since")), static_cast<session_story::beginning>(how.value_or(0))});
  });
  story.negotiated = timestamp_of(number_of(json, "negotiatedAt"));
  story.operating = timestamp_of(number_of(json, "operatingAt"));
  return story;
}

void append_uri(std::string& out, const session_snapshot::upstream_uri& u) {
  object(out).text("upstream", u.upstream).text("uri", u.uri).end();
}

std::vector<session_snapshot::upstream_uri> read_uris(raw_json list) {
  std::vector<session_snapshot::upstream_uri> uris;
  each(list, [&](raw_json u) { uris.push_back({text_of(u, "upstream"), text_of(u, "uri")}); });
  return uris;
}

list_digests read_digests(raw_json list) {
  list_digests digests{};
  std::size_t at = 0;
  each(list, [&](raw_json d) {
    if (at < digests.size()) digests[at++] = static_cast<std::uint32_t>(mcp::integer_value(d).value_or(0));
  });
  return digests;
}

transport::upstream_session read_session(raw_json s) {
  return {text_of(s, "id"), text_of(s, "revision"), text_of(s, "lastEventId"), {}};
}

bool is_version(raw_json json, int newest) {
  const auto v = mcp::integer_value(member(json, "v"));
  return v && *v >= 1 && *v <= newest;
}

}  // namespace

mcp::method ask_method(std::string_view name) noexcept {
  for (const auto m : {mcp::method::elicitation_create, mcp::method::roots_list}) {
    if (mcp::to_string(m) == name) return m;
  }
  return mcp::method::sampling_create_message;
}

std::string to_json(const session_snapshot& s) {
  std::string json;
  object(json)
      .number("v", session_snapshot::version)
      .text("id", s.id)
      .text("principal", s.principal)
      .text("revision", mcp::to_string(s.revision))
      .number("operating", s.operating)
      .raw("client", s.client)
      .text("logLevel", s.log_level)
      .number("lastAsk", s.last_ask)
      .number("lastExecution", s.last_execution)
      .array("subscriptions", s.subscriptions, append_uri)
      .array("learnedUris", s.learned_uris, append_uri)
      .array("upstreams", s.upstreams,
             [](std::string& out, const auto& u) {
               object(out)
                   .text("upstream", u.upstream)
                   .session("session", u.session)
                   .raw("initialized", u.initialize_result)
                   .end();
             })
      .array("processes", s.processes, append_quoted)
      .array("losses", s.losses,
             [](std::string& out, const auto& l) {
               object(out).text("upstream", l.upstream).number("at", millis(l.at)).end();
             })
      .array("asks", s.asks,
             [](std::string& out, const auto& a) {
               object(out)
                   .text("upstream", a.upstream)
                   .number("id", a.id)
                   .raw("upstreamId", a.upstream_id)
                   .raw("progressToken", a.progress_token)
                   .text("method", a.method)
                   .raw("answer", a.answer)
                   .end();
             })
      .array("lists",
             s.lists == list_digests{} ? std::vector<std::uint32_t>() : std::vector(s.lists.begin(), s.lists.end()),
             append_number)
      .array("finished", s.finished,
             [](std::string& out, const auto& f) {
               object(out)
                   .text("tool", f.tool)
                   .number("started", millis(f.started))
                   .array("history", f.history, append_transition)
                   .number("number", f.number)
                   .text("upstream", f.upstream)
                   .text("reason", f.reason)
                   .end();
             })
      .array("tenures", s.story.tenures, append_tenure)
      .number("negotiatedAt", millis(s.story.negotiated))
      .number("operatingAt", millis(s.story.operating))
      .raw("toolState", s.tool_state)
      .end();
  return json;
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
  each(member(json, "processes"),
       [&](raw_json p) { s.processes.push_back(mcp::string_value(p).value_or(std::string())); });
  each(member(json, "losses"), [&](raw_json l) {
    s.losses.push_back({text_of(l, "upstream"), timestamp_of(number_of(l, "at"))});
  });
  each(member(json, "asks"), [&](raw_json a) {
    s.asks.push_back({text_of(a, "upstream"), number_of(a, "id"), raw_of(a, "upstreamId"), raw_of(a, "progressToken"),
                      text_of(a, "method"), raw_of(a, "answer")});
  });
  s.lists = read_digests(member(json, "lists"));
  each(member(json, "finished"), [&](raw_json f) {
    s.finished.push_back({text_of(f, "tool"), timestamp_of(number_of(f, "started")), read_history(member(f, "history")),
                          number_of(f, "number"), text_of(f, "upstream"), text_of(f, "reason")});
  });
  s.story = read_story(json);
  s.tool_state = raw_of(json, "toolState");
  return s;
}

std::string to_json(const journal_text& j) {
  std::string json;
  json.reserve(j.params.size() + j.answer.size() + journal_bytes_usual);
  std::array<char, 20> digest{};
  const auto* const digest_end = std::to_chars(digest.data(), digest.data() + digest.size(), j.digest).ptr;
  object(json)
      .number("v", journal_text::version)
      .raw("id", j.client_id)
      .text("digest", j.digest == 0 ? std::string_view() : std::string_view(digest.data(), digest_end))
      .text("method", mcp::to_string(j.what))
      .text("tool", j.tool)
      .text("upstream", j.upstream)
      .raw("params", j.params)
      .raw("progressToken", j.progress_token)
      .number("stream", j.stream)
      .number("repeatable", j.repeatable)
      .number("dispatch", j.dispatch)
      .session("session", j.session)
      .text("eventId", j.event_id)
      .text("shownUri", j.shown_uri)
      .text("upstreamUri", j.upstream_uri)
      .text("trace", j.trace)
      .number("started", millis(j.started))
      .array("history", j.history, append_transition)
      .array("asks", j.asks,
             [](std::string& out, const auto& a) {
               object(out)
                   .number("id", a.id)
                   .raw("upstreamId", a.upstream_id)
                   .raw("progressToken", a.progress_token)
                   .text("method", a.method)
                   .raw("answer", a.answer)
                   .end();
             })
      .raw("answer", j.answer)
      .text("key", j.key)
      .text("keyDigest", j.key_digest == 0 ? std::string() : std::to_string(j.key_digest))
      .number("ended", millis(j.ended))
      .number("prepared", j.prepared)
      .end();
  return json;
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
  j.progress_token = raw_of(json, "progressToken");
  j.stream = static_cast<std::uint32_t>(number_of(json, "stream"));
  j.repeatable = number_of(json, "repeatable") != 0;
  j.dispatch = number_of(json, "dispatch");
  j.session = read_session(member(json, "session"));
  j.event_id = text_of(json, "eventId");
  j.shown_uri = text_of(json, "shownUri");
  j.upstream_uri = text_of(json, "upstreamUri");
  j.trace = text_of(json, "trace");
  j.started = timestamp_of(number_of(json, "started"));
  j.history = read_history(member(json, "history"));
  each(member(json, "asks"), [&](raw_json a) {
    j.asks.push_back({number_of(a, "id"), raw_of(a, "upstreamId"), raw_of(a, "progressToken"), text_of(a, "method"),
                      raw_of(a, "answer")});
  });
  j.answer = raw_of(json, "answer");
  j.key = text_of(json, "key");
  const auto key_digest = text_of(json, "keyDigest");
  std::from_chars(key_digest.data(), key_digest.data() + key_digest.size(), j.key_digest);
  j.ended = timestamp_of(number_of(json, "ended"));
  j.prepared = number_of(json, "prepared");
  return j;
}

std::string to_json(const prepared_execution& p) {
  const auto* const failed = std::get_if<execution::failed>(&p.state);
  std::string json;
  object(json)
      .number("v", prepared_execution::version)
      .number("number", p.number)
      .text("reference", p.reference)
      .text("state", execution::name_of(p.state))
      .number("byTool", failed != nullptr && failed->by_tool)
      .text("tool", p.tool)
      .raw("params", p.params)
      .number("began", millis(p.began))
      .array("history", p.history, append_transition)
      .text("call", p.call)
      .raw("result", p.result)
      .raw("error", p.error)
      .number("notKept", !p.result_kept)
      .end();
  return json;
}

std::optional<prepared_execution> read_prepared(std::string_view json) {
  if (!is_version(json, prepared_execution::version)) return std::nullopt;
  prepared_execution p;
  p.number = number_of(json, "number");
  p.reference = text_of(json, "reference");
  p.tool = text_of(json, "tool");
  const auto state = text_of(json, "state");
  if (state == "selected") p.state = execution::selected{p.tool};
  if (state == "ready") p.state = execution::ready{p.tool};
  if (state == "succeeded") p.state = execution::succeeded{};
  if (state == "failed") p.state = execution::failed{number_of(json, "byTool") != 0};
  if (state == "cancelled") p.state = execution::cancelled{};
  if (state == "interrupted") p.state = execution::interrupted{};
  if (p.number == 0 || execution::name_of(p.state) != state) return std::nullopt;
  p.params = raw_of(json, "params");
  p.began = timestamp_of(number_of(json, "began"));
  p.history = read_history(member(json, "history"));
  p.call = text_of(json, "call");
  p.result = raw_of(json, "result");
  p.error = raw_of(json, "error");
  p.result_kept = number_of(json, "notKept") == 0;
  return p;
}

}  // namespace holdfast::actors
