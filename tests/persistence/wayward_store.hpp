#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "persistence/store.hpp"

namespace holdfast::tests {

/// Stands before a store, and fails or keeps silent when told to. Several may stand before one store.
class wayward_store final : public persistence::store {
 public:
  explicit wayward_store(std::shared_ptr<persistence::store> inner) : inner_(std::move(inner)) {}

  // Any thread.
  void be_down() { mode_ = mode::down; }

  /// What is asked for from now on waits until the store is well.
  void be_silent() { mode_ = mode::silent; }

  void be_well() {
    mode_ = mode::well;
    in_last_lane([](wayward_lane& l) { l.resume(); });
  }

  /// Tells the lane made last that the history has changed.
  void change_history() {
    in_last_lane([](wayward_lane& l) {
      if (l.on_history_changed) l.on_history_changed();
    });
  }

  /// Called once before events are read. Set it before the first lane is made.
  std::function<void()> before_events;

  /// The same before a lock is acquired, on the lane's thread; then it may be set while nobody asks.
  std::function<void()> before_acquire;

  std::unique_ptr<persistence::store_lane> lane(boost::asio::io_context& on) override {
    auto made = std::make_unique<wayward_lane>(inner_->lane(on), on, *this);
    const std::lock_guard lock(mutex_);
    io_ = &on;
    lane_ = made.get();
    return made;
  }
  enum persistence::tier tier() const noexcept override { return inner_->tier(); }
  persistence::store_health health() const override {
    auto h = inner_->health();
    h.available = mode_ == mode::well;
    if (!h.available) h.detail = "wayward";
    return h;
  }
  std::string shown() const override { return inner_->shown(); }

 private:
  enum class mode : std::uint8_t { well, down, silent };
  using milliseconds = std::chrono::milliseconds;

  class wayward_lane final : public persistence::store_lane {
   public:
    wayward_lane(std::unique_ptr<store_lane> inner, boost::asio::io_context& on, wayward_store& of)
        : inner_(std::move(inner)), on_(on), store_(of) {}

    void resume() {
      for (const auto& start : std::exchange(held_, {})) start();
    }

