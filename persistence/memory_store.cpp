#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <mutex>
#include <random>
#include <utility>

#include "persistence/memory_contents.hpp"
#include "persistence/stores_impl.hpp"

namespace holdfast::persistence {
namespace {

using time_point = std::chrono::steady_clock::time_point;
using milliseconds = std::chrono::milliseconds;

// What the lanes of one store share.
struct shared {
  std::mutex mutex;
  memory_contents contents;

  std::atomic<std::size_t> waiting = 0;
  std::atomic<std::uint64_t> operations = 0, failures = 0, commits = 0;
};

std::string random_word() {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::random_device source;
  std::string word;
  for (int i = 0; i < 4; ++i)
    for (unsigned bits = source(), n = 0; n < 8; ++n, bits >>= 4) word += digits[bits & 15];
  return word;
}

class memory_lane final : public store_lane {
 public:
  memory_lane(boost::asio::io_context& on, std::shared_ptr<shared> s, std::size_t waiting_max)
      : on_(on), shared_(std::move(s)), waiting_max_(waiting_max) {}
  memory_lane(const memory_lane&) = delete;
  memory_lane& operator=(const memory_lane&) = delete;
  ~memory_lane() override { shared_->waiting -= *waiting_; }

  void commit(const struct commit& c, completion<verdict> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point now) {
      ++shared_->commits;
      return all.commit(c, now);
    });
  }
  void restore(const struct restoration& r, completion<verdict> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point now) { return all.restore(r, now); });
  }
  void load(const entity& of, completion<std::optional<record>> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point now) { return all.load(of, now); });
  }
  void read_events(const entity& of, std::uint64_t after, std::size_t max,
                   completion<std::vector<event>> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point now) { return all.read_events(of, after, max, now); });
  }
  void time_to_live(const entity& of, completion<std::optional<milliseconds>> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point now) { return all.time_to_live(of, now); });
  }
  void extend(const entity& of, const token& by, milliseconds to, completion<verdict> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point now) { return all.extend(of, by, to, now); });
  }
  void expire(const entity& of, const token& by, completion<verdict> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point now) { return all.expire(of, by, now); });
  }
  void list(std::string_view kind, std::uint16_t slot, std::string_view cursor, std::size_t max,
            completion<page> done) override {
    answer(std::move(done),
           [&](memory_contents& all, time_point now) { return all.list(kind, slot, cursor, max, now); });
  }

  void claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t view,
             completion<std::optional<token>> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point) { return all.claim(slot, incarnation, view); });
  }
  void release(std::uint16_t slot, const token& by, completion<verdict> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point) { return all.release(slot, by); });
  }
  void owner(std::uint16_t slot, completion<std::optional<token>> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point) { return all.owner(slot); });
  }
  void owners(std::uint16_t first, std::uint16_t count, completion<std::vector<std::optional<token>>> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point) { return all.owners(first, count); });
  }

  void read_view(completion<std::optional<versioned>> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point) { return all.view(); });
  }
  void change_view(std::uint64_t expected, std::string_view bytes, completion<verdict> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point) { return all.change_view(expected, bytes); });
  }
  void read_record(std::string_view name, completion<std::optional<versioned>> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point) { return all.read_record(name); });
  }
  void change_record(std::string_view name, std::uint64_t expected, std::string_view bytes,
                     completion<verdict> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point) { return all.change_record(name, expected, bytes); });
  }

  void acquire(std::string_view lock, milliseconds limit, completion<std::optional<std::string>> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point now) {
      std::string word = random_word();
      return all.acquire(lock, word, limit, now) ? std::optional(std::move(word)) : std::nullopt;
    });
  }
  void unlock(std::string_view lock, std::string_view word, completion<bool> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point now) { return all.unlock(lock, word, now); });
  }
  void prolong(std::string_view lock, std::string_view word, milliseconds limit, completion<bool> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point now) { return all.prolong(lock, word, limit, now); });
  }

  void cache_get(std::string_view key, completion<std::optional<std::string>> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point now) { return all.cache_get(key, now); });
  }
  void cache_put(std::string_view key, std::string_view bytes, milliseconds keep, completion<bool> done) override {
    answer(std::move(done), [&](memory_contents& all, time_point now) { return all.cache_put(key, bytes, keep, now); });
  }

 private:
  template <class T, class Verb>
  void answer(completion<T> done, Verb verb) {
    ++shared_->operations;
    if (*waiting_ >= waiting_max_) {
      ++shared_->failures;
      return later<T>(std::move(done), store_failure{store_errc::overloaded, "too many operations wait for an answer"});
    }
    const std::lock_guard lock(shared_->mutex);
    later<T>(std::move(done), verb(shared_->contents, std::chrono::steady_clock::now()));
  }

  template <class T>
  void later(completion<T> done, result<T> r) {
    ++*waiting_;
    ++shared_->waiting;
    // The count is alive as long as the lane is; both belong to the thread that runs the loop.
    boost::asio::post(
        on_, [alive = std::weak_ptr(waiting_), all = shared_, done = std::move(done), r = std::move(r)]() mutable {
          const auto waiting = alive.lock();
          if (waiting == nullptr) return;
          --*waiting;
          --all->waiting;
          done(std::move(r));
        });
  }

  boost::asio::io_context& on_;
  const std::shared_ptr<shared> shared_;
  const std::size_t waiting_max_;
  const std::shared_ptr<std::size_t> waiting_ = std::make_shared<std::size_t>(0);
};

class memory_store final : public store {
 public:
  explicit memory_store(std::size_t waiting_max) : waiting_max_(waiting_max) {}

  std::unique_ptr<store_lane> lane(boost::asio::io_context& on) override {
    return std::make_unique<memory_lane>(on, shared_, waiting_max_);
  }
  enum tier tier() const noexcept override { return tier::memory; }
  store_health health() const override {
    store_health h;
    h.detail = "in this process: nothing survives it";
    h.waiting = shared_->waiting;
    h.operations = shared_->operations;
    h.failures = shared_->failures;
    h.commits = shared_->commits;
    return h;
  }
  std::string shown() const override { return "memory:"; }

 private:
  const std::size_t waiting_max_;
  const std::shared_ptr<shared> shared_ = std::make_shared<shared>();
};

}  // namespace

result<std::unique_ptr<store>> open_memory(const store_options& o) {
  if (o.url != "memory:")
    return store_failure{store_errc::rejected, "the memory store takes nothing after its name: write memory:"};
  return std::make_unique<memory_store>(o.waiting_max);
}

}  // namespace holdfast::persistence
