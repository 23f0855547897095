#include <algorithm>
#include <charconv>

#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/merge.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/session_inspection.hpp"
#include "transport/mcp/sealed.hpp"

// Lists of sessions, and how one of them is found.

namespace holdfast::actors::admin {
namespace {

constexpr std::size_t listed_max = 10'000;  // entries that one question can reach over its pages
constexpr std::size_t matches_max = 10;
constexpr std::size_t prefix_min = 4;

/// What decides over the place in a list: the larger, the earlier.
std::uint64_t key_of(shard_actor& a, std::string_view sort) {
  if (sort == "id") return 0;
  if (sort == "calls") return session_inspection::figures_of(a).calls;
  if (sort == "memory") return session_inspection::figures_of(a).memory;
  const auto seen = a.observed();
  if (sort == "handled") return seen.handled;
  if (sort == "mailbox") return seen.waiting;
  return static_cast<std::uint64_t>(coarse_now_ms() - (sort == "age" ? seen.began_ms : seen.active_ms));
}

struct shard_list {
  std::size_t total = 0;
  std::vector<std::string> lines;  // {"key","session"}
};

shard_list list_of_shard(shard& s, const std::string& prefix, const std::string& sort, std::size_t count) {
  shard_list list;
  s.with_actors([&](const auto& residents) {
    std::vector<std::pair<std::uint64_t, shard_actor*>> all;
    for (auto* const a : residents) {
      if (session_inspection::is_session(*a) && a->subject().starts_with(prefix)) all.emplace_back(key_of(*a, sort), a);
    }
    list.total = all.size();
    const auto shown = all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size()));
    std::partial_sort(all.begin(), shown, all.end(), [](const auto& x, const auto& y) {
      return x.first != y.first ? x.first > y.first : x.second->subject() < y.second->subject();
    });
    for (auto i = all.begin(); i != shown; ++i) {
      list.lines.push_back(
          json_object().number("key", i->first).raw("session", session_inspection::line(*i->second)).str());
    }
  });
  return list;
}

/// Of all nodes, in order: {"key","session"}.
std::vector<std::string> merged(std::vector<std::string> lines) {
  struct keyed {
    std::uint64_t key;
    std::string id, session;
  };
  std::vector<keyed> all;
  for (const auto& l : lines) {
    const auto session = mcp::member(l, "session");
    all.push_back({number_of(l, "key"), text_of(session, "id"), std::string(session)});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.key != b.key ? a.key > b.key : a.id < b.id; });
  // One that moves may be seen twice; a stored one may have come back meanwhile.
  const auto same = [](const auto& a, const auto& b) { return a.id == b.id; };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  std::vector<std::string> sessions;
  for (auto& k : all) sessions.push_back(std::move(k.session));
  return sessions;
}

struct page {
  std::size_t first = 0, count = 100;
};

std::string page_of(const std::vector<std::string>& sorted, const page& p, std::uint64_t total, bool store_read,
                    const std::vector<std::string>& unreachable) {
  std::vector<std::string> shown;
  for (std::size_t i = p.first; i < std::min(sorted.size(), p.first + p.count); ++i) shown.push_back(sorted[i]);
  const auto more = p.first + p.count < total && p.first + p.count < listed_max;
  return json_object()
      .list("sessions", shown)
      .number("total", total)
      .text_or_null("next", more ? std::to_string(p.first + p.count) : std::string())
      .flag("storeRead", store_read)
      .texts("unreachable", unreachable)
      .str();
}

}  // namespace

void ask_sessions(desk& at, const std::string& params, reply done) {
  const auto prefix = text_of(params, "prefix"), sort = text_of(params, "sort");
  const auto count = std::min<std::size_t>(number_of(params, "count"), listed_max);
  at.at_every_shard<shard_list>([prefix, sort, count](shard& s) { return list_of_shard(s, prefix, sort, count); },
                                [done = std::move(done)](const auto& shards) {
                                  std::size_t total = 0;
                                  std::vector<std::string> lines;
                                  for (const auto& s : shards) {
                                    total += s.total;
                                    lines.insert(lines.end(), s.lines.begin(), s.lines.end());
                                  }
                                  done(json_object().number("total", total).list("lines", lines).str());
                                });
}

