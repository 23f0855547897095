#include <algorithm>
#include <utility>

#include "persistence/sqlite/file_lock_impl.hpp"
#include "persistence/sqlite/lane_impl.hpp"
#include "persistence/sqlite/location_impl.hpp"
#include "persistence/sqlite/writer_impl.hpp"
#include "persistence/stores_impl.hpp"

namespace holdfast::persistence {
namespace {

constexpr std::chrono::milliseconds busy_max{1'000};

class sqlite_store final : public store {
 public:
  sqlite_store(std::string url, std::size_t waiting_max, sqlite::file_lock lock, std::unique_ptr<sqlite::writer> writer)
      : url_(std::move(url)), waiting_max_(waiting_max), lock_(std::move(lock)), writer_(std::move(writer)) {}

  std::unique_ptr<store_lane> lane(boost::asio::io_context& on) override {
    return sqlite::make_lane(on, *writer_, waiting_max_);
  }

  enum tier tier() const noexcept override { return tier::sqlite; }

  store_health health() const override {
    const auto counts = writer_->count();
    store_health out;
    out.available = !counts.trouble;
    out.detail = counts.trouble ? counts.trouble->detail : lock_.path();
    out.connections = 1;
    out.waiting = counts.accepted - counts.answered;
    out.operations = counts.answered;
    out.failures = counts.failures;
    out.commits = counts.commits;
    out.latency = counts.latency;
    return out;
  }

  std::string shown() const override { return url_; }

 private:
  const std::string url_;
  const std::size_t waiting_max_;
  const sqlite::file_lock lock_;  // goes last
  const std::unique_ptr<sqlite::writer> writer_;
};

store_failure with_advice(store_failure f) {
  if (f.code == store_errc::corrupt) f.detail += "; restore it from a copy, or move it away to start with a new one";
  return f;
}

}  // namespace

result<std::unique_ptr<store>> open_sqlite(const store_options& o) {
  const auto where = sqlite::parse(o.url);
  if (!where) return where.error();
  auto lock = sqlite::file_lock::take(where->path);
  if (!lock) return lock.error();
  auto database = sqlite::database::open(lock->path(), std::min(o.deadline, busy_max));
  if (!database) return with_advice(database.error());
  if (const auto ready = sqlite::prepare(**database, where->how, lock->path()); !ready)
    return with_advice(ready.error());
  auto tables = std::make_unique<sqlite::tables>(**database);
  if (!(*database)->ok()) return with_advice((*database)->roll_back());
  auto writer = std::make_unique<sqlite::writer>(std::move(*database), std::move(tables), o.deadline);
  return std::make_unique<sqlite_store>(o.url, o.waiting_max, std::move(*lock), std::move(writer));
}

}  // namespace holdfast::persistence
