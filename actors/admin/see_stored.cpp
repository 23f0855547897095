#include <algorithm>

#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/session_inspection.hpp"

// Sessions that are in the store only. The store is asked no longer than an operator waits.

namespace holdfast::actors::admin {
namespace {

using persistence::slot_count;

/// The rest of the time is for the way.
milliseconds read_within(const desk& at) { return at.answer_within() * 2 / 3; }

constexpr std::size_t chains_max = 16, page_entries = 256;

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

void ask_stored_session(desk& at, const std::string& id, bool history, reply done) {
  const auto once = std::make_shared<reply>(std::move(done));
  const auto finish = [once](answer a) {
    if (const auto f = std::exchange(*once, nullptr)) f(std::move(a));
  };
  at.after(read_within(at), [finish] { finish(problem{502, "The store does not answer", {}, {}, {}}); });
  at.home().lane()->load({"session", id}, [self = at.shared_from_this(), id, history, finish](const auto& loaded) {
    if (self->closed()) return;
    if (!loaded) return finish(problem{503, "The store does not answer", loaded.error().detail, {}, {}});
    if (!*loaded) return finish(std::string());
    std::size_t size = 0;
    const auto s = snapshot_of(self->node(), id, (**loaded).snapshot, size);
    if (!s) return finish(problem{500, "What the store holds of it cannot be read", {}, {}, {}});
    finish(history ? session_inspection::stored_history(*s)
                   : session_inspection::stored_detail(*s, (**loaded).sequence, size));
  });
}

}  // namespace holdfast::actors::admin
