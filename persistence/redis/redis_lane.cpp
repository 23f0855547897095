#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <utility>

#include "persistence/redis/redis_answers.hpp"
#include "persistence/redis/redis_lane_impl.hpp"
#include "persistence/redis/redis_scripts.hpp"
#include "persistence/redis/redis_writes.hpp"

namespace holdfast::persistence {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t page_max = 1'000, events_max = 100'000;

std::string random_word() {
  std::array<unsigned char, 16> bytes{};
  if (::RAND_bytes(bytes.data(), bytes.size()) != 1) return {};
  std::string word;
  for (const auto byte : bytes)
    for (const int digit : {byte >> 4, byte & 15}) word += "0123456789abcdef"[digit];
  return word;
}

/// Answers `done` with what `read` makes of the reply.
template <class T, class Read>
auto answer(completion<T> done, Read read) {
  return [done = std::move(done), read = std::move(read)](const redis_outcome& o) {
    if (o.reply == nullptr)
      done(o.failure);
    else
      done(read(*o.reply));
  };
}

/// Commands with one key, which is all that decides where they go.
template <class... Arguments>
void write_plain(redis_request& r, std::uint16_t hash_slot, const Arguments&... arguments) {
  r.hash_slot = hash_slot;
  append_command(r.bytes, arguments...);
}

/// Answers in one what many operations answer, in the order they were asked, or the first failure.
template <class T>
class gathering {
 public:
  gathering(std::size_t count, completion<std::vector<T>> done)
      : answers_(count), missing_(count), done_(std::move(done)) {}

  void take(std::size_t place, result<T> answer) {
    if (!done_) return;
    if (!answer) return std::exchange(done_, nullptr)(answer.error());
    answers_[place] = std::move(*answer);
    if (--missing_ == 0) std::exchange(done_, nullptr)(std::move(answers_));
  }

 private:
  std::vector<T> answers_;
  std::size_t missing_;
  completion<std::vector<T>> done_;
};

class redis_lane final : public store_lane {
 public:
  redis_lane(std::shared_ptr<redis_dispatcher> dispatcher, std::shared_ptr<const redis_keys> keys)
      : dispatcher_(std::move(dispatcher)), keys_(std::move(keys)) {
    dispatcher_->on_history_changed = [this] {
      // A copy: who is told may destroy the lane.
      if (const auto tell = on_history_changed) tell();
    };
    dispatcher_->start();
  }
  ~redis_lane() override { dispatcher_->close(); }

  void commit(const struct commit& c, completion<verdict> done) override {
    if (!in_order(c.events)) return refuse_order(std::move(done));
    auto& r = dispatcher_->prepare();
    write_commit(r, *keys_, c);
    r.done = answer<verdict>(std::move(done), read_verdict);
    dispatcher_->submit(r);
  }

  void restore(const restoration& what, completion<verdict> done) override {
    if (!in_order(what.events)) return refuse_order(std::move(done));
    auto& r = dispatcher_->prepare();
    write_restoration(r, *keys_, what);
    r.done = answer<verdict>(std::move(done), read_verdict);
    dispatcher_->submit(r);
  }

  void load(const entity& of, completion<std::optional<record>> done) override {
    auto& r = prepare_bulk(of.slot());
    redis_command command(r.bytes, 2);
    command.add("HGETALL");
    keys_->add_entity(command, of, of.slot());
    r.done = answer<std::optional<record>>(std::move(done), persistence::read_record);
    dispatcher_->submit(r);
  }

  void read_events(const entity& of, std::uint64_t after, std::size_t max,
                   completion<std::vector<event>> done) override {
    auto& r = prepare_bulk(of.slot());
    redis_command command(r.bytes, 6);
    command.add("XRANGE");
    keys_->add_events(command, of, of.slot());
    command.join({"(", std::to_string(after), "-0"}).add("+").add("COUNT").add_unsigned(std::min(max, events_max));
    r.done = answer<std::vector<event>>(std::move(done), persistence::read_events);
    dispatcher_->submit(r);
  }

  void time_to_live(const entity& of, completion<std::optional<milliseconds>> done) override {
    auto& r = prepare_bulk(of.slot());
    redis_command command(r.bytes, 2);
    command.add("PTTL");
    keys_->add_entity(command, of, of.slot());
    r.done = answer<std::optional<milliseconds>>(
        std::move(done), [](const redis_reply& reply) -> result<std::optional<milliseconds>> {
          if (reply.integer == -1) return milliseconds::max();
          return reply.integer < 0 ? std::optional<milliseconds>() : milliseconds(reply.integer);
        });
    dispatcher_->submit(r);
  }

  void extend(const entity& of, const token& by, milliseconds to, completion<verdict> done) override {
    auto& r = dispatcher_->prepare();
    write_extension(r, *keys_, of, by, to);
    r.done = answer<verdict>(std::move(done), read_verdict);
    dispatcher_->submit(r);
  }

