#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "persistence/sqlite/file_lock_impl.hpp"
#include "persistence/sqlite/lane_impl.hpp"
#include "persistence/sqlite/schema_impl.hpp"
#include "persistence/sqlite/upkeep_impl.hpp"
#include "persistence/sqlite/writer_impl.hpp"
#include "tests/persistence/temporary_folder.hpp"

using namespace holdfast::persistence;
using namespace std::chrono_literals;
using holdfast::tests::temporary_folder;

namespace {

std::unique_ptr<sqlite::database> open_database(const std::string& path, std::chrono::milliseconds busy_for) {
  REQUIRE(sqlite::file_lock::take(path).has_value());
  auto out = sqlite::database::open(path, busy_for).value();
  REQUIRE(sqlite::prepare(*out, sqlite::durability::full, path).has_value());
  return out;
}

std::unique_ptr<sqlite::writer> open_writer(const std::string& path, std::chrono::milliseconds busy_for,
                                            std::chrono::milliseconds deadline) {
  auto in = open_database(path, busy_for);
  auto tables = std::make_unique<sqlite::tables>(*in);
  return std::make_unique<sqlite::writer>(std::move(in), std::move(tables), deadline);
}

struct commit numbered(int i, const token& by) {
  struct commit c;
  c.of = {"session", "s" + std::to_string(i)};
  c.by = by;
  c.sequence = 1;
  c.snapshot = std::string(1'000, 's');
  return c;
}

/// Lets every slot be held by this token.
token claim_all(sqlite::tables& t) {
  t.begin.run();
  t.slots.recall();
  token by;
  for (std::uint16_t slot = 0; slot < slot_count; ++slot) by = *t.slots.claim(slot, "abc", 0).value();
  t.commit.run();
  return by;
}

}  // namespace

TEST_CASE("commits that come while a transaction is written share the next one") {
  const temporary_folder folder;
  token by;
  {
    auto in = open_database(folder / "state.db", 100ms);
    sqlite::tables t(*in);
    by = claim_all(t);
  }
  const auto writer = open_writer(folder / "state.db", 100ms, 5s);
  boost::asio::io_context io;
  const auto lane = sqlite::make_lane(io, *writer, 10'000);
  int answered = 0;
  for (int i = 0; i < 2'000; ++i) {
    lane->commit(numbered(i, by), [&](const result<verdict>& r) {
      CHECK(r.value() == verdict::ok);
      ++answered;
    });
  }
  io.run();
  CHECK(answered == 2'000);
  CHECK(writer->count().transactions < 200);
  CHECK(writer->count().commits == 2'000);
}

TEST_CASE("what has waited too long is given up, but what has begun is answered truly") {
  const temporary_folder folder;
  const auto path = folder / "state.db";
  const auto writer = open_writer(path, 20s, 100ms);
  const auto other = sqlite::database::open(path, 100ms).value();
  other->execute("begin immediate");
  boost::asio::io_context io;
  const auto lane = sqlite::make_lane(io, *writer, 10);
  std::optional<result<std::optional<token>>> first;
  std::optional<result<std::optional<token>>> second;
  // Not begun at once if the writer's own upkeep waits for the lock: then it is given up, too, and asked again.
  do {
    first.reset();
    lane->claim(1, "abc", 0, [&](auto r) { first.emplace(std::move(r)); });
    while (writer->count().queued > 0 && !first) io.run_one_for(1ms);
    io.poll();
  } while (first);
  lane->claim(2, "abc", 0, [&](auto r) { second.emplace(std::move(r)); });
  while (!second) io.run_one();
  REQUIRE(second->has_error());
  CHECK(second->error().code == store_errc::unavailable);
  CHECK_FALSE(first);
  other->execute("rollback");
  io.run();
  REQUIRE(first);
  CHECK(first->value()->epoch == 1);
}

TEST_CASE("entities whose time is up are swept in steps and the file shrinks") {
  const temporary_folder folder;
  const auto path = folder / "state.db";
  auto in = open_database(path, 100ms);
  sqlite::tables t(*in);
  const auto by = claim_all(t);
  t.begin.run();
  for (int i = 0; i < 300; ++i) {
    auto c = numbered(i, by);
    c.parts = {{"hash", std::string(20'000, 'p')}};
    c.journal = {{"call", {}}};
    c.events = {{1, "event"}};
    if (i < 290) c.time_to_live = -10s;
    CHECK(t.kept.commit(c, digest_of(c)) == verdict::ok);
  }
  t.cache.put("old", "bytes", -1ms);
  t.cache.put("new", "bytes", 1h);
  CHECK(t.locks.acquire("old", "word", -1ms));
  t.commit.run();
  in->checkpoint();
  REQUIRE(in->ok());
  const auto before = std::filesystem::file_size(path);
  sqlite::upkeep upkeep(t, {});
  CHECK_FALSE(upkeep.step({}, true, false));
  CHECK(in->number("select count(*) from entity") == 300 - 64);
  for (int i = 0; i < 100; ++i) CHECK_FALSE(upkeep.step({}, true, false));
  CHECK(in->number("select count(*) from entity") == 10);
  CHECK(in->number("select count(*) from part") == 10);
  CHECK(in->number("select count(*) from journal") == 10);
  CHECK(in->number("select count(*) from event") == 10);
  CHECK(in->number("select count(*) from cache") == 1);
  CHECK(in->number("select count(*) from lock") == 0);
  in->checkpoint();
  CHECK(std::filesystem::file_size(path) < before / 4);
  CHECK(t.kept.load(numbered(299, by).of));
}

TEST_CASE("the log does not grow without end") {
  const temporary_folder folder;
  const auto path = folder / "state.db";
  const auto writer = open_writer(path, 100ms, 5s);
  boost::asio::io_context io;
  const auto lane = sqlite::make_lane(io, *writer, 10'000);
  token by;
  const auto of = numbered(0, {}).of;
  lane->claim(of.slot(), "abc", 0, [&](const auto& r) { by = r.value().value(); });
  io.run();
  for (std::uint64_t n = 1; n <= 80; ++n) {
    auto c = numbered(0, by);
    c.sequence = n;
    c.snapshot = std::string(1'000'000, 'x');
    lane->commit(c, [](const result<verdict>& r) { CHECK(r.value() == verdict::ok); });
    io.restart();
    io.run();
  }
  CHECK(std::filesystem::file_size(path + "-wal") < 64'000'000);
}
