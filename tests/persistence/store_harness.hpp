#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "persistence/store.hpp"

namespace holdfast::tests {

/// A lane with the loop it runs on, as plain calls: each verb starts the operation, runs the loop until its completion
/// and returns the value. A failure is thrown with its detail; `attempt` returns it instead. One thread.
class lane_harness {
 public:
  using milliseconds = std::chrono::milliseconds;

  explicit lane_harness(persistence::store& s) : work_(io_.get_executor()), lane_(s.lane(io_)) {}

  /// `start` takes the lane and a completion of T.
  template <class T, class Start>
  persistence::result<T> attempt(Start start) {
    const auto answer = std::make_shared<std::optional<persistence::result<T>>>();
    start(*lane_, persistence::completion<T>([answer](persistence::result<T> r) { answer->emplace(std::move(r)); }));
    run_until([&] { return answer->has_value(); });
    return std::move(**answer);
  }

  /// Runs the loop until `done` is true. Throws after a time that no healthy store needs.
  template <class Done>
  void run_until(Done done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
      if (std::chrono::steady_clock::now() > limit) throw std::runtime_error("no completion within 30 s");
      io_.run_one_for(milliseconds(20));
    }
  }

  boost::asio::io_context& io() noexcept { return io_; }
  persistence::store_lane& lane() noexcept { return *lane_; }
  void destroy_lane() noexcept { lane_.reset(); }

  persistence::verdict commit(const persistence::commit& c) {
    return ask<persistence::verdict>([&](auto& l, auto done) { l.commit(c, done); });
  }
  persistence::verdict restore(const persistence::restoration& r) {
    return ask<persistence::verdict>([&](auto& l, auto done) { l.restore(r, done); });
  }
  std::optional<persistence::record> load(const persistence::entity& of) {
    return ask<std::optional<persistence::record>>([&](auto& l, auto done) { l.load(of, done); });
  }
  std::vector<persistence::event> read_events(const persistence::entity& of, std::uint64_t after = 0,
                                              std::size_t max = 1'000) {
    return ask<std::vector<persistence::event>>([&](auto& l, auto done) { l.read_events(of, after, max, done); });
  }
  std::optional<milliseconds> time_to_live(const persistence::entity& of) {
    return ask<std::optional<milliseconds>>([&](auto& l, auto done) { l.time_to_live(of, done); });
  }
  persistence::verdict extend(const persistence::entity& of, const persistence::token& by, milliseconds to) {
    return ask<persistence::verdict>([&](auto& l, auto done) { l.extend(of, by, to, done); });
  }
  persistence::verdict expire(const persistence::entity& of, const persistence::token& by) {
    return ask<persistence::verdict>([&](auto& l, auto done) { l.expire(of, by, done); });
  }
  persistence::page list(std::string_view kind, std::uint16_t slot, std::string_view cursor = {},
                         std::size_t max = 100) {
    return ask<persistence::page>([&](auto& l, auto done) { l.list(kind, slot, cursor, max, done); });
  }
  /// A claim that is not refused.
  persistence::token claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t view = 0) {
    return try_claim(slot, incarnation, view).value();
  }
  std::optional<persistence::token> try_claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t view) {
    return ask<std::optional<persistence::token>>([&](auto& l, auto done) { l.claim(slot, incarnation, view, done); });
  }
  persistence::verdict release(std::uint16_t slot, const persistence::token& by) {
    return ask<persistence::verdict>([&](auto& l, auto done) { l.release(slot, by, done); });
  }
  std::optional<persistence::token> owner(std::uint16_t slot) {
    return ask<std::optional<persistence::token>>([&](auto& l, auto done) { l.owner(slot, done); });
  }
  std::vector<std::optional<persistence::token>> owners(std::uint16_t first, std::uint16_t count) {
    return ask<std::vector<std::optional<persistence::token>>>(
        [&](auto& l, auto done) { l.owners(first, count, done); });
  }
  std::optional<persistence::versioned> read_view() {
    return ask<std::optional<persistence::versioned>>([](auto& l, auto done) { l.read_view(done); });
  }
  persistence::verdict change_view(std::uint64_t expected, std::string_view bytes) {
    return ask<persistence::verdict>([&](auto& l, auto done) { l.change_view(expected, bytes, done); });
  }
  std::optional<persistence::versioned> read_record(std::string_view name) {
    return ask<std::optional<persistence::versioned>>([&](auto& l, auto done) { l.read_record(name, done); });
  }
  persistence::verdict change_record(std::string_view name, std::uint64_t expected, std::string_view bytes) {
    return ask<persistence::verdict>([&](auto& l, auto done) { l.change_record(name, expected, bytes, done); });
  }
  std::optional<std::string> acquire(std::string_view lock, milliseconds limit) {
    return ask<std::optional<std::string>>([&](auto& l, auto done) { l.acquire(lock, limit, done); });
  }
  bool unlock(std::string_view lock, std::string_view word) {
    return ask<bool>([&](auto& l, auto done) { l.unlock(lock, word, done); });
  }
  bool prolong(std::string_view lock, std::string_view word, milliseconds limit) {
    return ask<bool>([&](auto& l, auto done) { l.prolong(lock, word, limit, done); });
  }
  std::optional<std::string> cache_get(std::string_view key) {
    return ask<std::optional<std::string>>([&](auto& l, auto done) { l.cache_get(key, done); });
  }
  bool cache_put(std::string_view key, std::string_view bytes, milliseconds keep) {
    return ask<bool>([&](auto& l, auto done) { l.cache_put(key, bytes, keep, done); });
  }

 private:
  template <class T, class Start>
  T ask(Start start) {
    return attempt<T>(start).value();
  }

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::unique_ptr<persistence::store_lane> lane_;
};

/// A commit that changes the snapshot only.
inline persistence::commit snapshot_commit(const persistence::entity& of, const persistence::token& by,
                                           std::uint64_t sequence, std::string snapshot) {
  persistence::commit c;
  c.of = of;
  c.by = by;
  c.sequence = sequence;
  c.snapshot = std::move(snapshot);
  return c;
}

}  // namespace holdfast::tests
