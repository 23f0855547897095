#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "persistence/sqlite/location_impl.hpp"
#include "persistence/sqlite/schema_impl.hpp"
#include "persistence/stores_impl.hpp"
#include "tests/persistence/store_contract.hpp"
#include "tests/persistence/store_harness.hpp"
#include "tests/persistence/temporary_folder.hpp"

using namespace holdfast::persistence;
using namespace std::chrono_literals;
using holdfast::tests::lane_harness;
using holdfast::tests::snapshot_commit;
using holdfast::tests::temporary_folder;

namespace {

store_options options_for(const std::string& path) {
  store_options o;
  o.url = "sqlite:" + path;
  return o;
}

std::unique_ptr<store> open_file(const std::string& path) { return open_sqlite(options_for(path)).value(); }

store_failure refusal(const std::string& path) {
  const auto opened = open_sqlite(options_for(path));
  REQUIRE(opened.has_error());
  return opened.error();
}

/// Another program at the same file.
std::unique_ptr<sqlite::database> outsider(const std::string& path) {
  return sqlite::database::open(path, 1000ms).value();
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const entity one{"session", "one"};

/// Waits for the answers to commits started together.
class answers {
 public:
  explicit answers(lane_harness& lane) : lane_(lane) {}

  void start(const struct commit& c) {
    const auto at = got_->size();
    got_->emplace_back();
    lane_.lane().commit(c, [got = got_, at, open = open_](result<verdict> r) {
      (*got)[at].emplace(std::move(r));
      --*open;
    });
    ++*open_;
  }

  std::vector<std::optional<result<verdict>>>& wait() {
    lane_.run_until([this] { return *open_ == 0; });
    return *got_;
  }

 private:
  lane_harness& lane_;
  std::shared_ptr<std::vector<std::optional<result<verdict>>>> got_ =
      std::make_shared<std::vector<std::optional<result<verdict>>>>();
  std::shared_ptr<int> open_ = std::make_shared<int>(0);
};

}  // namespace

TEST_CASE("the sqlite store keeps the contract") {
  const temporary_folder folder;
  int made = 0;
  holdfast::tests::check_store_contract([&] { return open_file(folder / ("state" + std::to_string(++made) + ".db")); });
}

TEST_CASE("a file keeps everything while no process has it open") {
  const temporary_folder folder;
  struct commit c = snapshot_commit(one, {}, 1, "{\"state\":1}");
  c.parts = {{"hash", std::string(10'000, 'p')}, {"empty", ""}};
  c.journal = {{"call", {stage::result, "answer"}}};
  c.events = {{1, "first"}, {2, std::string("\0second", 7)}};
  c.time_to_live = 1h;
  token held;
  std::string word;
  {
    const auto s = open_file(folder / "state.db");
    lane_harness lane(*s);
    held = c.by = lane.claim(one.slot(), "abc");
    CHECK(lane.commit(c) == verdict::ok);
    word = lane.acquire("rebalance", 1h).value();
    CHECK(lane.cache_put("key", "cached", 1h));
    CHECK(lane.change_view(0, "view") == verdict::ok);
    lane.release(2, lane.claim(2, "abc", 9));
  }
  const auto s = open_file(folder / "state.db");
  lane_harness lane(*s);
  CHECK(lane.owner(one.slot()) == held);
  const auto found = lane.load(one);
  REQUIRE(found);
  CHECK(*found == record{1, *c.snapshot, c.parts, c.journal});
  CHECK(lane.read_events(one) == c.events);
  CHECK(lane.time_to_live(one).value() > 59min);
  CHECK(lane.commit(c) == verdict::duplicate);
  CHECK(lane.claim(one.slot(), "def").epoch == held.epoch + 1);
  CHECK(lane.commit(snapshot_commit(one, held, 2, "")) == verdict::fenced);
  CHECK_FALSE(lane.acquire("rebalance", 1h));
  CHECK(lane.unlock("rebalance", word));
  CHECK(lane.cache_get("key") == "cached");
  CHECK(lane.read_view() == versioned{1, "view"});
  CHECK(lane.change_view(0, "view") == verdict::duplicate);
  CHECK_FALSE(lane.try_claim(2, "def", 8));
  CHECK(lane.claim(2, "def", 9).epoch == 2);
}

TEST_CASE("folder and files are created for this user alone") {
  const temporary_folder folder;
  const auto s = open_file(folder / "a/b/state.db");
  lane_harness lane(*s);
  lane.claim(1, "abc");
  const auto mode = [&](const std::string& name) {
    struct stat st {};
    REQUIRE(::stat((folder / name).c_str(), &st) == 0);
    return st.st_mode & 0777;
  };
  CHECK(mode("a") == 0700);
  CHECK(mode("a/b") == 0700);
  for (const auto* name : {"a/b/state.db", "a/b/state.db-wal", "a/b/state.db-shm", "a/b/state.db.lock"}) {
    CHECK(mode(name) == 0600);
  }
}

TEST_CASE("a second opener is refused and told by whom") {
  const temporary_folder folder;
  const auto path = folder / "state.db";
  auto s = open_file(path);
  const auto refused = refusal(path);
  CHECK(refused.code == store_errc::rejected);
  CHECK(holds(refused.detail, path + " is in use by process " + std::to_string(::getpid())));
  CHECK(holds(refused.detail, "stop that node"));
  SUBCASE("also under another name of the file") {
    REQUIRE(::symlink(path.c_str(), (folder / "link.db").c_str()) == 0);
    CHECK(refusal(folder / "link.db").code == store_errc::rejected);
  }
  SUBCASE("until the first has closed it") {
    s.reset();
    CHECK(open_sqlite(options_for(path)).has_value());
  }
}

TEST_CASE("a URL that cannot be right is rejected with what would be") {
  for (const auto* url : {"sqlite:", "sqlite::memory:", "sqlite:x.db?sync=off", "sqlite:x.db?synchronous=off",
                          "sqlite:?synchronous=full", "redis://x"}) {
    const auto parsed = sqlite::parse(url);
    REQUIRE(parsed.has_error());
    CHECK(parsed.error().code == store_errc::rejected);
    CHECK(holds(parsed.error().detail, "write sqlite:PATH"));
  }
  CHECK(sqlite::parse("sqlite:/x.db")->how == sqlite::durability::full);
  CHECK(sqlite::parse("sqlite:/x.db?synchronous=full")->how == sqlite::durability::full);
  const auto fast = sqlite::parse("sqlite:x.db?synchronous=normal");
  CHECK(fast->how == sqlite::durability::normal);
  CHECK(fast->path == "x.db");
}

TEST_CASE("every commit waits for the disk unless the URL says otherwise") {
  const temporary_folder folder;
  for (const auto how : {sqlite::durability::full, sqlite::durability::normal}) {
    const auto path = folder / (how == sqlite::durability::full ? "full.db" : "normal.db");
    std::ofstream(path).flush();
    const auto in = outsider(path);
    REQUIRE(sqlite::prepare(*in, how, path).has_value());
    CHECK(in->number("pragma synchronous") == (how == sqlite::durability::full ? 2 : 1));
  }
}

TEST_CASE("what is no database of ours is refused and left alone") {
  const temporary_folder folder;
  const auto path = folder / "state.db";
  SUBCASE("a folder") {
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    CHECK(refusal(path).code == store_errc::rejected);
  }
  SUBCASE("a place that cannot be written") {
    const auto refused = refusal("/proc/holdfast/state.db");
    CHECK(refused.code == store_errc::rejected);
    CHECK(holds(refused.detail, "/proc/holdfast"));
  }
  SUBCASE("garbage") {
    const std::string garbage(20'000, 'x');
    std::ofstream(path) << garbage;
    const auto refused = refusal(path);
    CHECK(refused.code == store_errc::corrupt);
    CHECK(holds(refused.detail, path));
    std::ifstream file(path);
    CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == garbage);
  }
  SUBCASE("a database of another program") {
    std::ofstream(path).flush();
    outsider(path)->execute("create table theirs (x)");
    const auto refused = refusal(path);
    CHECK(refused.code == store_errc::rejected);
    CHECK(holds(refused.detail, "another program"));
  }
  SUBCASE("a newer schema") {
    open_file(path);
    outsider(path)->execute("pragma user_version = 3; drop table layout");
    const auto refused = refusal(path);
    CHECK(refused.code == store_errc::rejected);
    CHECK(holds(refused.detail, path + " was written by a newer Holdfast (format 3, this one knows up to 2)"));
    CHECK(outsider(path)->number("pragma user_version") == 3);
  }
  SUBCASE("another number of slots") {
    open_file(path);
    outsider(path)->execute("update layout set slots = 512");
    const auto refused = refusal(path);
    CHECK(refused.code == store_errc::rejected);
    CHECK(holds(refused.detail, path + " has its contents in 512 slots, and this Holdfast wants 1024"));
    CHECK(holds(refused.detail, "name another file"));
    outsider(path)->execute("update layout set slots = 1024");
    CHECK(open_sqlite(options_for(path)).has_value());
  }
}

TEST_CASE("a file of the first version is taken over with what it holds") {
  const temporary_folder folder;
  const auto path = folder / "state.db";
  token held;
  {
    const auto s = open_file(path);
    lane_harness lane(*s);
    held = lane.claim(one.slot(), "abc");
    CHECK(lane.commit(snapshot_commit(one, held, 1, "kept")) == verdict::ok);
  }
  outsider(path)->execute(
      "drop table layout; drop table cluster_view; alter table slot drop column view; pragma user_version = 1");
  for (int opened = 0; opened < 2; ++opened) {
    const auto s = open_file(path);
    lane_harness lane(*s);
    CHECK(lane.owner(one.slot()) == held);
    CHECK(lane.load(one)->snapshot == "kept");
    CHECK_FALSE(lane.read_view());
    held = lane.claim(one.slot(), "def", 0);
    CHECK(held.epoch == static_cast<std::uint64_t>(opened) + 2);
  }
  CHECK(outsider(path)->number("pragma user_version") == 2);
  CHECK(outsider(path)->number("select slots from layout") == slot_count);
}

TEST_CASE("a damaged page is answered corrupt, and only to those who need it") {
  const temporary_folder folder;
  const auto path = folder / "state.db";
  const entity other{"session", "two"};
  {
    const auto s = open_file(path);
    lane_harness lane(*s);
    for (const auto& of : {one, other}) {
      struct commit c = snapshot_commit(of, lane.claim(of.slot(), "abc"), 1, "small");
      c.parts = {{"large", std::string(100'000, of == one ? 'x' : 'y')}};
      CHECK(lane.commit(c) == verdict::ok);
    }
  }
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  // The head of an overflow page names the next one: one far beyond the end.
  const auto inside = bytes.find(std::string(3'000, 'x'), bytes.find("xxxx") + 8'000);
  REQUIRE(inside != std::string::npos);
  file.seekp(static_cast<std::streamoff>(inside / 4096 * 4096));
  file << std::string("\x7f\xff\xff\xff", 4);
  file.close();
  const auto s = open_file(path);
  lane_harness lane(*s);
  const auto load = [&](const entity& of) {
    return lane.attempt<std::optional<record>>([&](auto& l, auto done) { l.load(of, done); });
  };
  const auto damaged = load(one);
  REQUIRE(damaged.has_error());
  CHECK(damaged.error().code == store_errc::corrupt);
  CHECK_FALSE(s->health().available);
  CHECK(load(other).value()->parts.at("large") == std::string(100'000, 'y'));
}

TEST_CASE("commits that are refused do not disturb those of the same transaction") {
  const temporary_folder folder;
  const auto s = open_file(folder / "state.db");
  lane_harness lane(*s);
  answers all(lane);
  std::vector<verdict> expected;
  for (int i = 0; i < 300; ++i) {
    const entity of{"session", "s" + std::to_string(i)};
    auto by = lane.claim(of.slot(), "abc");
    if (i % 3 == 1) by.epoch += 7;
    const auto want = i % 3 == 0 ? verdict::ok : i % 3 == 1 ? verdict::fenced : verdict::conflict;
    expected.push_back(want);
    all.start(snapshot_commit(of, by, i % 3 == 2 ? 5 : 1, "x"));
    if (i % 50 == 49) all.wait();  // the claims of later ones may be for the same slot
  }
  const auto& got = all.wait();
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(got[i]->value() == expected[i]);
}

TEST_CASE("more than may wait is answered overloaded, and the others all the same") {
  const temporary_folder folder;
  auto o = options_for(folder / "state.db");
  o.waiting_max = 3;
  const auto s = open_sqlite(o).value();
  lane_harness lane(*s);
  const auto by = lane.claim(one.slot(), "abc");
  answers all(lane);
  for (std::uint64_t n = 1; n <= 5; ++n) all.start(snapshot_commit(one, by, n, "x"));
  const auto& got = all.wait();
  for (std::size_t i = 0; i < 3; ++i) CHECK(got[i]->value() == verdict::ok);
  for (std::size_t i = 3; i < 5; ++i) CHECK(got[i]->error().code == store_errc::overloaded);
  CHECK(lane.commit(snapshot_commit(one, by, 4, "x")) == verdict::ok);
  const auto health = s->health();
  CHECK(health.available);
  CHECK(health.operations == 7);
  CHECK(health.failures == 2);
  CHECK(health.commits == 4);
  CHECK(health.waiting == 0);
  CHECK(health.latency.count() > 0);
}

TEST_CASE("a file that another program has locked is unavailable, and recovers") {
  const temporary_folder folder;
  auto o = options_for(folder / "state.db");
  o.deadline = 100ms;
  const auto s = open_sqlite(o).value();
  lane_harness lane(*s);
  const auto by = lane.claim(one.slot(), "abc");
  const auto other = outsider(folder / "state.db");
  other->execute("begin immediate");
  answers first(lane);
  first.start(snapshot_commit(one, by, 1, "x"));
  const auto refused = first.wait()[0]->error();
  CHECK(refused.code == store_errc::unavailable);
  CHECK(holds(refused.detail, "locked by another program"));
  CHECK_FALSE(s->health().available);
  CHECK(s->health().detail == refused.detail);
  other->execute("rollback");
  CHECK(lane.commit(snapshot_commit(one, by, 1, "x")) == verdict::ok);
  CHECK(s->health().available);
}

TEST_CASE("the store finds out by itself that it is well again") {
  const temporary_folder folder;
  auto o = options_for(folder / "state.db");
  o.deadline = 20ms;
  const auto s = open_sqlite(o).value();
  lane_harness lane(*s);
  const auto by = lane.claim(one.slot(), "abc");
  const auto other = outsider(folder / "state.db");
  other->execute("begin immediate");
  answers first(lane);
  first.start(snapshot_commit(one, by, 1, "x"));
  CHECK(first.wait()[0]->has_error());
  other->execute("rollback");
  lane.run_until([&] { return s->health().available; });
}

TEST_CASE("what was accepted is written though its lane is gone") {
  const temporary_folder folder;
  const auto captured = std::make_shared<int>(0);
  {
    const auto s = open_file(folder / "state.db");
    lane_harness lane(*s);
    const auto by = lane.claim(one.slot(), "abc");
    for (std::uint64_t n = 1; n <= 200; ++n) {
      lane.lane().commit(snapshot_commit(one, by, n, "x"), [captured](const auto&) { ++*captured; });
    }
    lane.destroy_lane();
    CHECK(captured.use_count() == 1);
    lane.io().run_for(10ms);
  }
  CHECK(*captured == 0);
  const auto s = open_file(folder / "state.db");
  lane_harness lane(*s);
  CHECK(lane.load(one)->sequence == 200);
}

TEST_CASE("a completion may destroy its lane") {
  const temporary_folder folder;
  const auto s = open_file(folder / "state.db");
  lane_harness lane(*s);
  int ran = 0;
  for (int i = 0; i < 100; ++i) {
    lane.lane().owner(1, [&](const auto&) {
      ++ran;
      lane.destroy_lane();
    });
  }
  lane.run_until([&] { return ran > 0; });
  lane.io().run_for(10ms);
  CHECK(ran == 1);
}

TEST_CASE("lanes of several threads commit side by side") {
  const temporary_folder folder;
  const auto s = open_file(folder / "state.db");
  std::vector<std::thread> threads;
  std::array<std::uint64_t, 3> reached{};
  for (std::size_t t = 0; t < reached.size(); ++t) {
    threads.emplace_back([&, t] {
      lane_harness lane(*s);
      const entity of{"session", "thread" + std::to_string(t)};
      const auto by = lane.claim(of.slot(), "abc");
      for (std::uint64_t n = 1; n <= 100; ++n) {
        if (lane.commit(snapshot_commit(of, by, n, "x")) == verdict::ok) reached[t] = n;
      }
    });
  }
  for (auto& t : threads) t.join();
  for (const auto n : reached) CHECK(n == 100);
}
