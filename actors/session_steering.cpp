#include <algorithm>

#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/session_inspection.hpp"
#include "transport/mcp/messages.hpp"

// What operators change about a session.

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;

std::string number_of(const call& c) {
  return c.execution != 0 ? std::to_string(c.execution) : "x" + std::to_string(c.number);
}

call_ptr find_call(const session_workings* work, std::string_view number) {
  if (work == nullptr) return nullptr;
  const auto found = std::find_if(work->calls.begin(), work->calls.end(), [&](const auto& c) {
    return number_of(*c) == number && !execution::is_final(c->state);
  });
  return found == work->calls.end() ? nullptr : *found;
}

}  // namespace

/// Its client is told: it did not ask for this, and waits.
void session_actor::cancel_for_operator(const std::string& number) {
  const auto c = find_call(work_.get(), number);
  if (!c || over() || (durable_ && durable_->now != session_durability::phase::live)) return;
  for (auto& u : work_->uses) std::erase(u.waiting, c);
  const auto dispatched = std::holds_alternative<execution::executing>(c->state) ||
                          std::holds_alternative<execution::input_required>(c->state);
  c->error = mcp::error_object(mcp::code::internal_error, "The call was cancelled by an operator",
                               error_data(*c, "cancelled by an operator", dispatched));
  apply(c, execution::cancel_asked{});
}

void session_actor::begin_trace(std::shared_ptr<session_trace> to) {
  if (over()) return to->set_reason(session_trace::ended);
  if (!traces_) traces_ = std::make_unique<session_traces>();
  if (traces_->all.size() == session_traces::max) return to->set_reason(session_trace::refused);
  traces_->all.push_back(std::move(to));
}

void session_actor::end_trace(std::uint64_t id) {
  if (!traces_) return;
  std::erase_if(traces_->all, [id](const auto& t) { return t->id() == id; });
  if (traces_->all.empty()) traces_.reset();
}

void session_actor::end_traces(const std::string& why) {
  if (!traces_) return;
  for (const auto& t : traces_->all) t->set_reason(why);
  traces_.reset();
}

void session_actor::show_trace(session_trace::place from, session_trace::place to, std::string_view json,
                               const call* of) {
  const auto upstream = of != nullptr ? alias_of(*of) : std::string_view();
  const auto execution = of != nullptr ? id_ + "." + number_of(*of) : std::string();
  for (const auto& t : traces_->all) t->note(from, to, json, upstream, execution);
  if (std::any_of(traces_->all.begin(), traces_->all.end(), [](const auto& t) { return t->over(); })) {
    for (const auto& t : traces_->all) {
      if (t->over()) t->set_reason("shown as many as asked for");
    }
    std::erase_if(traces_->all, [](const auto& t) { return t->over(); });
    if (traces_->all.empty()) traces_.reset();
  }
}

std::string session_inspection::why_it_stays(shard_actor& session) {
  auto& s = static_cast<session_actor&>(session);
  if (s.over()) return "it has ended";
  if (!s.durable_) return "nothing of it is kept in a store";
  if (s.durable_->now != session_durability::phase::live) return "it is on its way already";
  if (s.durable_->gate.sequence() == 0) return "its client has not initialized it yet";
  const auto calls = s.work_ ? s.work_->calls.size() : 0;
  return calls == 0 ? std::string() : std::to_string(calls) + " call(s) run in it";
}

bool session_inspection::is_under_way(shard_actor& session, std::string_view n) {
  return find_call(static_cast<session_actor&>(session).work_.get(), n) != nullptr;
}

}  // namespace holdfast::actors
