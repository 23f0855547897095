#include "actors/session_inspection.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"

// What operators see of a session. Read only.

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;
using admin::json_list;
using admin::json_object;
using admin::time_text;
using history = std::vector<execution::transition>;

constexpr std::size_t bare_session_bytes = 1536;
constexpr std::size_t reason_max = 300;
constexpr std::array<std::string_view, 5> phases{"loading", "live", "leaving", "departed", "lost"};
constexpr std::array<std::string_view, 3> beginnings{"created", "came back", "taken over"};

std::string number_of(std::uint64_t in_journal, std::uint64_t local) {
  return in_journal != 0 ? std::to_string(in_journal) : "x" + std::to_string(local);
}

/// Who made what happened then.
const session_story::tenure* during(const session_story& story, execution::timestamp at) {
  const session_story::tenure* found = story.tenures.empty() ? nullptr : &story.tenures.front();
  for (const auto& t : story.tenures) {
    if (t.since <= at) found = &t;
  }
  return found;
}

struct moment {
  execution::timestamp at;
  std::string json;
};

json_object begin_moment(const session_story& story, execution::timestamp at, std::string_view machine) {
  const auto* const t = during(story, at);
  json_object o;
  o.text("at", time_text(at)).text("node", t ? t->node : std::string()).number("epoch", t ? t->epoch : 0);
  o.text("machine", machine);
  return o;
}

std::vector<moment> moments(const session_story& story, const history& of, const std::string& id,
                            const std::string& tool) {
  std::vector<moment> all;
  for (const auto& t : of) {
    auto o = begin_moment(story, t.at, "execution");
    o.text("execution", id);
    if (!tool.empty()) o.text("tool", tool);
    o.text("event", execution::event_name(t.event)).text("state", execution::state_name(t.state));
    all.push_back({t.at, o.str()});
  }
  return all;
}

std::vector<std::string> texts_of(std::vector<moment> all) {
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  std::vector<std::string> texts;
  for (auto& m : all) texts.push_back(std::move(m.json));
  return texts;
}

std::vector<std::string> tenures_of(const session_story& story) {
  std::vector<std::string> all;
  for (auto t = story.tenures.rbegin(); t != story.tenures.rend(); ++t) {
    all.push_back(json_object()
                      .text("node", t->node)
                      .text("incarnation", t->incarnation)
                      .number("epoch", t->epoch)
                      .text("since", time_text(t->since))
                      .text("how", beginnings[static_cast<std::size_t>(t->how)])
                      .str());
  }
  return all;
}

void add_session_steps(std::vector<moment>& to, const session_story& story) {
  const auto add = [&](execution::timestamp at, std::string_view event, std::string_view state) {
    if (at == execution::timestamp()) return;
    to.push_back({at, begin_moment(story, at, "session").text("event", event).text("state", state).str()});
  };
  add(story.negotiated, "initialize_answered", "negotiated");
  add(story.operating, "initialized_said", "operating");
}

/// What an ended call left: of a living session, or of a stored one.
template <class Record>
std::string ended_call(const std::string& session, const std::string& number, const Record& r,
                       const std::string& node) {
  const auto last = r.history.empty() ? r.started : r.history.back().at;
  return json_object()
      .text("id", session + "." + number)
      .text("session", session)
      .text("node", node)
      .text("method", "tools/call")
      .text("tool", r.tool)
      .text("upstream", r.upstream)
      .text("state", r.history.empty() ? "idle" : execution::state_name(r.history.back().state))
      .text("startedAt", time_text(r.started))
      .number("elapsedMs", std::max<std::int64_t>(0, (last - r.started).count()))
      .flag("journaled", !number.starts_with('x'))
      .str();
}

session_actor& of(shard_actor& a) { return static_cast<session_actor&>(a); }

}  // namespace

bool session_inspection::is_session(const shard_actor& a) noexcept {
  return dynamic_cast<const session_actor*>(&a) != nullptr;
}

session_story::timestamp session_actor::story_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

void session_actor::begin_tenure() {
  session_story::tenure t;
  t.node = admin::node_name(node_);
  t.since = story_now();
  if (node_.store && !plain()) {
    t.incarnation = node_.store->incarnation();
    t.epoch = node_.store->token_of(slot_, node_.store->tenure_of(slot_)).epoch;
  }
  using beginning = session_story::beginning;
  if (durable_) {
    durable_->tenure_unwritten = true;
    const auto here = !story_.tenures.empty() && story_.tenures.back().node == t.node;
    t.how = here ? beginning::came_back : beginning::taken_over;
  }
  story_.add(std::move(t));
}

/// Why a call came to no good end; empty if it did not.
std::string session_actor::reason_of(const call& c) {
  if (std::holds_alternative<execution::succeeded>(c.state)) return {};
  auto why = admin::text_of(mcp::member(c.error, "data"), "reason");
  if (why.empty()) why = admin::text_of(c.error, "message");
  if (c.error.empty() && !c.answer.empty()) why = admin::text_of(mcp::member(c.answer, "error"), "message");
  if (why.size() > reason_max)
    why.resize(why.find_last_of(' ', reason_max) == why.npos ? 0 : why.find_last_of(' ', reason_max));
  return why;
}

