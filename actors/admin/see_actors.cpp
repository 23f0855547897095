#include <cxxabi.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/merge.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"

// The actors of all shards.

namespace holdfast::actors::admin {
namespace {

constexpr std::size_t listed_max = 1'000;

/// "client_message" of `holdfast::actors::client_message`.
std::string kind_of(const std::type_info* type) {
  if (type == nullptr) return {};
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                         &std::free);
  const std::string whole = status == 0 ? name.get() : type->name();
  const auto last = whole.rfind("::");
  return last == std::string::npos ? whole : whole.substr(last + 2);
}

std::uint64_t key_of(const shard_actor::activity& seen, std::string_view sort) {
  if (sort == "mailbox") return seen.waiting;
  if (sort == "handled") return seen.handled;
  if (sort == "age") return static_cast<std::uint64_t>(coarse_now_ms() - seen.began_ms);
  if (sort == "idle") return static_cast<std::uint64_t>(coarse_now_ms() - seen.active_ms);
  return 0;
}

std::string line_of(const shard_actor& a, const shard_actor::activity& seen, const std::string& node,
                    std::size_t shard) {
  json_object o;
  o.text("id", std::to_string(a.id()) + "@" + node).text("node", node).text("kind", a.name());
  o.text("subject", a.subject()).number("shard", shard).number("mailbox", seen.waiting).number("handled", seen.handled);
  o.text("lastMessage", kind_of(seen.last)).number("ageMs", coarse_now_ms() - seen.began_ms);
  return o.number("idleMs", std::max<std::int64_t>(0, coarse_now_ms() - seen.active_ms)).str();
}

struct shard_list {
  std::size_t total = 0;
  std::vector<std::string> lines;  // {"key","number","actor"}
};

struct wish {
  std::string kind, sort, node;
  std::uint64_t number = 0;  // of one actor; 0 = all
  std::size_t count = 0;
};

shard_list list_of_shard(shard& s, std::size_t shard_number, const wish& w) {
  struct entry {
    std::uint64_t key;
    shard_actor* actor;
    shard_actor::activity seen;
  };
  shard_list list;
  s.with_actors([&](const auto& residents) {
    std::vector<entry> all;
    for (auto* const a : residents) {
      if ((!w.kind.empty() && w.kind != a->name()) || (w.number != 0 && w.number != a->id())) continue;
      const auto seen = a->observed();
      all.push_back({key_of(seen, w.sort), a, seen});
    }
    list.total = all.size();
    const auto shown = all.begin() + static_cast<std::ptrdiff_t>(std::min(w.count, all.size()));
    std::partial_sort(all.begin(), shown, all.end(), [](const entry& x, const entry& y) {
      return x.key != y.key ? x.key > y.key : x.actor->id() < y.actor->id();
    });
    for (auto i = all.begin(); i != shown; ++i) {
      list.lines.push_back(json_object()
                               .number("key", i->key)
                               .number("number", i->actor->id())
                               .raw("actor", line_of(*i->actor, i->seen, w.node, shard_number))
                               .str());
    }
  });
  return list;
}

std::vector<std::string> sorted(std::vector<std::string> lines) {
  struct place {
    std::uint64_t key, number;
    std::string actor;
  };
  std::vector<place> all;
  for (const auto& l : lines)
    all.push_back({number_of(l, "key"), number_of(l, "number"), std::string(mcp::member(l, "actor"))});
  std::stable_sort(all.begin(), all.end(),
                   [](const place& a, const place& b) { return a.key != b.key ? a.key > b.key : a.number < b.number; });
  std::vector<std::string> actors;
  for (auto& a : all) actors.push_back(std::move(a.actor));
  return actors;
}

}  // namespace

void ask_actors(desk& at, const std::string& params, reply done) {
  const wish w{text_of(params, "kind"), text_of(params, "sort"), at.name(), number_of(params, "number"),
               std::min<std::size_t>(number_of(params, "count"), listed_max)};
  at.at_every_shard<shard_list>(
      [w, shards = &at.node().shards](shard& s) {
        const auto found = std::find_if(shards->begin(), shards->end(), [&](const auto& x) { return x.get() == &s; });
        return list_of_shard(s, static_cast<std::size_t>(found - shards->begin()), w);
      },
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

void see_actors(desk& at, const request& r, reply done) {
  const auto limit = r.number("limit", 100);
  const auto params =
      json_object().text("kind", r.text("kind")).text("sort", r.text("sort", "id")).number("count", limit).str();
  at.ask_all(r.whole_cluster(), "actors", params, [limit, done = std::move(done)](const parts& p) {
    std::uint64_t total = 0;
    for (const auto& each : p.all) total += number_of(each.json, "total");
    auto all = sorted(p.joined("lines"));
    if (all.size() > limit) all.resize(limit);
    done(json_object().list("actors", all).number("total", total).texts("unreachable", p.unreachable).str());
  });
}

void see_actor(desk& at, const request& r, reply done) {
  const auto& id = r.args[0];
  const auto sign = id.find('@');
  std::uint64_t number = 0;
  if (sign == std::string::npos || std::from_chars(id.data(), id.data() + sign, number).ptr != id.data() + sign ||
      number == 0)
    return done(problem{400, "No id of an actor", "It is NUMBER@NODE", {}, {}});
  const auto params = json_object().number("number", number).number("count", 1).str();
  at.ask_node(id.substr(sign + 1), "actors", params, at.answer_within(), [done = std::move(done)](answer a) {
    auto* const json = std::get_if<std::string>(&a);
    if (json == nullptr) return done(std::move(a));
    const auto lines = list_of(*json, "lines");
    if (lines.empty()) return done(problem{404, "No such actor", {}, {}, {}});
    done(json_object().raw("actor", mcp::member(lines[0], "actor")).raw("unreachable", "[]").str());
  });
}

}  // namespace holdfast::actors::admin
