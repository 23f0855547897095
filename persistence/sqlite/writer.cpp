#include "persistence/sqlite/writer_impl.hpp"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace holdfast::persistence::sqlite {
namespace {

using clock = operation::clock;

constexpr std::size_t batch_max = 1'024;
constexpr std::size_t batch_bytes_max = 16 << 20;

/// A thread that takes no signal: one must not break off a write, and the process's handlers run elsewhere.
template <class Body>
std::thread quiet_thread(Body body) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread out(std::move(body));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return out;
}

}  // namespace

writer::writer(std::unique_ptr<database> in, std::unique_ptr<tables> of, std::chrono::milliseconds deadline)
    : deadline_(deadline),
      database_(std::move(in)),
      tables_(std::move(of)),
      upkeep_(*tables_, clock::now()),
      watcher_(quiet_thread([this] { watch(); })),
      worker_(quiet_thread([this] { work(); })) {}

writer::~writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_all();
  stopped_.notify_all();
  watcher_.join();
  worker_.join();
}

void writer::accept(std::shared_ptr<operation> o) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(o));
    ++counts_.accepted;
    wake = std::exchange(asleep_, false);
  }
  if (wake) wanted_.notify_one();
}

void writer::refuse(const std::shared_ptr<operation>& o) {
  {
    const std::lock_guard lock(mutex_);
    ++counts_.accepted;
  }
  o->fail({store_errc::overloaded, "too many operations wait for the database already"});
  answer({o});
}

writer::counts writer::count() const {
  const std::lock_guard lock(mutex_);
  counts out = counts_;
  out.queued = queue_.size();
  return out;
}

void writer::work() {
  for (;;) {
    give_up_overdue();
    const operations batch = next_batch();
    const auto now = clock::now();
    if (!batch.empty()) {
      serve(batch);
      answer(batch);
    }
    bool idle = false;
    bool troubled = false;
    {
      const std::lock_guard lock(mutex_);
      idle = queue_.empty();
      troubled = counts_.trouble.has_value();
      if (idle && stopping_) return;
    }
    if (now >= upkeep_.due() || upkeep_.urgent(now)) {
      if (auto failure = upkeep_.step(now, idle, troubled); failure || troubled) note(std::move(failure));
    }
  }
}

/// Nothing if it is time for upkeep or for the end.
operations writer::next_batch() {
  std::unique_lock lock(mutex_);
  if (queue_.empty() && !stopping_) {
    asleep_ = true;
    wanted_.wait_until(lock, upkeep_.due(), [this] { return !queue_.empty() || stopping_; });
    asleep_ = false;
  }
  operations out;
  for (std::size_t bytes = 0; !queue_.empty() && out.size() < batch_max && bytes < batch_bytes_max;) {
    bytes += queue_.front()->bytes;
    out.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return out;
}

// One that cannot be served for reasons of its own must not take the others with it, so a failed batch is halved until
// only the guilty fail.
void writer::serve(std::span<const std::shared_ptr<operation>> batch) {
  auto failure = attempt(batch);
  note(failure);
  if (!failure) return;
  if (batch.size() == 1 || failure->code == store_errc::unavailable) {
    for (const auto& one : batch) one->fail(*failure);
    return;
  }
  serve(batch.first(batch.size() / 2));
  serve(batch.subspan(batch.size() / 2));
}

std::optional<store_failure> writer::attempt(std::span<const std::shared_ptr<operation>> batch) {
  auto& in = *database_;
  tables_->begin.run();
  tables_->slots.recall();
  for (const auto& one : batch) {
    if (!in.ok()) break;
    one->run(*tables_);
  }
  tables_->commit.run();
  if (in.ok()) return std::nullopt;
  tables_->slots.forget();
  return in.roll_back();
}

void writer::note(std::optional<store_failure> outcome) {
  const std::lock_guard lock(mutex_);
  ++counts_.transactions;
  // What only the request is to blame for says nothing about the store.
  if (outcome && outcome->code == store_errc::rejected) return;
  counts_.trouble = std::move(outcome);
}

void writer::answer(const operations& batch) {
  const auto now = clock::now();
  std::vector<std::pair<std::shared_ptr<mailbox>, operations>> sorted;
  {
    const std::lock_guard lock(mutex_);
    counts_.answered += batch.size();
    for (const auto& one : batch) {
      if (one->failed()) ++counts_.failures;
      if (!one->commits || one->failed()) continue;
      ++counts_.commits;
      const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - one->accepted);
      counts_.latency += (took - counts_.latency) / 16;
    }
  }
  for (const auto& one : batch) {
    auto at = std::find_if(sorted.begin(), sorted.end(), [&](const auto& s) { return s.first == one->to; });
    if (at == sorted.end()) at = sorted.insert(at, {one->to, {}});
    at->second.push_back(one);
  }
  for (auto& [to, answered] : sorted) to->post(std::move(answered));
}

// Apart from the worker, which a disk that hangs may hold for long.
void writer::watch() {
  const auto interval = std::max(deadline_ / 8, std::chrono::milliseconds(1));
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, interval, [this] { return stopping_; })) {
    lock.unlock();
    give_up_overdue();
    lock.lock();
  }
}

void writer::give_up_overdue() {
  const auto overdue = take_overdue();
  for (const auto& one : overdue) {
    one->fail({store_errc::unavailable, "the database has been busy for longer than the deadline"});
  }
  if (!overdue.empty()) answer(overdue);
}

operations writer::take_overdue() {
  const auto now = clock::now();
  const std::lock_guard lock(mutex_);
  operations out;
  // At the end nobody waits for an answer any more, but what was accepted is written.
  while (!stopping_ && !queue_.empty() && now - queue_.front()->accepted > deadline_) {
    out.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return out;
}

}  // namespace holdfast::persistence::sqlite