namespace {

std::string client_of(mcp::raw_json info) {
  if (!mcp::is_object(info)) return "null";
  return json_object()
      .text("name", admin::text_of(info, "name"))
      .text("version", admin::text_of(info, "version"))
      .str();
}

}  // namespace

session_inspection::figures session_inspection::figures_of(shard_actor& session) {
  auto& s = of(session);
  figures f{0, bare_session_bytes};
  if (s.work_) {
    f.calls = s.work_->calls.size();
    f.memory += sizeof(session_workings) + s.work_->finished.size() * 512;
    for (const auto& c : s.work_->calls)
      f.memory += sizeof(call) + c->params.size() + c->answer.size() + c->response.size();
  }
  if (s.streams_) {
    f.memory += sizeof(event_streams) + s.streams_->own_.log.bytes();
    for (const auto& x : s.streams_->others_) f.memory += sizeof x + x.log.bytes();
  }
  if (s.durable_) f.memory += sizeof(session_durability) + s.durable_->shown_bytes + s.durable_->client.size();
  return f;
}

void session_inspection::count_calls(shard_actor& session, std::vector<std::uint64_t>& by_upstream) {
  const auto& s = of(session);
  if (!s.work_) return;
  for (const auto& c : s.work_->calls) {
    if (c->upstream < by_upstream.size()) ++by_upstream[c->upstream];
  }
}

std::string session_inspection::line(shard_actor& session) {
  auto& s = of(session);
  const auto seen = s.observed();
  const auto f = figures_of(session);
  const auto now = coarse_now_ms();
  std::size_t streams = 1, connected = 0;
  if (s.streams_) {
    streams = s.streams_->size();
    connected = s.streams_->own_.exchange ? 1 : 0;
    for (const auto& x : s.streams_->others_) connected += x.exchange ? 1 : 0;
  }
  return json_object()
      .text("id", s.id_)
      .text("node", admin::node_name(s.node_))
      .text_or_null("user", s.principal_)
      .number("slot", s.slot_)
      .text("state", machines::session::name_of(s.state_))
      .text("phase", s.durable_ ? phases[static_cast<std::size_t>(s.durable_->now)] : "memory")
      .text("transport", s.plain() ? "sse" : "streamable-http")
      .text("revision", mcp::to_string(s.revision_))
      .raw("client", client_of(s.client_info_))
      .number("calls", f.calls)
      .number("handled", seen.handled)
      .number("mailbox", seen.waiting)
      .number("streams", streams)
      .number("connected", connected)
      .number("memoryBytes", f.memory)
      .number("ageMs", now - seen.began_ms)
      .number("idleMs", std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(
                                                      session_actor::clock::now() - s.last_traffic_)
                                                      .count()))
      .str();
}

std::vector<std::string> session_inspection::calls(shard_actor& session) {
  auto& s = of(session);
  std::vector<std::string> all;
  if (!s.work_) return all;
  const auto now = session_actor::story_now();
  for (const auto& c : s.work_->calls) {
    const auto* const waits = std::get_if<execution::input_required>(&c->state);
    all.push_back(json_object()
                      .text("id", s.id_ + "." + number_of(c->execution, c->number))
                      .text("session", s.id_)
                      .text("node", admin::node_name(s.node_))
                      .text("method", mcp::to_string(c->what))
                      .text("tool", c->tool)
                      .text("upstream", s.alias_of(*c))
                      .text("state", execution::name_of(c->state))
                      .text("clientId", c->client_id)
                      .text("startedAt", time_text(c->started))
                      .number("elapsedMs", std::max<std::int64_t>(0, (now - c->started).count()))
                      .number("attempts", c->attempts)
                      .flag("journaled", c->execution != 0)
                      .number("waitsForClient", waits ? waits->waiting.size() : 0)
                      .number("stream", c->from ? c->from->stream : 0)
                      .str());
  }
  return all;
}

