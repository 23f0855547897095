#include "actors/result_cache.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "actors/node_store.hpp"
#include "actors/shard.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::actors {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds look_again{25};    // while another node makes the call
constexpr milliseconds lock_time{3'000};  // after the node that makes the call has gone, another one does

std::int64_t wall_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// What a text at rest is bound to, so that none can be put in another's place.
std::string name_at_rest(const std::string& key) { return "cache/" + key; }

struct stored_result {
  std::string answer;
  milliseconds left;
};

/// What cannot be read, or is due, counts as not there.
std::optional<stored_result> read_stored(const node_store& store, const std::string& key, const std::string& bytes) {
  const auto text = store.texts().decode(bytes, name_at_rest(key));
  const auto until = text ? mcp::integer_value(mcp::member(*text, "until")).value_or(0) : 0;
  const auto answer = text ? mcp::member(*text, "answer") : mcp::raw_json();
  const milliseconds left{until - wall_ms()};
  if (answer.empty() || left <= milliseconds{0}) return std::nullopt;
  return stored_result{std::string(answer), left};
}

}  // namespace

cache_lead::cache_lead(std::shared_ptr<result_cache> of, std::string key, tool_cache what, shard& home,
                       std::string lock, std::string word)
    : of_(std::move(of)),
      key_(std::move(key)),
      what_(std::move(what)),
      home_(home),
      lock_(std::move(lock)),
      word_(std::move(word)) {}

cache_lead::~cache_lead() {
  if (filled_ || of_->pass_on(key_, what_, lock_, word_) || lock_.empty()) return;
  home_.loop().post([&home = home_, lock = lock_, word = word_] {
    // Where that fails, it falls by itself.
    if (home.lane() != nullptr) home.lane()->unlock(lock, word, [](const auto&) {});
  });
}

void cache_lead::hold_lock() {
  if (lock_.empty()) return;
  home_.loop().after(lock_time / 3, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->filled_ || self->home_.lane() == nullptr) return;
    // One that has fallen is not taken up again: another node makes the call by now.
    self->home_.lane()->prolong(self->lock_, self->word_, lock_time, [](const auto&) {});
    self->hold_lock();
  });
}

void cache_lead::fill(cached_result result) {
  if (std::exchange(filled_, true)) return;
  // Whoever comes after those who wait is to find it.
  of_->keep(key_, result, what_.ttl);
  of_->land(key_, what_, result);
  of_->write(key_, what_, result, home_, [&home = home_, lock = lock_, word = word_] {
    if (!lock.empty() && home.lane() != nullptr) home.lane()->unlock(lock, word, [](const auto&) {});
  });
}

void result_cache::share(node_store* store, bool together) {
  store_ = config_.in_store ? store : nullptr;
  together_ = together;
}

void result_cache::note(const std::string& tool, std::uint64_t cache_counts::*which, std::uint64_t n) {
  const std::lock_guard guard(lock_);
  tools_[tool].*which += n;
}

// --- memory ----------------------------------------------------------------------------------------------------------

cached_result result_cache::find(const std::string& key, const tool_cache& what, clock::time_point now) {
  cached_result result;
  {
    auto& p = part_of(key);
    const std::lock_guard guard(p.lock);
    const auto at = p.by_key.find(key);
    if (at == p.by_key.end()) return nullptr;
    if (at->second->until <= now) {
      drop(p, at->second);
      return nullptr;
    }
    p.used.splice(p.used.begin(), p.used, at->second);
    result = at->second->result;
  }
  note(what.tool, &cache_counts::memory);
  return result;
}

void result_cache::drop(part& p, std::list<entry>::iterator which) {
  p.bytes -= cost_of(*which);
  p.by_key.erase(which->key);
  p.used.erase(which);
}

void result_cache::keep(const std::string& key, const cached_result& result, milliseconds ttl) {
  if (ttl <= milliseconds{0} || result->size() > config_.entry_bytes_max) return;
  auto& p = part_of(key);
  const std::lock_guard guard(p.lock);
  if (const auto before = p.by_key.find(key); before != p.by_key.end()) drop(p, before->second);
  p.used.push_front({key, result, clock::now() + ttl});
  p.by_key.emplace(p.used.front().key, p.used.begin());
  p.bytes += cost_of(p.used.front());
  while (p.bytes > config_.bytes_max / parts) {
    drop(p, std::prev(p.used.end()));
    ++p.evicted;
  }
}

void result_cache::forget_all() {
  for (auto& p : parts_) {
    const std::lock_guard guard(p.lock);
    p.by_key.clear();
    p.used.clear();
    p.bytes = 0;
  }
}

result_cache::totals result_cache::count() const {
  totals t;
  for (auto& p : parts_) {
    const std::lock_guard guard(p.lock);
    t.entries += p.used.size();
    t.bytes += p.bytes;
    t.evicted += p.evicted;
  }
  const std::lock_guard guard(lock_);
  t.waiting = waiting_;
  t.tools = tools_;
  return t;
}

// --- calls that are alike --------------------------------------------------------------------------------------------

bool result_cache::ask(const std::string& key, const tool_cache& what, clock::time_point deadline, shard& home,
                       done f) {
  asker by{deadline, &home, std::move(f)};
  {
    const std::lock_guard guard(lock_);
    const auto [at, first] = flights_.try_emplace(key);
    if (!first) {
      if (waiting_ >= config_.waiting_max) return false;
      ++waiting_;
      at->second.push_back(std::move(by));
      return true;
    }
  }
  search(key, what, std::move(by));
  return true;
}