  void expire(const entity& of, const token& by, completion<verdict> done) override {
    auto& r = dispatcher_->prepare();
    write_expiry(r, *keys_, of, by);
    // Asked again after a lost answer, it is not there because the first attempt removed it.
    r.done = [done = std::move(done)](const redis_outcome& o) {
      if (o.reply == nullptr) return done(o.failure);
      const auto read = read_verdict(*o.reply);
      if (!read) return done(read.error());
      done(*read == verdict::conflict && o.repeated ? verdict::duplicate : *read);
    };
    dispatcher_->submit(r);
  }

  void list(std::string_view kind, std::uint16_t slot, std::string_view cursor, std::size_t max,
            completion<page> done) override {
    auto& r = prepare_bulk(slot);
    r.sweeping = true;
    const auto space = std::min(cursor.find(' '), cursor.size());
    auto command = begin_script(r, scripts().list, 1, 4);
    keys_->add_index(command, kind, slot);
    keys_->add_entity_head(command, kind, slot);
    command.add(cursor.substr(0, space)).add(cursor.substr(std::min(space + 1, cursor.size())));
    command.add_unsigned(std::clamp<std::size_t>(max, 1, page_max));
    r.done = answer<page>(std::move(done), read_page);
    dispatcher_->submit(r);
  }

  void claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t view,
             completion<std::optional<token>> done) override {
    auto& r = prepare_owner(slot, scripts().claim, 2, 2);
    auto command = redis_command::go_on(r.bytes);
    keys_->add_claimed_view(command, slot);
    command.add(incarnation).add_unsigned(view);
    r.done = answer<std::optional<token>>(
        std::move(done),
        [incarnation = std::string(incarnation)](const redis_reply& epoch) -> result<std::optional<token>> {
          if (!epoch.is_text()) return std::optional<token>();
          return read_owner({redis_reply::kind::text, 0, epoch.text + ":" + incarnation, {}});
        });
    dispatcher_->submit(r);
  }

  void release(std::uint16_t slot, const token& by, completion<verdict> done) override {
    auto& r = prepare_owner(slot, scripts().release, 1, 2);
    redis_command::go_on(r.bytes).add(text_of(by)).join({std::to_string(by.epoch), ":"});
    // Released already: by the first attempt, if this was another one, or else by whoever lost the slot long ago.
    r.done = [done = std::move(done)](const redis_outcome& o) {
      if (o.reply == nullptr) return done(o.failure);
      const auto read = read_verdict(*o.reply);
      if (!read) return done(read.error());
      done(*read == verdict::duplicate && !o.repeated ? verdict::fenced : *read);
    };
    dispatcher_->submit(r);
  }

  void owner(std::uint16_t slot, completion<std::optional<token>> done) override {
    auto& r = dispatcher_->prepare();
    r.hash_slot = keys_->hash_slot(slot);
    redis_command command(r.bytes, 2);
    command.add("GET");
    keys_->add_owner(command, slot);
    r.done = answer<std::optional<token>>(std::move(done), read_owner);
    dispatcher_->submit(r);
  }

  void owners(std::uint16_t first, std::uint16_t count, completion<std::vector<std::optional<token>>> done) override {
    if (count == 0) return dispatcher_->defer([done = std::move(done)] { done(std::vector<std::optional<token>>()); });
    const auto all = std::make_shared<gathering<std::optional<token>>>(count, std::move(done));
    for (std::uint16_t n = 0; n < count; ++n)
      owner(first + n, [all, n](result<std::optional<token>> one) { all->take(n, std::move(one)); });
  }

  void read_view(completion<std::optional<versioned>> done) override { read_versioned(keys_->view(), std::move(done)); }

  void change_view(std::uint64_t expected, std::string_view bytes, completion<verdict> done) override {
    change_versioned(keys_->view(), expected, bytes, std::move(done));
  }

  void read_record(std::string_view name, completion<std::optional<versioned>> done) override {
    read_versioned(keys_->record(name), std::move(done));
  }

  void change_record(std::string_view name, std::uint64_t expected, std::string_view bytes,
                     completion<verdict> done) override {
    change_versioned(keys_->record(name), expected, bytes, std::move(done));
  }

  void acquire(std::string_view lock, milliseconds limit, completion<std::optional<std::string>> done) override {
    auto& r = dispatcher_->prepare();
    const auto key = keys_->lock(lock);
    auto word = random_word();
    const std::int64_t keep = std::max<std::int64_t>(limit.count(), 1);
    write_plain(r, hash_slot_of(key), "SET", key, word, "NX", "GET", "PX", keep);
    // The word itself may be found there: the first attempt's, whose answer was lost.
    r.done = answer<std::optional<std::string>>(std::move(done),
                                                [word](const redis_reply& found) -> result<std::optional<std::string>> {
                                                  if (!found.is_text() || found.text == word)
                                                    return std::optional<std::string>(word);
                                                  return std::optional<std::string>();
                                                });
    dispatcher_->submit(r);
  }