void see_sessions(desk& at, const request& r, reply done) {
  page p;
  p.count = r.number("limit", 100);
  const auto cursor = r.text("cursor", "0");
  const auto* const end = cursor.data() + cursor.size();
  if (std::from_chars(cursor.data(), end, p.first).ptr != end || p.first > listed_max)
    return done(problem{400, "A parameter is wrong", "cursor is none that `next` gave", {}, {}});
  const auto where = r.text("where", "memory");
  const auto params = json_object()
                          .text("prefix", r.text("prefix"))
                          .text("sort", r.text("sort", "id"))
                          .number("count", p.first + p.count)
                          .str();
  struct both {
    std::optional<parts> memory, stored;
  };
  const auto b = std::make_shared<both>();
  const auto finish = [b, p, where, done = std::move(done)] {
    if (!b->memory || !b->stored) return;
    std::uint64_t total = 0;
    bool read = where != "memory" && b->stored->unreachable.empty();
    for (const auto& each : b->memory->all) total += number_of(each.json, "total");
    auto lines = b->memory->joined("lines");
    for (const auto& each : b->stored->all) {
      total += number_of(each.json, "total");
      read = read && flag_of(each.json, "complete");
    }
    const auto stored = b->stored->joined("lines");
    lines.insert(lines.end(), stored.begin(), stored.end());
    auto unreachable = where == "store" ? b->stored->unreachable : b->memory->unreachable;
    done(page_of(merged(std::move(lines)), p, total, read, unreachable));
  };
  b->memory = parts();
  b->stored = parts();
  if (where != "store") b->memory.reset();
  if (where != "memory") b->stored.reset();
  if (where != "store") {
    at.ask_all(r.whole_cluster(), "sessions", params, [b, finish](parts got) {
      b->memory = std::move(got);
      finish();
    });
  }
  if (where != "memory") {
    at.ask_all(r.whole_cluster(), "stored", params, [b, finish](parts got) {
      b->stored = std::move(got);
      finish();
    });
  }
}

std::vector<std::string> ids_here(const node_context& node, const std::string& prefix) {
  if (mcp::is_random_id(prefix)) {
    return node.sessions.find(prefix) ? std::vector<std::string>{prefix} : std::vector<std::string>();
  }
  if (prefix.size() < prefix_min) return {};
  return node.sessions.ids(prefix, matches_max);
}

std::optional<problem> too_short(const std::string& prefix) {
  if (prefix.size() >= prefix_min) return std::nullopt;
  return problem{400, "The id is too short", "Give at least four characters of it", {}, {}};
}

void find_session(desk& at, const std::string& prefix, bool whole_cluster, std::function<void(found_session)> done) {
  if (auto trouble = too_short(prefix)) return done({{}, {}, std::move(trouble)});
  const auto params = json_object().text("id", prefix).flag("find", true).str();
  at.ask_all(whole_cluster, "session", params, [done = std::move(done)](const parts& p) {
    found_session found;
    std::vector<std::string> ids;
    for (const auto& each : p.all) {
      for (const auto raw : list_of(each.json, "matches")) {
        ids.push_back(mcp::string_value(raw).value_or(std::string()));
        found.id = ids.back();
        found.node = each.node;
      }
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    if (ids.size() > 1) {
      found.trouble = problem{409, "More than one id begins so", {}, ids, p.unreachable};
    } else if (ids.empty()) {
      found.trouble = problem{404, "No such session in memory", {}, {}, p.unreachable};
    }
    done(std::move(found));
  });
}

void find_anywhere(desk& at, const std::string& prefix, bool whole_cluster, std::function<void(found_session)> done) {
  find_session(at, prefix, whole_cluster,
               [self = at.shared_from_this(), prefix, whole_cluster, done = std::move(done)](found_session f) {
                 if (!f.trouble || f.trouble->status != 404 || mcp::is_random_id(prefix)) return done(std::move(f));
                 find_stored(*self, prefix, whole_cluster, done);
               });
}

std::string owner_of_id(desk& at, const std::string& id) {
  if (!at.node().in_cluster) return at.name();
  const auto routes = at.node().in_cluster->routes.get();
  const auto* const peer = routes->owner_of(persistence::slot_of(id));
  return peer == nullptr ? std::string() : peer->name;
}

}  // namespace holdfast::actors::admin
