#include <algorithm>
#include <set>

#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/session_inspection.hpp"

// Sessions that are in the store only. The store is asked no longer than an operator waits.

namespace holdfast::actors::admin {
namespace {

using persistence::slot_count;

/// The rest of the time is for the way.
milliseconds read_within(const desk& at) { return at.answer_within() * 2 / 3; }

constexpr std::size_t chains_max = 16, page_entries = 256, stored_matches_max = 10;

/// Reads the lists of one slot after another, several at a time, until there is enough or the time is over.
struct scan : std::enable_shared_from_this<scan> {
  scan(std::shared_ptr<desk> d, std::string p, std::size_t n, reply f)
      : at(std::move(d)), prefix(std::move(p)), count(n), done(std::move(f)) {
    for (std::uint16_t s = 0; s < slot_count; ++s) {
      if (at->node().store->holds(s)) slots.push_back(s);
    }
  }

  void begin() {
    at->after(read_within(*at), [self = shared_from_this()] { self->finish(false); });
    open = std::min(chains_max, slots.size());
    if (open == 0) return finish(true);
    for (std::size_t i = 0, chains = open; i < chains; ++i) next(take(), {});
  }

  std::uint16_t take() {
    const auto slot = slots.back();
    slots.pop_back();
    return slot;
  }

  void next(std::uint16_t slot, const std::string& cursor) {
    at->home().lane()->list("session", slot, cursor, page_entries, [self = shared_from_this(), slot](const auto& page) {
      if (!self->done || self->at->closed()) return;
      if (!page) return self->finish(false);
      for (const auto& e : page->entries) self->add(slot, e);
      if (!page->next.empty()) return self->next(slot, page->next);
      if (self->slots.empty()) {
        if (--self->open == 0) self->finish(true);
        return;
      }
      self->next(self->take(), {});
    });
  }

  void add(std::uint16_t slot, const persistence::listed& e) {
    if (!e.id.starts_with(prefix) || at->node().sessions.find(e.id)) return;
    ++total;
    json_object o;
    o.text("id", e.id).raw("node", "null").number("slot", slot).text("state", "stored");
    if (e.expires_in && *e.expires_in != milliseconds::max()) o.number("expiresInMs", *e.expires_in);
    lines.emplace_back(e.id, json_object().number("key", 0).raw("session", o.str()).str());
  }

  void finish(bool complete) {
    const auto f = std::exchange(done, nullptr);
    if (!f) return;
    std::sort(lines.begin(), lines.end());
    std::vector<std::string> shown;
    for (std::size_t i = 0; i < std::min(count, lines.size()); ++i) shown.push_back(std::move(lines[i].second));
    f(json_object().number("total", total).list("lines", shown).flag("complete", complete).str());
  }

  const std::shared_ptr<desk> at;
  const std::string prefix;
  const std::size_t count;
  reply done;
  std::vector<std::uint16_t> slots;
  std::vector<std::pair<std::string, std::string>> lines;
  std::size_t total = 0, open = 0;
};

/// What the store holds of a session, decoded; the reason is for the log of whoever asked.
std::optional<session_snapshot> snapshot_of(const node_context& node, const std::string& id, const std::string& bytes,
                                            std::size_t& size) {
  const auto field = node.store->texts().encrypts() ? "session/" + id + "/snapshot" : std::string();
  const auto text = node.store->texts().decode(bytes, field);
  if (!text) return std::nullopt;
  size = text->size();
  return read_snapshot(*text);
}

}  // namespace

void ask_stored(desk& at, const std::string& params, reply done) {
  if (!at.node().store) return done(R"({"total":0,"lines":[],"complete":true})");
  const auto count = std::min<std::size_t>(number_of(params, "count"), 10'000);
  std::make_shared<scan>(at.shared_from_this(), text_of(params, "prefix"), count, std::move(done))->begin();
}

void ask_stored_session(desk& at, const std::string& id, stored_view show, reply done) {
  const auto once = std::make_shared<reply>(std::move(done));
  const auto finish = [once](answer a) {
    if (const auto f = std::exchange(*once, nullptr)) f(std::move(a));
  };
  at.after(read_within(at), [finish] { finish(problem{502, "The store does not answer", {}, {}, {}}); });
  at.home().lane()->load({"session", id},
                         [self = at.shared_from_this(), id, show = std::move(show), finish](const auto& loaded) {
                           if (self->closed()) return;
                           if (!loaded)
                             return finish(problem{503, "The store does not answer", loaded.error().detail, {}, {}});
                           if (!*loaded) return finish(std::string());
                           std::size_t size = 0;
                           const auto s = snapshot_of(self->node(), id, (**loaded).snapshot, size);
                           if (!s) return finish(problem{500, "What the store holds of it cannot be read", {}, {}, {}});
                           finish(show(*s, (**loaded).sequence, size));
                         });
}

std::string stored_execution(const session_snapshot& s, const std::string& number) {
  const auto known = std::find_if(s.finished.begin(), s.finished.end(),
                                  [&](const auto& f) { return f.number != 0 && std::to_string(f.number) == number; });
  if (known == s.finished.end()) return {};
  const auto id = s.id + "." + number;
  const auto detail = session_inspection::stored_detail(s, 0, 0), history = session_inspection::stored_history(s);
  std::string call;
  for (const auto raw : list_of(detail, "executions")) {
    if (text_of(raw, "id") == id) call = raw;
  }
  std::vector<std::string> transitions;
  for (const auto raw : list_of(history, "transitions")) {
    if (text_of(raw, "execution") == id) transitions.emplace_back(raw);
  }
  return json_object().raw("execution", call).list("transitions", transitions).text("reason", known->reason).str();
}

void find_stored(desk& at, const std::string& prefix, bool whole_cluster, std::function<void(found_session)> done) {
  const auto params = json_object().text("prefix", prefix).number("count", stored_matches_max).str();
  at.ask_all(whole_cluster, "stored", params, [done = std::move(done)](const parts& p) {
    found_session found;
    std::set<std::string> ids;
    bool complete = p.unreachable.empty() && p.problems.empty();
    for (const auto& each : p.all) {
      complete = complete && flag_of(each.json, "complete");
      for (const auto raw : list_of(each.json, "lines")) {
        found.id = text_of(mcp::member(raw, "session"), "id");
        found.node = each.node;
        ids.insert(found.id);
      }
    }
    if (ids.size() > 1) {
      found.trouble = problem{409, "More than one id begins so", {}, {ids.begin(), ids.end()}, p.unreachable};
    } else if (ids.empty()) {
      const auto why = complete ? "" : "Not all of the store could be looked through";
      found.trouble = problem{404, "No such session", why, {}, p.unreachable};
    }
    if (found.trouble) found.id.clear();
    done(std::move(found));
  });
}

}  // namespace holdfast::actors::admin
