#include <caf/send.hpp>

#include "actors/admin/json.hpp"
#include "actors/admin/trace.hpp"
#include "actors/messages.hpp"

namespace holdfast::actors::admin {
namespace {

constexpr milliseconds watch_pause{20};

std::uint64_t next_number() {
  static std::uint64_t last = 0;  // one desk, one thread
  return ++last;
}

}  // namespace

trace_watch::trace_watch(desk& at, std::string id, session_trace::limits l, std::function<bool(const std::string&)> out,
                         std::function<void(const std::string&)> over)
    : desk_(at.shared_from_this()),
      session_(std::move(id)),
      number_(next_number()),
      limits_(l),
      out_(std::move(out)),
      over_(std::move(over)) {}

void trace_watch::look() {
  if (!over_) return;
  auto& node = desk_->node();
  if (node.in_cluster && !node.store->holds(persistence::slot_of(session_))) return finish("moved");
  if (!attached_) {
    if (const auto found = node.sessions.find(session_)) attach(*found);
  }
  desk_->after(watch_pause, [self = shared_from_this()] { self->look(); });
}

void trace_watch::attach(const directory::entry& to) {
  attached_ = to.session;
  const auto sink = [weak = weak_from_this(), home = &desk_->home()](std::string event) {
    home->loop().post([weak, event = std::move(event)] {
      if (const auto self = weak.lock()) self->take(event);
    });
  };
  if (!out_("event: attached\ndata: " + json_object().text("node", desk_->name()).text("session", session_).str() +
            "\n\n"))
    return finish("the listener has gone");
  caf::anon_send(attached_, trace_begin{std::make_shared<session_trace>(number_, desk_->name(), limits_, sink)});
}

void trace_watch::take(const std::string& event) {
  if (!over_) return;
  if (!out_(event)) return finish("the listener has gone");
  if (event.starts_with("event: message\n") && --limits_.max == 0) return finish("max");
  if (!event.starts_with("event: detached\n")) return;
  const auto reason = text_of(event.substr(event.find('{')), "reason");
  attached_ = nullptr;
  if (reason == session_trace::ended) return finish("ended");
  if (reason == session_trace::refused) finish(reason);
}

void trace_watch::stop() { finish("the listener has gone"); }

void trace_watch::finish(const std::string& why) {
  const auto over = std::exchange(over_, nullptr);
  if (!over) return;
  if (attached_) caf::anon_send(std::exchange(attached_, nullptr), trace_end{number_});
  over(why);
}

void serve_trace(desk& at, const std::string& params, std::shared_ptr<transport::http_exchange> to) {
  const auto id = text_of(params, "id");
  const session_trace::limits limits{number_of(params, "max"), number_of(params, "rate"), flag_of(params, "bodies")};
  const auto watch = std::make_shared<trace_watch>(
      at, id, limits, [to](const std::string& event) { return to->write(event); },
      [to](const std::string& why) {
        to->write("event: over\ndata: " + mcp::quote(why) + "\n\n");
        to->end_stream();
      });
  to->on_closed([weak = std::weak_ptr(watch)] {
    if (const auto self = weak.lock()) self->stop();
  });
  to->open_stream({});
  watch->begin();
}

}  // namespace holdfast::actors::admin