void result_cache::search(const std::string& key, const tool_cache& what, asker by) {
  auto* const lane = by.home->lane();
  // It may have come since this one found nothing.
  if (const auto here = find(key, what, clock::now())) {
    by.f(here, nullptr);
    return land(key, what, here);
  }
  if (store_ == nullptr || lane == nullptr || !store_->available()) return lead(key, what, by, {}, {});
  lane->cache_get(key, [self = shared_from_this(), key, what, by = std::move(by)](const auto& read) mutable {
    if (!read) {
      self->store_->note_failure(read.error());
      return self->lead(key, what, by, {}, {});
    }
    if (*read) return self->found(key, what, **read, std::move(by));
    if (self->together_) return self->ask_for_lead(key, what, std::move(by));
    self->lead(key, what, by, {}, {});
  });
}

/// In the store.
void result_cache::found(const std::string& key, const tool_cache& what, const std::string& bytes, asker by) {
  auto stored = read_stored(*store_, key, bytes);
  if (!stored) {
    if (together_) return ask_for_lead(key, what, std::move(by));
    return lead(key, what, by, {}, {});
  }
  const auto result = std::make_shared<const std::string>(std::move(stored->answer));
  keep(key, result, std::min(stored->left, what.ttl));
  note(what.tool, &cache_counts::store);
  by.f(result, nullptr);
  land(key, what, result);
}

void result_cache::ask_for_lead(const std::string& key, const tool_cache& what, asker by) {
  auto* const lane = by.home->lane();
  if (by.deadline <= clock::now() || lane == nullptr) return lead(key, what, by, {}, {});
  const auto lock = name_at_rest(key);
  lane->acquire(
      lock, lock_time, [self = shared_from_this(), key, what, by = std::move(by), lock](const auto& got) mutable {
        if (!got) {
          self->store_->note_failure(got.error());
          return self->lead(key, what, by, {}, {});
        }
        auto& loop = by.home->loop();
        if (!*got) {  // another node makes this call
          loop.after(look_again,
                     [self, key, what, by = std::move(by)]() mutable { self->search(key, what, std::move(by)); });
          return;
        }
        // It may have ended between the look into the store and the lock.
        auto* const lane = by.home->lane();
        auto look = [self, key, what, by, lock, word = **got, lane](const auto& read) {
          if (!read) self->store_->note_failure(read.error());
          if (!read || !*read || !read_stored(*self->store_, key, **read)) return self->lead(key, what, by, lock, word);
          lane->unlock(lock, word, [](const auto&) {});
          self->found(key, what, **read, by);
        };
        lane != nullptr ? lane->cache_get(key, std::move(look)) : self->lead(key, what, by, lock, **got);
      });
}

void result_cache::lead(const std::string& key, const tool_cache& what, const asker& by, std::string lock,
                        std::string word) {
  note(what.tool, &cache_counts::missed);
  const auto lead =
      std::make_shared<cache_lead>(shared_from_this(), key, what, *by.home, std::move(lock), std::move(word));
  by.home->loop().post([lead] { lead->hold_lock(); });
  by.f(nullptr, lead);
}

/// All who wait for it get the result.
void result_cache::land(const std::string& key, const tool_cache& what, const cached_result& result) {
  std::deque<asker> waiting;
  {
    const std::lock_guard guard(lock_);
    const auto at = flights_.find(key);
    if (at == flights_.end()) return;
    waiting = std::move(at->second);
    flights_.erase(at);
    waiting_ -= waiting.size();
  }
  if (!waiting.empty()) note(what.tool, &cache_counts::shared, waiting.size());
  for (const auto& each : waiting) each.f(result, nullptr);
}

/// The next one makes the call. False: there is none.
bool result_cache::pass_on(const std::string& key, const tool_cache& what, const std::string& lock,
                           const std::string& word) {
  asker next;
  {
    const std::lock_guard guard(lock_);
    const auto at = flights_.find(key);
    if (at == flights_.end()) return false;
    if (at->second.empty()) {
      flights_.erase(at);
      return false;
    }
    next = std::move(at->second.front());
    at->second.pop_front();
    --waiting_;
  }
  lead(key, what, next, lock, word);
  return true;
}

void result_cache::put(const std::string& key, const tool_cache& what, const cached_result& result, shard& home) {
  keep(key, result, what.ttl);
  write(key, what, result, home, [] {});
}

void result_cache::write(const std::string& key, const tool_cache& what, const cached_result& result, shard& home,
                         std::function<void()> then) {
  if (result->size() > config_.entry_bytes_max) return then();
  note(what.tool, &cache_counts::kept);
  auto* const lane = home.lane();
  if (store_ == nullptr || lane == nullptr || !store_->available()) return then();
  const auto until = std::to_string(wall_ms() + what.ttl.count());
  auto text = R"({"until":)" + until + R"(,"answer":)" + *result + "}";
  const auto bytes = store_->texts().encode_owned(std::move(text), name_at_rest(key));
  lane->cache_put(key, bytes, what.ttl, [self = shared_from_this(), then = std::move(then)](const auto& put) {
    if (!put) self->store_->note_failure(put.error());
    then();
  });
}

}  // namespace holdfast::actors