  void unlock(std::string_view lock, std::string_view word, completion<bool> done) override {
    auto& r = prepare_single(keys_->lock(lock), scripts().unlock, 1);
    redis_command::go_on(r.bytes).add(word);
    submit_bool(r, std::move(done));
  }

  void prolong(std::string_view lock, std::string_view word, milliseconds limit, completion<bool> done) override {
    auto& r = prepare_single(keys_->lock(lock), scripts().prolong, 2);
    redis_command::go_on(r.bytes).add(word).add(std::max<std::int64_t>(limit.count(), 1));
    submit_bool(r, std::move(done));
  }

  void cache_get(std::string_view key, completion<std::optional<std::string>> done) override {
    auto& r = dispatcher_->prepare();
    const auto name = keys_->cached(key);
    r.bulk = true;
    write_plain(r, hash_slot_of(name), "GET", name);
    r.done = answer<std::optional<std::string>>(std::move(done),
                                                [](redis_reply& found) -> result<std::optional<std::string>> {
                                                  if (!found.is_text()) return std::optional<std::string>();
                                                  return std::optional<std::string>(std::move(found.text));
                                                });
    dispatcher_->submit(r);
  }

  void cache_put(std::string_view key, std::string_view bytes, milliseconds keep, completion<bool> done) override {
    auto& r = dispatcher_->prepare();
    const auto name = keys_->cached(key);
    r.bulk = true;
    write_plain(r, hash_slot_of(name), "SET", name, bytes, "PX", std::max<std::int64_t>(keep.count(), 1));
    r.done = answer<bool>(std::move(done), [](const redis_reply&) -> result<bool> { return true; });
    dispatcher_->submit(r);
  }

  bool read_standing(completion<standing> done) override {
    auto& r = prepare_bulk(0);
    append_command(r.bytes, "INFO", "replication");
    r.done = answer<standing>(std::move(done), persistence::read_standing);
    dispatcher_->submit(r);
    return true;
  }

 private:
  redis_request& prepare_bulk(std::uint16_t slot) {
    auto& r = dispatcher_->prepare();
    r.hash_slot = keys_->hash_slot(slot);
    r.bulk = true;
    return r;
  }

  /// A durable script on a slot's owner and, if it has more keys, on those that the caller adds next.
  redis_request& prepare_owner(std::uint16_t slot, const redis_script& script, std::size_t keys,
                               std::size_t arguments) {
    auto& r = dispatcher_->prepare();
    r.hash_slot = keys_->hash_slot(slot);
    r.durable = true;
    auto command = begin_script(r, script, keys, arguments);
    keys_->add_owner(command, slot);
    return r;
  }

  /// A script on this key alone.
  redis_request& prepare_single(const std::string& key, const redis_script& script, std::size_t arguments) {
    auto& r = dispatcher_->prepare();
    r.hash_slot = hash_slot_of(key);
    begin_script(r, script, 1, arguments).add(key);
    return r;
  }

  void read_versioned(const std::string& key, completion<std::optional<versioned>> done) {
    auto& r = dispatcher_->prepare();
    write_plain(r, hash_slot_of(key), "GET", key);
    r.done = answer<std::optional<versioned>>(std::move(done), persistence::read_view);
    dispatcher_->submit(r);
  }

  void change_versioned(const std::string& key, std::uint64_t expected, std::string_view bytes,
                        completion<verdict> done) {
    auto& r = prepare_single(key, scripts().change_view, 2);
    r.durable = true;
    redis_command::go_on(r.bytes).add_unsigned(expected).join({std::to_string(expected + 1), ":", bytes});
    r.done = answer<verdict>(std::move(done), read_verdict);
    dispatcher_->submit(r);
  }

  void submit_bool(redis_request& r, completion<bool> done) {
    r.done = answer<bool>(std::move(done), [](const redis_reply& reply) -> result<bool> { return reply.integer == 1; });
    dispatcher_->submit(r);
  }

  void refuse_order(completion<verdict> done) {
    dispatcher_->defer([done = std::move(done)] { done(verdict::conflict); });
  }

  std::shared_ptr<redis_dispatcher> dispatcher_;
  std::shared_ptr<const redis_keys> keys_;
};

}  // namespace

std::unique_ptr<store_lane> make_redis_lane(std::shared_ptr<redis_dispatcher> dispatcher,
                                            std::shared_ptr<const redis_keys> keys) {
  return std::make_unique<redis_lane>(std::move(dispatcher), std::move(keys));
}

}  // namespace holdfast::persistence
