#include "actors/registry.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <set>
#include <unordered_map>
#include <utility>

#include "actors/log.hpp"
#include "actors/messages.hpp"
#include "actors/node_context.hpp"
#include "actors/test_hooks.hpp"
#include "actors/upstream.hpp"

namespace holdfast::actors {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

constexpr std::string_view record_name = "upstreams";
constexpr std::string_view bound_to = "cluster/upstreams";
constexpr std::string_view load_lock = "upstreams";
constexpr auto load_lasts = milliseconds{5'000};  // at most; whoever dies meanwhile keeps the others for so long
constexpr auto turn_pause = milliseconds{50};
constexpr auto look_pause = milliseconds{5'000};
constexpr auto retry_pause = milliseconds{1'000};
constexpr auto no_answer = "the store does not answer";

transport::failure unusable(std::string why) { return {make_error_code(std::errc::invalid_argument), std::move(why)}; }

}  // namespace

registry::registry(caf::actor_system& system, shard& home, node_context& node)
    : system_(system), home_(home), node_(node), configured_(node.config.upstreams) {}

/// `f` as a callback: not once the node has stopped.
template <class F>
auto registry::guarded(F f) {
  return [weak = weak_from_this(), f = std::move(f)](auto&&... args) mutable {
    if (const auto self = weak.lock(); self && !self->stopped_) f(std::forward<decltype(args)>(args)...);
  };
}

void registry::begin(std::function<void()> done) {
  for (const auto u : *node_.upstreams.in_force()) spawn(u);
  read([done = std::move(done)](const std::string&) { done(); });
  if (node_.in_cluster) look();
}

void registry::spawn(std::uint32_t upstream) {
  auto& u = node_.upstreams[upstream];
  u.shared = spawn_upstream(system_, *node_.shards[upstream % node_.shards.size()], node_,
                            {upstream, connection_role::shared, {}, {}, {}, {}, {}}, u.link);
}

// --- the record ------------------------------------------------------------------------------------------------------

void registry::change(std::function<std::string(registry_record&)> change, finish done) {
  orders_.push_back({std::move(change), std::move(done)});
  write();
}

void registry::write() {
  if (writing_ || reading_ || orders_.empty() || stopped_) return;
  auto next = record_;
  const auto problem = orders_.front().change(next);
  if (!problem.empty()) return end_order(problem);
  writing_ = true;
  if (!node_.store) return written(persistence::verdict::ok, std::move(next));
  const auto by = node_.store->incarnation() + "/" + std::to_string(++writes_);
  const auto bytes = node_.store->texts().encode(to_json(next, by), bound_to);
  home_.lane()->change_record(record_name, version(), bytes,
                              guarded([this, next](const auto& v) { written(v, next); }));
}

void registry::written(const persistence::result<persistence::verdict>& v, registry_record what) {
  writing_ = false;
  if (!v) {
    node_.store->note_failure(v.error());
    return end_order(no_answer);
  }
  if (*v == persistence::verdict::conflict) return read({});  // and writes again, on top of what is there now
  crash_point("after_registration");
  record_ = std::move(what);
  version_ = version() + 1;
  writing_ = true;
  bring_into_force(guarded([this] {
    writing_ = false;
    end_order({});
  }));
}

void registry::end_order(const std::string& problem) {
  const auto over = std::move(orders_.front());
  orders_.pop_front();
  over.done(problem);
  if (!readers_.empty()) return read({});
  write();
}

void registry::heard(std::uint64_t version) {
  if (version > this->version() && !reading_ && !writing_) read({});
}

/// Now and then: whoever has changed it may have died before it told anybody.
void registry::look() {
  home_.loop().after(look_pause, guarded([this] {
                       look();
                       home_.lane()->read_record(record_name, guarded([this](const auto& r) {
                                                   if (r && *r) heard((**r).version);
                                                 }));
                     }));
}

void registry::learn(std::uint64_t version, finish done) {
  if (version > this->version()) return read(std::move(done));
  // It may be known, and yet be about to come into force.
  bring_into_force([done = std::move(done)] { done({}); });
}

void registry::read(finish then) {
  if (then) readers_.push_back(std::move(then));
  if (reading_ || writing_ || stopped_) return;
  auto over = [this, count = readers_.size()](const std::string& problem) {
    reading_ = false;
    const auto end = readers_.begin() + static_cast<std::ptrdiff_t>(count);
    const std::vector<finish> those(readers_.begin(), end);
    readers_.erase(readers_.begin(), end);
    for (const auto& f : those) f(problem);
    if (!readers_.empty()) return read({});
    write();
  };
  reading_ = true;
  if (!node_.store) return bring_into_force(guarded([over] { over({}); }));
  home_.lane()->read_record(record_name, guarded([this, over](const auto& r) {
                              if (!r) {
                                node_.store->note_failure(r.error());
                                home_.loop().after(retry_pause, guarded([this] { read({}); }));
                                return over(no_answer);
                              }
                              take(*r ? **r : persistence::versioned());
                              bring_into_force(guarded([over] { over({}); }));
                            }));
}

void registry::take(const persistence::versioned& v) {
  version_ = v.version;
  if (v.version == 0) return record_.clear();
  const auto text = node_.store->texts().decode(v.bytes, bound_to);
  auto record = text ? read_registry(*text) : std::nullopt;
  if (record) {
    record_ = std::move(*record);
    return;
  }
  const auto why = text ? std::string("it is of another version") : text.error().detail;
  log::error("registry.unreadable", {{"effect", "the upstreams stay as this node knows them"}, {"reason", why}});
}

// --- the configuration -----------------------------------------------------------------------------------------------

std::string registry::reload() {
  if (!node_.process.configured) return "this node was given no configuration that could be read again";
  auto read = node_.process.configured();
  if (!read) {
    log::error("registry.reload_failed",
               {{"reason", read.error().detail}, {"effect", "the upstreams stay as they are"}});
    return read.error().detail;
  }
  ++turns_;
  take_turns(clock::now() + 2 * load_lasts, std::move(*read));
  return {};
}

void registry::take_turns(clock::time_point until, std::vector<upstream_config> next) {
  if (!node_.store) return load(std::move(next), {});
  home_.lane()->acquire(load_lock, load_lasts, guarded([this, until, next = std::move(next)](const auto& got) mutable {
                          if (got && !*got && clock::now() < until) {
                            home_.loop().after(turn_pause, guarded([this, until, next = std::move(next)]() mutable {
                                                 take_turns(until, std::move(next));
                                               }));
                            return;
                          }
                          if (!got) node_.store->note_failure(got.error());
                          // Without a store nobody can take turns.
                          load(std::move(next), got && *got ? **got : std::string());
                        }));
}

/// `turn`: the word of the lock, if this node has it.
void registry::load(std::vector<upstream_config> next, const std::string& turn) {
  configured_ = std::move(next);
  bring_into_force([this, turn] {
    --turns_;
    if (!turn.empty() && home_.lane() != nullptr) home_.lane()->unlock(load_lock, turn, [](const auto&) {});
  });
}

// --- what is in force ------------------------------------------------------------------------------------------------

std::uint32_t registry::add(const upstream_config& u) {
  const auto index = node_.add_upstream(u);
  spawn(index);
  return index;
}

/// A definition that was read before is not read again: there may be thousands, and this is an I/O thread.
transport::outcome<upstream_config> registry::read_definition(std::string_view name, std::string_view definition) {
  const auto known = read_.find(name);
  if (known != read_.end() && known->second.first == definition) return known->second.second;
  auto read = node_.process.defined ? node_.process.defined(name, definition) : unusable("this node reads none");
  // Whoever may write to the store is not by that allowed to run programs here.
  if (read && !std::holds_alternative<transport::http_endpoint>(read->target) && !node_.config.registry.commands)
    read = unusable("it is a command, and registry.commands is not set here");
  read_.insert_or_assign(std::string(name), std::pair(std::string(definition), read));
  return read;
}

/// Only one change after the other: what is wanted meanwhile comes into force together.
void registry::bring_into_force(std::function<void()> done) {
  waiters_.push_back(std::move(done));
  if (switching_) {
    again_ = true;
    return;
  }
  std::erase_if(read_, [this](const auto& r) { return !record_.contains(r.first); });
  auto wanted =
      resolve(configured_, record_, [this](auto name, auto definition) { return read_definition(name, definition); });
  for (const auto& [name, why] : wanted.problems) {
    if (!problems_.contains(name)) log::error("registry.unusable", {{"upstream", name}, {"reason", why}});
  }
  problems_ = std::move(wanted.problems);
  std::unordered_map<std::string, std::uint32_t> before;
  for (const auto u : *node_.upstreams.in_force()) before.emplace(name_of(node_.upstreams[u].config), u);
  std::vector<std::uint32_t> order, fresh;
  for (const auto& u : wanted.all) {
    const auto known = before.find(name_of(u));
    if (known != before.end() && node_.upstreams[known->second].config == u) {
      order.push_back(known->second);
    } else if (node_.upstreams.size() < upstream_table::size_max) {
      order.push_back(fresh.emplace_back(add(u)));
      if (known != before.end())
        node_.upstreams[order.back()].disabled = node_.upstreams[known->second].disabled.load();
    } else {
      if (known != before.end()) order.push_back(known->second);
      problems_[name_of(u)] = "this process has had too many definitions; restart it";
      log::error("registry.full", {{"upstream", name_of(u)}, {"effect", "restart this node"}});
    }
  }
  switching_ = true;
  if (fresh.empty()) return switch_to(order, version());
  caf::anon_send(node_.catalogue, upstreams_wanted{fresh, node_.config.registry.switch_within,
                                                   guarded([this, order, v = version()] { switch_to(order, v); })});
}

void registry::switch_to(const std::vector<std::uint32_t>& order, std::uint64_t version) {
  const auto before = node_.upstreams.in_force();
  const auto over = guarded([this, version] {
    in_force_version_ = version;
    switching_ = false;
    if (std::exchange(again_, false)) return bring_into_force([] {});
    for (const auto& f : std::exchange(waiters_, {})) f();
  });
  if (order == *before) return home_.loop().post(over);
  node_.upstreams.put_in_force(order);
  std::unordered_map<std::string, std::uint32_t> now;
  for (const auto u : order) now.emplace(name_of(node_.upstreams[u].config), u);
  std::vector<std::uint32_t> retired;
  std::string changed, gone;
  const auto note = [this](std::string& among, std::uint32_t u) {
    among += (among.empty() ? "" : ", ") + name_of(node_.upstreams[u].config);
  };
  const std::set<std::uint32_t> stay(order.begin(), order.end()), were(before->begin(), before->end());
  for (const auto u : *before) {
    if (stay.contains(u)) continue;
    auto& old = node_.upstreams[u];
    const auto successor = now.find(name_of(old.config));
    if (successor == now.end()) note(gone, u);
    old.successor = successor == now.end() ? upstream_entry::nobody : successor->second;
    old.retired = true;
    retired.push_back(u);
  }
  for (const auto u : order) {
    if (!were.contains(u)) note(changed, u);
  }
  log::info("registry.changed", {{"defined", changed}, {"removed", gone}, {"version", version}});
  caf::anon_send(node_.catalogue, upstreams_changed{over});
  for (const auto& s : node_.sessions.all()) caf::anon_send(s, upstreams_changed{});
  for (const auto u : retired) caf::anon_send(node_.upstreams[u].shared, upstream_retire{});
}

}  // namespace holdfast::actors
