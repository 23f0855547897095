#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "persistence/store.hpp"

namespace holdfast::tests {

/// How a wayward store behaves.
struct waywardness {
  enum { well, down, silent } mode = well;
};

/// Stands before a store, and fails or keeps silent when told to. Several may stand before one store.
class wayward_store final : public persistence::store {
 public:
  explicit wayward_store(std::shared_ptr<persistence::store> inner) : inner_(std::move(inner)) {}

  // Any thread.
  void be_well() { mode_ = waywardness::well; }
  void be_down() { mode_ = waywardness::down; }
  void be_silent() { mode_ = waywardness::silent; }

  /// Tells the lane made last that the history has changed.
  void change_history() {
    const std::lock_guard lock(mutex_);
    boost::asio::post(*io_, [lane = lane_] {
      if (lane->on_history_changed) lane->on_history_changed();
    });
  }

  std::unique_ptr<persistence::store_lane> lane(boost::asio::io_context& on) override {
    auto made = std::make_unique<wayward_lane>(inner_->lane(on), on, mode_);
    const std::lock_guard lock(mutex_);
    io_ = &on;
    lane_ = made.get();
    return made;
  }
  enum persistence::tier tier() const noexcept override { return inner_->tier(); }
  persistence::store_health health() const override {
    auto h = inner_->health();
    h.available = mode_ == waywardness::well;
    if (!h.available) h.detail = "wayward";
    return h;
  }
  std::string shown() const override { return inner_->shown(); }

 private:
  using mode_type = std::atomic<decltype(waywardness::mode)>;
  using milliseconds = std::chrono::milliseconds;

  class wayward_lane final : public persistence::store_lane {
   public:
    wayward_lane(std::unique_ptr<store_lane> inner, boost::asio::io_context& on, const mode_type& mode)
        : inner_(std::move(inner)), on_(on), mode_(mode) {}

    void commit(const struct persistence::commit& c, persistence::completion<persistence::verdict> done) override {
      if (lets_pass(done)) inner_->commit(c, std::move(done));
    }
    void restore(const struct persistence::restoration& r,
                 persistence::completion<persistence::verdict> done) override {
      if (lets_pass(done)) inner_->restore(r, std::move(done));
    }
    void load(const persistence::entity& of,
              persistence::completion<std::optional<persistence::record>> done) override {
      if (lets_pass(done)) inner_->load(of, std::move(done));
    }
    void read_events(const persistence::entity& of, std::uint64_t after, std::size_t max,
                     persistence::completion<std::vector<persistence::event>> done) override {
      if (lets_pass(done)) inner_->read_events(of, after, max, std::move(done));
    }
    void time_to_live(const persistence::entity& of,
                      persistence::completion<std::optional<milliseconds>> done) override {
      if (lets_pass(done)) inner_->time_to_live(of, std::move(done));
    }
    void extend(const persistence::entity& of, const persistence::token& by, milliseconds to,
                persistence::completion<persistence::verdict> done) override {
      if (lets_pass(done)) inner_->extend(of, by, to, std::move(done));
    }
    void expire(const persistence::entity& of, const persistence::token& by,
                persistence::completion<persistence::verdict> done) override {
      if (lets_pass(done)) inner_->expire(of, by, std::move(done));
    }
    void list(std::string_view kind, std::uint16_t slot, std::string_view cursor, std::size_t max,
              persistence::completion<persistence::page> done) override {
      if (lets_pass(done)) inner_->list(kind, slot, cursor, max, std::move(done));
    }
    void claim(std::uint16_t slot, std::string_view incarnation,
               persistence::completion<persistence::token> done) override {
      if (lets_pass(done)) inner_->claim(slot, incarnation, std::move(done));
    }
    void release(std::uint16_t slot, const persistence::token& by,
                 persistence::completion<persistence::verdict> done) override {
      if (lets_pass(done)) inner_->release(slot, by, std::move(done));
    }
    void owner(std::uint16_t slot, persistence::completion<std::optional<persistence::token>> done) override {
      if (lets_pass(done)) inner_->owner(slot, std::move(done));
    }
    void acquire(std::string_view lock, milliseconds limit,
                 persistence::completion<std::optional<std::string>> done) override {
      if (lets_pass(done)) inner_->acquire(lock, limit, std::move(done));
    }
    void unlock(std::string_view lock, std::string_view word, persistence::completion<bool> done) override {
      if (lets_pass(done)) inner_->unlock(lock, word, std::move(done));
    }
    void prolong(std::string_view lock, std::string_view word, milliseconds limit,
                 persistence::completion<bool> done) override {
      if (lets_pass(done)) inner_->prolong(lock, word, limit, std::move(done));
    }
    void cache_get(std::string_view key, persistence::completion<std::optional<std::string>> done) override {
      if (lets_pass(done)) inner_->cache_get(key, std::move(done));
    }
    void cache_put(std::string_view key, std::string_view bytes, milliseconds keep,
                   persistence::completion<bool> done) override {
      if (lets_pass(done)) inner_->cache_put(key, bytes, keep, std::move(done));
    }

   private:
    template <class T>
    bool lets_pass(persistence::completion<T>& done) {
      switch (mode_.load()) {
        case waywardness::well: return true;
        case waywardness::silent: unanswered_.push_back(std::make_shared<persistence::completion<T>>(done)); break;
        case waywardness::down:
          boost::asio::post(on_, [alive = std::weak_ptr(alive_), done = std::move(done)] {
            if (!alive.expired()) done(persistence::store_failure{persistence::store_errc::unavailable, "wayward"});
          });
      }
      return false;
    }

    const std::unique_ptr<store_lane> inner_;
    boost::asio::io_context& on_;
    const mode_type& mode_;
    std::vector<std::shared_ptr<void>> unanswered_;
    const std::shared_ptr<int> alive_ = std::make_shared<int>();
  };

  const std::shared_ptr<persistence::store> inner_;
  mode_type mode_ = waywardness::well;
  std::mutex mutex_;
  boost::asio::io_context* io_ = nullptr;
  wayward_lane* lane_ = nullptr;
};

}  // namespace holdfast::tests
