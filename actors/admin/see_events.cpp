#include <algorithm>
#include <map>

#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/recent_events.hpp"

// What happened, and what is happening.

namespace holdfast::actors::admin {
namespace {

constexpr milliseconds look_pause{200};
constexpr int looks_between_comments = 50;
constexpr std::size_t at_once_max = 1'000;

std::string line_of(const recent_events::event& e, const std::string& node) {
  return json_object()
      .text("node", node)
      .number("sequence", e.sequence)
      .text("at", time_text(std::chrono::sys_time<milliseconds>(milliseconds{e.at_ms})))
      .text("level", log::name_of(e.level))
      .text("event", e.name)
      .raw("fields", e.fields)
      .str();
}

std::vector<std::string> in_order(std::vector<std::string> all, std::size_t max) {
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return text_of(a, "at") < text_of(b, "at"); });
  if (all.size() > max) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(max));
  return all;
}

/// Sends what is new at any node to one listener, until that goes.
struct follower : std::enable_shared_from_this<follower> {
  follower(desk& d, const request& r)
      : at(d.shared_from_this()),
        exchange(r.exchange),
        whole(r.whole_cluster()),
        prefix(r.text("event")),
        limit(r.number("limit", 100)) {}

  void begin() {
    exchange->on_closed([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->exchange = nullptr;
    });
    exchange->open_stream({});
    look();
  }

  void look() {
    if (!exchange) return;
    json_object after;
    for (const auto& [node, sequence] : seen) after.number(node, sequence);
    const auto params = json_object().raw("after", after.str()).text("event", prefix).number("count", limit).str();
    at->ask_all(whole, "events", params, [self = shared_from_this()](const parts& p) { self->show(p); });
  }

  void show(const parts& p) {
    if (!exchange) return;
    limit = at_once_max;
    std::string text;
    for (const auto& each : p.all) seen[each.node] = std::max(seen[each.node], number_of(each.json, "last"));
    for (const auto& line : in_order(p.joined("events"), at_once_max)) text += "event: event\ndata: " + line + "\n\n";
    if (p.unreachable != unreachable) {
      unreachable = p.unreachable;
      text += "event: unreachable\ndata: " + json_texts(unreachable) + "\n\n";
    }
    if (text.empty() && ++quiet % looks_between_comments == 0) text = ": still here\n\n";
    if (!text.empty() && !exchange->write(text)) exchange = nullptr;
    if (exchange) at->after(look_pause, [self = shared_from_this()] { self->look(); });
  }

  const std::shared_ptr<desk> at;
  std::shared_ptr<transport::http_exchange> exchange;  // null once the listener has gone
  const bool whole;
  const std::string prefix;
  std::size_t limit;
  std::map<std::string, std::uint64_t> seen;  // by node
  std::vector<std::string> unreachable;
  int quiet = 0;
};

}  // namespace

void ask_events(desk& at, const std::string& params, reply done) {
  const auto prefix = text_of(params, "event");
  const auto count = std::min<std::size_t>(number_of(params, "count"), at_once_max);
  // Whoever followed the process of before begins anew.
  auto after = number_of(mcp::member(params, "after"), at.name());
  const auto newest = recent_events::after(0, 1);
  const auto last = newest.empty() ? 0 : newest.back().sequence;
  if (after > last) after = 0;
  std::vector<std::string> lines;
  for (const auto& e : recent_events::after(after, count, prefix)) lines.push_back(line_of(e, at.name()));
  done(json_object().number("last", last).list("events", lines).str());
}

void see_events(desk& at, const request& r, reply done) {
  if (r.flag("follow")) return std::make_shared<follower>(at, r)->begin();
  const auto limit = r.number("limit", 100);
  const auto params = json_object().text("event", r.text("event")).number("count", limit).str();
  at.ask_all(r.whole_cluster(), "events", params, [limit, done = std::move(done)](const parts& p) {
    done(json_object().list("events", in_order(p.joined("events"), limit)).texts("unreachable", p.unreachable).str());
  });
}

}  // namespace holdfast::actors::admin
