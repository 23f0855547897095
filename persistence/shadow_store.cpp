#include "persistence/shadow_store.hpp"

#include <utility>

#include "persistence/shadow/mirror_impl.hpp"

namespace holdfast::persistence {
namespace {

using milliseconds = std::chrono::milliseconds;

bool was_taken(const result<verdict>& v) { return v && (*v == verdict::ok || *v == verdict::duplicate); }

// Tells the mirror what the primary has taken, when it says so: what it refuses never comes to the shadow.
class shadowed_lane final : public store_lane {
 public:
  shadowed_lane(std::unique_ptr<store_lane> primary, shadow::mirror& mirror, unsigned loads_compared)
      : primary_(std::move(primary)), mirror_(mirror), loads_compared_(loads_compared) {
    primary_->on_history_changed = [this] {
      if (on_history_changed) on_history_changed();
    };
  }

  void commit(const struct commit& c, completion<verdict> done) override {
    auto kept = std::make_shared<struct commit>(c);
    primary_->commit(c, after<verdict>(c.of.slot(), std::move(done), [this, kept = std::move(kept)](const auto& v) {
                       if (was_taken(v)) mirror_.tell(shadow::committed{std::move(*kept)});
                     }));
  }
  void restore(const struct restoration& r, completion<verdict> done) override {
    auto kept = std::make_shared<struct restoration>(r);
    primary_->restore(r, after<verdict>(r.of.slot(), std::move(done), [this, kept = std::move(kept)](const auto& v) {
                        if (was_taken(v)) mirror_.tell(shadow::restored{std::move(*kept)});
                      }));
  }
  void load(const entity& of, completion<std::optional<record>> done) override {
    if (loads_compared_ == 0 || ++loads_ % loads_compared_ != 0) return primary_->load(of, std::move(done));
    primary_->load(of, [this, of, done = std::move(done)](auto r) {
      if (r) mirror_.tell(shadow::looked_at{of});
      done(std::move(r));
    });
  }
  void extend(const entity& of, const token& by, milliseconds to, completion<verdict> done) override {
    primary_->extend(of, by, to, after<verdict>(of.slot(), std::move(done), [this, of, by, to](const auto& v) {
                       if (was_taken(v)) mirror_.tell(shadow::extended{of, by, to});
                     }));
  }
  void expire(const entity& of, const token& by, completion<verdict> done) override {
    primary_->expire(of, by, after<verdict>(of.slot(), std::move(done), [this, of, by](const auto& v) {
                       if (was_taken(v)) mirror_.tell(shadow::expired{of, by});
                     }));
  }
  void claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t view,
             completion<std::optional<token>> done) override {
    using given = std::optional<token>;
    primary_->claim(slot, incarnation, view, after<given>(slot, std::move(done), [this, slot](const auto& t) {
                      if (t && *t) mirror_.tell(shadow::claimed{slot, **t});
                    }));
  }
  void release(std::uint16_t slot, const token& by, completion<verdict> done) override {
    primary_->release(slot, by, after<verdict>(slot, std::move(done), [this, slot, by](const auto& v) {
                        if (was_taken(v)) mirror_.tell(shadow::released{slot, by});
                      }));
  }

  void read_events(const entity& of, std::uint64_t after, std::size_t max,
                   completion<std::vector<event>> done) override {
    primary_->read_events(of, after, max, std::move(done));
  }
  void time_to_live(const entity& of, completion<std::optional<milliseconds>> done) override {
    primary_->time_to_live(of, std::move(done));
  }
  void list(std::string_view kind, std::uint16_t slot, std::string_view cursor, std::size_t max,
            completion<page> done) override {
    primary_->list(kind, slot, cursor, max, std::move(done));
  }
  void owner(std::uint16_t slot, completion<std::optional<token>> done) override {
    primary_->owner(slot, std::move(done));
  }
  void owners(std::uint16_t first, std::uint16_t count, completion<std::vector<std::optional<token>>> done) override {
    primary_->owners(first, count, std::move(done));
  }
  void read_view(completion<std::optional<versioned>> done) override { primary_->read_view(std::move(done)); }
  void change_view(std::uint64_t expected, std::string_view bytes, completion<verdict> done) override {
    primary_->change_view(expected, bytes, std::move(done));
  }
  void read_record(std::string_view name, completion<std::optional<versioned>> done) override {
    primary_->read_record(name, std::move(done));
  }
  void change_record(std::string_view name, std::uint64_t expected, std::string_view bytes,
                     completion<verdict> done) override {
    primary_->change_record(name, expected, bytes, std::move(done));
  }
  void acquire(std::string_view lock, milliseconds limit, completion<std::optional<std::string>> done) override {
    primary_->acquire(lock, limit, std::move(done));
  }
  void unlock(std::string_view lock, std::string_view word, completion<bool> done) override {
    primary_->unlock(lock, word, std::move(done));
  }
  void prolong(std::string_view lock, std::string_view word, milliseconds limit, completion<bool> done) override {
    primary_->prolong(lock, word, limit, std::move(done));
  }
  void cache_get(std::string_view key, completion<std::optional<std::string>> done) override {
    primary_->cache_get(key, std::move(done));
  }
  void cache_put(std::string_view key, std::string_view bytes, milliseconds keep, completion<bool> done) override {
    primary_->cache_put(key, bytes, keep, std::move(done));
  }
  bool read_standing(completion<standing> done) override { return primary_->read_standing(std::move(done)); }

 private:
  /// What answers a write: tells the mirror, then whoever asked.
  template <class T, class Tell>
  completion<T> after(std::uint16_t slot, completion<T> done, Tell tell) {
    return [expected = mirror_.expect(slot), done = std::move(done), tell = std::move(tell)](result<T> answer) {
      tell(answer);
      done(std::move(answer));
    };
  }

  const std::unique_ptr<store_lane> primary_;
  shadow::mirror& mirror_;
  const unsigned loads_compared_;
  unsigned loads_ = 0;
};

class shadowed_store final : public store {
 public:
  shadowed_store(std::unique_ptr<store> primary, std::unique_ptr<store> shadow, const shadow_limits& limits)
      : primary_(std::move(primary)),
        shadow_(std::move(shadow)),
        loads_compared_(limits.loads_compared),
        mirror_(*primary_, *shadow_, limits) {}

  std::unique_ptr<store_lane> lane(boost::asio::io_context& on) override {
    return std::make_unique<shadowed_lane>(primary_->lane(on), mirror_, loads_compared_);
  }
  enum tier tier() const noexcept override { return primary_->tier(); }
  store_health health() const override {
    store_health h = primary_->health();
    h.differences += mirror_.differences();
    const store_health of_shadow = shadow_->health();
    if (!of_shadow.available) h.detail += "; the shadow " + shadow_->shown() + " is not available: " + of_shadow.detail;
    return h;
  }
  std::string shown() const override { return primary_->shown(); }

 private:
  const std::unique_ptr<store> primary_;
  const std::unique_ptr<store> shadow_;
  const unsigned loads_compared_;
  shadow::mirror mirror_;  // goes first, as it uses both
};

}  // namespace

std::unique_ptr<store> with_shadow(std::unique_ptr<store> primary, std::unique_ptr<store> shadow,
                                   const shadow_limits& limits) {
  return std::make_unique<shadowed_store>(std::move(primary), std::move(shadow), limits);
}

}  // namespace holdfast::persistence
