#include "actors/cache_keys.hpp"

#include <algorithm>
#include <utility>

#include "actors/log.hpp"
#include "actors/node_store.hpp"
#include "actors/shard.hpp"
#include "persistence/content_hash.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view record_name = "cache";
constexpr int format = 1;
constexpr std::size_t tools_max = 1'000;  // of which it is known apart; with one more all results go

std::uint64_t number_of(mcp::raw_json raw) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(mcp::integer_value(raw).value_or(0), 0));
}

std::uint64_t generation_of(const cache_generations& g, std::string_view tool) {
  const auto at = g.tools.find(tool);
  return at == g.tools.end() ? 0 : at->second;
}

}  // namespace

std::string to_json(const cache_generations& g, std::string_view by) {
  std::string tools;
  for (const auto& [tool, n] : g.tools) {
    if (!tools.empty()) tools += ',';
    tools += mcp::quote(tool) + ":" + std::to_string(n);
  }
  return R"({"v":)" + std::to_string(format) + R"(,"by":)" + mcp::quote(by) + R"(,"all":)" + std::to_string(g.all) +
         R"(,"tools":{)" + tools + "}}";
}

std::optional<cache_generations> read_cache_generations(std::string_view json) {
  // The whole text must be well-formed before a member is looked for.
  if (!mcp::is_object(json) || !mcp::elements("[" + std::string(json) + "]")) return std::nullopt;
  if (number_of(mcp::member(json, "v")) != format) return std::nullopt;
  cache_generations g;
  g.all = number_of(mcp::member(json, "all"));
  for (const auto& [tool, n] : mcp::members(mcp::member(json, "tools"))) g.tools[tool] = number_of(n);
  return g;
}

void cache_keys::share(shard& home, node_store& store, bool together) {
  store_ = &store;
  together_ = together;
  home_ = &home;
  look();
}

/// Again and again, so that nothing that was missed stays so.
void cache_keys::look() {
  read({});
  home_.load()->loop().after(std::max(blind_max_ / 4, milliseconds{1}), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->look();
  });
}

std::optional<std::string> cache_keys::key_of(const tool_cache& what, std::string_view scope_id,
                                              std::string_view arguments, clock::time_point now) const {
  if (home_ != nullptr) {
    const auto seen = seen_.load(std::memory_order_relaxed);
    if (seen == clock::time_point::min() || (together_ && now - seen > blind_max_)) return std::nullopt;
  }
  std::string text = "1 " + std::to_string(what.version) + " ";
  {
    const std::lock_guard guard(lock_);
    text += std::to_string(generations_.all) + " " + std::to_string(generation_of(generations_, what.tool));
  }
  // Of each part it is clear where it ends: names of tools and users may hold anything.
  for (const auto part : {std::string_view(what.tool), scope_id, arguments})
    text.append(" ").append(std::to_string(part.size())).append(":").append(part);
  return persistence::content_hash(text);
}

cache_generations cache_keys::generations() const {
  const std::lock_guard guard(lock_);
  return generations_;
}

void cache_keys::raise(const std::string& tool) {
  const std::lock_guard guard(lock_);
  if (tool.empty() || generations_.tools.size() >= tools_max) {
    ++generations_.all;
    return;
  }
  ++generations_.tools[tool];
}

void cache_keys::invalidate(const std::string& tool, std::function<void(std::string)> done) {
  raise(tool);
  if (home_ == nullptr) return done({});
  orders_.push_back({tool, std::move(done)});
  write();
}

void cache_keys::write() {
  auto* const lane = home_.load()->lane();
  if (writing_ || reading_ || lane == nullptr || (orders_.empty() && !behind_)) return;
  writing_ = true;
  const auto text = to_json(generations(), store_->incarnation() + "/" + std::to_string(++writes_));
  lane->change_record(record_name, version(), text, [weak = weak_from_this(), orders = orders_.size()](const auto& v) {
    if (const auto self = weak.lock()) self->written(v, orders);
  });
}

void cache_keys::written(const persistence::result<persistence::verdict>& v, std::size_t orders) {
  writing_ = false;
  if (v && *v == persistence::verdict::conflict) {
    // Somebody else was first, and results may have been kept since under the very numbers that were chosen here.
    return read([this] {
      for (const auto& o : orders_) raise(o.tool);
    });
  }
  std::string problem;
  if (v) {
    version_ = version() + 1;
    behind_ = false;
  } else {
    store_->note_failure(v.error());
    problem = "the store does not answer; this node alone has forgotten the results";
    behind_ = true;  // the next look brings it up to date
  }
  const auto end = orders_.begin() + static_cast<std::ptrdiff_t>(orders);
  const std::vector<order> over(std::make_move_iterator(orders_.begin()), std::make_move_iterator(end));
  orders_.erase(orders_.begin(), end);
  for (const auto& o : over) o.done(problem);
  if (!readers_.empty()) return read({});
  if (v) write();  // more may have come up
}

void cache_keys::heard(std::uint64_t version) {
  if (home_ == nullptr || reading_ || writing_ || version <= this->version()) return;
  read({});
}

void cache_keys::learn(std::uint64_t version, std::function<void()> done) {
  if (home_ == nullptr || version <= this->version()) return done();
  read(std::move(done));
}

void cache_keys::read(std::function<void()> then) {
  auto* const lane = home_.load()->lane();
  if (lane == nullptr) return then ? then() : void();  // the node stops
  if (then) readers_.push_back(std::move(then));
  if (reading_ || writing_) return;
  reading_ = true;
  const auto asked = clock::now();
  const auto readers = readers_.size();
  lane->read_record(record_name, [weak = weak_from_this(), asked, readers](const auto& read) {
    const auto self = weak.lock();
    if (!self) return;
    self->reading_ = false;
    // Whether the store is well is for those to say who have something to write.
    if (read) {
      self->take(*read ? **read : persistence::versioned());
      self->seen_ = asked;
    }
    const auto end = self->readers_.begin() + static_cast<std::ptrdiff_t>(readers);
    const std::vector<std::function<void()>> over(self->readers_.begin(), end);
    self->readers_.erase(self->readers_.begin(), end);
    for (const auto& f : over) f();
    if (!self->readers_.empty()) return self->read({});
    self->write();
  });
}

/// Numbers only rise, so the greater one of two is the newer one.
void cache_keys::take(const persistence::versioned& v) {
  auto record = v.version == 0 ? cache_generations() : read_cache_generations(v.bytes);
  if (!record) {
    log::error("cache.unreadable", {{"effect", "results invalidated by other nodes may still be used"}});
    record.emplace();
  }
  const std::lock_guard guard(lock_);
  auto& own = generations_;
  behind_ = own.all > record->all;
  own.all = std::max(own.all, record->all);
  for (const auto& [tool, n] : own.tools) behind_ |= n > generation_of(*record, tool);
  for (const auto& [tool, n] : record->tools) own.tools[tool] = std::max(generation_of(own, tool), n);
  version_ = v.version;
}

}  // namespace holdfast::actors
