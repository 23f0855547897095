#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <utility>

#include "persistence/sqlite/lane_impl.hpp"

namespace holdfast::persistence::sqlite {
namespace {

namespace asio = boost::asio;

std::size_t bytes_of(const std::map<std::string, std::string>& parts,
                     const std::map<std::string, journal_entry>& journal, const std::vector<event>& events) {
  std::size_t out = 0;
  for (const auto& [hash, bytes] : parts) out += bytes.size();
  for (const auto& [id, entry] : journal) out += entry.bytes.size();
  for (const auto& e : events) out += e.bytes.size();
  return out;
}

class lane final : public store_lane {
 public:
  lane(asio::io_context& on, writer& to, std::size_t waiting_max)
      : on_(on),
        to_(to),
        waiting_max_(waiting_max),
        mail_(std::make_shared<mailbox>(on, [this](const auto& answered) { finish(answered); })) {}

  ~lane() override {
    mail_->close();
    for (const auto& one : waiting_) one->forget();
  }

  void commit(const struct commit& c, completion<verdict> done) override {
    const auto bytes = bytes_of(c.parts, c.journal, c.events) + (c.snapshot ? c.snapshot->size() : 0);
    ask<verdict>([c, digest = digest_of(c)](tables& in) { return in.kept.commit(c, digest); }, std::move(done), bytes,
                 true);
  }

  void restore(const restoration& r, completion<verdict> done) override {
    const auto bytes = bytes_of(r.kept.parts, r.kept.journal, r.events) + r.kept.snapshot.size();
    ask<verdict>([r](tables& in) { return in.kept.restore(r); }, std::move(done), bytes);
  }

  void load(const entity& of, completion<std::optional<record>> done) override {
    ask<std::optional<record>>([of](tables& in) { return in.kept.load(of); }, std::move(done));
  }

  void read_events(const entity& of, std::uint64_t after, std::size_t max,
                   completion<std::vector<event>> done) override {
    ask<std::vector<event>>([=](tables& in) { return in.kept.events(of, after, max); }, std::move(done));
  }

  void time_to_live(const entity& of, completion<std::optional<std::chrono::milliseconds>> done) override {
    ask<std::optional<std::chrono::milliseconds>>([of](tables& in) { return in.kept.time_to_live(of); },
                                                  std::move(done));
  }

  void extend(const entity& of, const token& by, std::chrono::milliseconds to, completion<verdict> done) override {
    ask<verdict>([=](tables& in) { return in.kept.extend(of, by, to); }, std::move(done));
  }

  void expire(const entity& of, const token& by, completion<verdict> done) override {
    ask<verdict>([=](tables& in) { return in.kept.expire(of, by); }, std::move(done));
  }

  void list(std::string_view kind, std::uint16_t slot, std::string_view cursor, std::size_t max,
            completion<page> done) override {
    ask<page>([kind = std::string(kind), slot, cursor = std::string(cursor),
               max](tables& in) { return in.kept.list(kind, slot, cursor, max); },
              std::move(done));
  }

  void claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t view,
             completion<std::optional<token>> done) override {
    ask<std::optional<token>>(
        [slot, by = std::string(incarnation), view](tables& in) { return in.slots.claim(slot, by, view); },
        std::move(done));
  }

  void release(std::uint16_t slot, const token& by, completion<verdict> done) override {
    ask<verdict>([=](tables& in) { return in.slots.release(slot, by); }, std::move(done));
  }

  void owner(std::uint16_t slot, completion<std::optional<token>> done) override {
    ask<std::optional<token>>([=](tables& in) { return in.slots.owner(slot); }, std::move(done));
  }

  void owners(std::uint16_t first, std::uint16_t count, completion<std::vector<std::optional<token>>> done) override {
    ask<std::vector<std::optional<token>>>([=](tables& in) { return in.slots.owners(first, count); }, std::move(done));
  }

  void read_view(completion<std::optional<versioned>> done) override {
    ask<std::optional<versioned>>([](tables& in) { return in.view.read(); }, std::move(done));
  }

  void change_view(std::uint64_t expected, std::string_view bytes, completion<verdict> done) override {
    ask<verdict>([expected, bytes = std::string(bytes)](tables& in) { return in.view.change(expected, bytes); },
                 std::move(done), bytes.size());
  }

  void read_record(std::string_view name, completion<std::optional<versioned>> done) override {
    ask<std::optional<versioned>>([name = std::string(name)](tables& in) { return in.records.read(name); },
                                  std::move(done));
  }

  void change_record(std::string_view name, std::uint64_t expected, std::string_view bytes,
                     completion<verdict> done) override {
    ask<verdict>([name = std::string(name), expected,
                  bytes = std::string(bytes)](tables& in) { return in.records.change(name, expected, bytes); },
                 std::move(done), bytes.size());
  }

  void acquire(std::string_view lock, std::chrono::milliseconds limit,
               completion<std::optional<std::string>> done) override {
    ask<std::optional<std::string>>([lock = std::string(lock), word = random_word(),
                                     limit](tables& in) { return in.locks.acquire(lock, word, limit); },
                                    std::move(done));
  }

  void unlock(std::string_view lock, std::string_view word, completion<bool> done) override {
    ask<bool>([lock = std::string(lock), word = std::string(word)](tables& in) { return in.locks.unlock(lock, word); },
              std::move(done));
  }

  void prolong(std::string_view lock, std::string_view word, std::chrono::milliseconds limit,
               completion<bool> done) override {
    ask<bool>([lock = std::string(lock), word = std::string(word),
               limit](tables& in) { return in.locks.prolong(lock, word, limit); },
              std::move(done));
  }

  void cache_get(std::string_view key, completion<std::optional<std::string>> done) override {
    ask<std::optional<std::string>>([key = std::string(key)](tables& in) { return in.cache.get(key); },
                                    std::move(done));
  }

  void cache_put(std::string_view key, std::string_view bytes, std::chrono::milliseconds keep,
                 completion<bool> done) override {
    ask<bool>(
        [key = std::string(key), bytes = std::string(bytes), keep](tables& in) {
          in.cache.put(key, bytes, keep);
          return true;
        },
        std::move(done), bytes.size());
  }

 private:
  template <class T, class Work>
  void ask(Work work, completion<T> done, std::size_t bytes = 0, bool commits = false) {
    auto answering = [work = std::move(work)](tables& in) -> result<T> { return work(in); };
    auto one = std::make_shared<operation_of<T, decltype(answering)>>(std::move(answering), std::move(done));
    one->to = mail_;
    one->accepted = operation::clock::now();
    one->bytes = bytes;
    one->commits = commits;
    one->place = waiting_.size();
    if (waiting_.empty()) work_.emplace(on_.get_executor());
    waiting_.push_back(one);
    if (waiting_.size() <= waiting_max_) {
      to_.accept(std::move(one));
    } else {
      to_.refuse(one);
    }
  }

  void finish(const std::shared_ptr<operation>& answered) {
    waiting_[answered->place] = std::move(waiting_.back());
    waiting_[answered->place]->place = answered->place;
    waiting_.pop_back();
    if (waiting_.empty()) work_.reset();
    answered->complete();
  }

  asio::io_context& on_;
  writer& to_;
  const std::size_t waiting_max_;
  const std::shared_ptr<mailbox> mail_;
  std::vector<std::shared_ptr<operation>> waiting_;  // without an answer, in no order
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
};

}  // namespace

std::unique_ptr<store_lane> make_lane(asio::io_context& on, writer& to, std::size_t waiting_max) {
  return std::make_unique<lane>(on, to, waiting_max);
}

}  // namespace holdfast::persistence::sqlite