std::string session_inspection::detail(shard_actor& session) {
  auto& s = of(session);
  auto executions = calls(session);
  std::vector<std::string> streams, upstreams;
  const auto node = admin::node_name(s.node_);
  if (s.work_) {
    for (auto f = s.work_->finished.rbegin(); f != s.work_->finished.rend(); ++f)
      executions.push_back(ended_call(s.id_, number_of(f->number, f->local), *f, node));
    for (const auto& u : s.work_->uses) {
      const auto link = u.link->get();
      upstreams.push_back(json_object()
                              .text("upstream", s.node_.upstreams[u.upstream].config.alias)
                              .flag("own", u.own)
                              .text("state", link ? "ready" : "not connected")
                              .flag("upstreamSession", u.own && link && !link->session().id.empty())
                              .str());
    }
  }
  const auto add_stream = [&](const event_streams::stream& x) {
    streams.push_back(json_object()
                          .number("number", x.number)
                          .flag("attached", x.exchange != nullptr)
                          .flag("finished", x.said_all)
                          .number("events", x.log.size())
                          .number("bytes", x.log.bytes())
                          .number("lastEvent", x.last)
                          .str());
  };
  if (s.streams_) {
    add_stream(s.streams_->own_);
    for (const auto& x : s.streams_->others_) add_stream(x);
  }
  auto* const d = s.durable_.get();
  return json_object()
      .raw("session", line(session))
      .number("epoch", d ? s.node_.store->token_of(s.slot_, d->gate.tenure()).epoch : 0)
      .number("sequence", d ? d->gate.sequence() : 0)
      .number("snapshotBytes", d && d->now == session_durability::phase::live ? to_json(s.snapshot()).size() : 0)
      .flag("committing", d && d->gate.under_way())
      .flag("degraded", d && d->gate.degraded())
      .list("executions", executions)
      .list("streams", streams)
      .list("upstreams", upstreams)
      .number("subscriptions", s.work_ ? s.work_->subscriptions.size() : 0)
      .number("asks", s.work_ ? s.work_->asks.size() : 0)
      .number("shown", d ? d->shown.size() : 0)
      .text_or_null("logLevel", s.level_name_)
      .list("tenures", tenures_of(s.story_))
      .str();
}

std::string session_inspection::history(shard_actor& session) {
  auto& s = of(session);
  std::vector<moment> all;
  add_session_steps(all, s.story_);
  const auto add = [&](const actors::history& h, const std::string& number, const std::string& tool) {
    auto more = moments(s.story_, h, s.id_ + "." + number, tool);
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  if (s.work_) {
    for (const auto& f : s.work_->finished) add(f.history, number_of(f.number, f.local), f.tool);
    for (const auto& c : s.work_->calls) add(c->history, number_of(c->execution, c->number), c->tool);
  }
  return json_object()
      .text("id", s.id_)
      .list("transitions", texts_of(std::move(all)))
      .list("tenures", tenures_of(s.story_))
      .str();
}

std::string session_inspection::execution(shard_actor& session, std::string_view n) {
  auto& s = of(session);
  if (!s.work_) return {};
  const auto whole = [&](const std::string& call, const actors::history& h, const std::string& tool,
                         std::string_view why) {
    return json_object()
        .raw("execution", call)
        .list("transitions", texts_of(moments(s.story_, h, s.id_ + "." + std::string(n), tool)))
        .text("reason", why)
        .str();
  };
  const auto under_way = calls(session);
  for (std::size_t i = 0; i < under_way.size(); ++i) {
    const auto& c = *s.work_->calls[i];
    if (number_of(c.execution, c.number) == n) return whole(under_way[i], c.history, c.tool, {});
  }
  for (auto f = s.work_->finished.rbegin(); f != s.work_->finished.rend(); ++f) {
    const auto number = number_of(f->number, f->local);
    if (number == n)
      return whole(ended_call(s.id_, number, *f, admin::node_name(s.node_)), f->history, f->tool, f->reason);
  }
  return {};
}

std::string session_inspection::stored_detail(const session_snapshot& s, std::uint64_t sequence, std::size_t bytes) {
  std::vector<std::string> executions, upstreams;
  const auto node = s.story.tenures.empty() ? std::string() : s.story.tenures.back().node;
  for (auto f = s.finished.rbegin(); f != s.finished.rend(); ++f)
    executions.push_back(ended_call(s.id, number_of(f->number, 0), *f, node));
  for (const auto& u : s.upstreams) {
    upstreams.push_back(json_object()
                            .text("upstream", u.upstream)
                            .flag("own", true)
                            .text("state", "not connected")
                            .flag("upstreamSession", !u.session.id.empty())
                            .str());
  }
  json_object line;
  line.text("id", s.id).raw("node", "null").text("user", s.principal).number("slot", persistence::slot_of(s.id));
  return json_object()
      .raw("session", line.text("state", "stored").str())
      .number("epoch", s.story.tenures.empty() ? 0 : s.story.tenures.back().epoch)
      .number("sequence", sequence)
      .number("snapshotBytes", bytes)
      .flag("committing", false)
      .flag("degraded", false)
      .list("executions", executions)
      .list("streams", {})
      .list("upstreams", upstreams)
      .number("subscriptions", s.subscriptions.size())
      .number("asks", 0)
      .number("shown", 0)
      .text_or_null("logLevel", s.log_level)
      .list("tenures", tenures_of(s.story))
      .str();
}

std::string session_inspection::stored_history(const session_snapshot& s) {
  std::vector<moment> all;
  add_session_steps(all, s.story);
  for (const auto& f : s.finished) {
    auto more = moments(s.story, f.history, s.id + "." + number_of(f.number, 0), f.tool);
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return json_object()
      .text("id", s.id)
      .list("transitions", texts_of(std::move(all)))
      .list("tenures", tenures_of(s.story))
      .str();
}

}  // namespace holdfast::actors