    void commit(const struct persistence::commit& c, persistence::completion<persistence::verdict> done) override {
      pass(std::move(done), [this, c](auto then) { inner_->commit(c, std::move(then)); });
    }
    void restore(const struct persistence::restoration& r,
                 persistence::completion<persistence::verdict> done) override {
      pass(std::move(done), [this, r](auto then) { inner_->restore(r, std::move(then)); });
    }
    void load(const persistence::entity& of,
              persistence::completion<std::optional<persistence::record>> done) override {
      pass(std::move(done), [this, of](auto then) { inner_->load(of, std::move(then)); });
    }
    void read_events(const persistence::entity& of, std::uint64_t after, std::size_t max,
                     persistence::completion<std::vector<persistence::event>> done) override {
      if (store_.before_events) std::exchange(store_.before_events, {})();
      pass(std::move(done),
           [this, of, after, max](auto then) { inner_->read_events(of, after, max, std::move(then)); });
    }
    void time_to_live(const persistence::entity& of,
                      persistence::completion<std::optional<milliseconds>> done) override {
      pass(std::move(done), [this, of](auto then) { inner_->time_to_live(of, std::move(then)); });
    }
    void extend(const persistence::entity& of, const persistence::token& by, milliseconds to,
                persistence::completion<persistence::verdict> done) override {
      pass(std::move(done), [this, of, by, to](auto then) { inner_->extend(of, by, to, std::move(then)); });
    }
    void expire(const persistence::entity& of, const persistence::token& by,
                persistence::completion<persistence::verdict> done) override {
      pass(std::move(done), [this, of, by](auto then) { inner_->expire(of, by, std::move(then)); });
    }
    void list(std::string_view kind, std::uint16_t slot, std::string_view cursor, std::size_t max,
              persistence::completion<persistence::page> done) override {
      pass(std::move(done), [this, kind = std::string(kind), slot, cursor = std::string(cursor), max](auto then) {
        inner_->list(kind, slot, cursor, max, std::move(then));
      });
    }
    void claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t view,
               persistence::completion<std::optional<persistence::token>> done) override {
      pass(std::move(done), [this, slot, incarnation = std::string(incarnation), view](auto then) {
        inner_->claim(slot, incarnation, view, std::move(then));
      });
    }
    void release(std::uint16_t slot, const persistence::token& by,
                 persistence::completion<persistence::verdict> done) override {
      pass(std::move(done), [this, slot, by](auto then) { inner_->release(slot, by, std::move(then)); });
    }
    void owner(std::uint16_t slot, persistence::completion<std::optional<persistence::token>> done) override {
      pass(std::move(done), [this, slot](auto then) { inner_->owner(slot, std::move(then)); });
    }
    void owners(std::uint16_t first, std::uint16_t count,
                persistence::completion<std::vector<std::optional<persistence::token>>> done) override {
      pass(std::move(done), [this, first, count](auto then) { inner_->owners(first, count, std::move(then)); });
    }
    void read_view(persistence::completion<std::optional<persistence::versioned>> done) override {
      pass(std::move(done), [this](auto then) { inner_->read_view(std::move(then)); });
    }
    void change_view(std::uint64_t expected, std::string_view bytes,
                     persistence::completion<persistence::verdict> done) override {
      pass(std::move(done), [this, expected, bytes = std::string(bytes)](auto then) {
        inner_->change_view(expected, bytes, std::move(then));
      });
    }
    void read_record(std::string_view name,
                     persistence::completion<std::optional<persistence::versioned>> done) override {
      pass(std::move(done),
           [this, name = std::string(name)](auto then) { inner_->read_record(name, std::move(then)); });
    }
    void change_record(std::string_view name, std::uint64_t expected, std::string_view bytes,
                       persistence::completion<persistence::verdict> done) override {
      pass(std::move(done), [this, name = std::string(name), expected, bytes = std::string(bytes)](auto then) {
        inner_->change_record(name, expected, bytes, std::move(then));
      });
    }
    void acquire(std::string_view lock, milliseconds limit,
                 persistence::completion<std::optional<std::string>> done) override {
      if (store_.before_acquire) std::exchange(store_.before_acquire, {})();
      pass(std::move(done),
           [this, lock = std::string(lock), limit](auto then) { inner_->acquire(lock, limit, std::move(then)); });
    }
    void unlock(std::string_view lock, std::string_view word, persistence::completion<bool> done) override {
      pass(std::move(done), [this, lock = std::string(lock), word = std::string(word)](auto then) {
        inner_->unlock(lock, word, std::move(then));
      });
    }
    void prolong(std::string_view lock, std::string_view word, milliseconds limit,
                 persistence::completion<bool> done) override {
      pass(std::move(done), [this, lock = std::string(lock), word = std::string(word), limit](auto then) {
        inner_->prolong(lock, word, limit, std::move(then));
      });
    }
    void cache_get(std::string_view key, persistence::completion<std::optional<std::string>> done) override {
      pass(std::move(done), [this, key = std::string(key)](auto then) { inner_->cache_get(key, std::move(then)); });
    }
    void cache_put(std::string_view key, std::string_view bytes, milliseconds keep,
                   persistence::completion<bool> done) override {
      pass(std::move(done), [this, key = std::string(key), bytes = std::string(bytes), keep](auto then) {
        inner_->cache_put(key, bytes, keep, std::move(then));
      });
    }

   private:
    template <class T, class Start>
    void pass(persistence::completion<T> done, Start start) {
      switch (store_.mode_.load()) {
        case mode::well: start(std::move(done)); break;
        case mode::silent: held_.push_back([start, done] { start(done); }); break;
        case mode::down:
          boost::asio::post(on_, [alive = std::weak_ptr(alive_), done = std::move(done)] {
            if (!alive.expired()) done(persistence::store_failure{persistence::store_errc::unavailable, "wayward"});
          });
      }
    }

    const std::unique_ptr<store_lane> inner_;
    boost::asio::io_context& on_;
    wayward_store& store_;
    std::vector<std::function<void()>> held_;
    const std::shared_ptr<int> alive_ = std::make_shared<int>();
  };

  template <class Do>
  void in_last_lane(Do what) {
    const std::lock_guard lock(mutex_);
    if (lane_ != nullptr) boost::asio::post(*io_, [lane = lane_, what] { what(*lane); });
  }

  const std::shared_ptr<persistence::store> inner_;
  std::atomic<mode> mode_ = mode::well;
  std::mutex mutex_;
  boost::asio::io_context* io_ = nullptr;
  wayward_lane* lane_ = nullptr;
};

}  // namespace holdfast::tests
