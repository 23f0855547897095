#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "persistence/sqlite/database_impl.hpp"
#include "persistence/stores_impl.hpp"
#include "tests/persistence/store_harness.hpp"
#include "tests/persistence/temporary_folder.hpp"

/// Processes that are killed and disks that are full.
using namespace holdfast::persistence;
using namespace std::chrono_literals;
using holdfast::tests::lane_harness;
using holdfast::tests::snapshot_commit;
using holdfast::tests::temporary_folder;

namespace {

std::unique_ptr<store> open_file(const std::string& path) {
  store_options o;
  o.url = "sqlite:" + path;
  return open_sqlite(o).value();
}

constexpr std::size_t writers = 32;

entity writer_number(std::size_t i) { return {"session", "writer" + std::to_string(i)}; }

std::string snapshot_at(std::uint64_t sequence) { return std::to_string(sequence) + std::string(300, 's'); }
std::string name_at(std::uint64_t sequence) { return "call" + std::to_string(sequence); }

/// Replaces all the entity has by what belongs to this sequence.
struct commit commit_at(const entity& of, const token& by, std::uint64_t sequence) {
  auto c = snapshot_commit(of, by, sequence, snapshot_at(sequence));
  c.parts = {{name_at(sequence), std::string(5'000, 'p')}};
  c.journal = {{name_at(sequence), {stage::intent, "x"}}};
  c.events = {{sequence, name_at(sequence)}};
  if (sequence > 1) {
    c.parts_dropped = {name_at(sequence - 1)};
    c.journal_dropped = {name_at(sequence - 1)};
    c.events_dropped_before = sequence;
  }
  return c;
}

struct acknowledged {
  std::uint64_t writer = 0, sequence = 0;
};

/// In the child: commits without end, and says what was acknowledged.
[[noreturn]] void write_until_killed(const std::string& path, int report) {
  const auto s = open_file(path);
  lane_harness lane(*s);
  std::array<token, writers> by;
  std::array<std::uint64_t, writers> sequence{};
  for (std::size_t i = 0; i < writers; ++i) {
    if (const auto found = lane.load(writer_number(i))) sequence[i] = found->sequence;
    by[i] = lane.claim(writer_number(i).slot(), "child");
  }
  // Writers may share a slot, so that the last claim counts for all of them.
  for (std::size_t i = 0; i < writers; ++i) by[i] = lane.owner(writer_number(i).slot()).value();
  std::function<void(std::size_t)> next = [&](std::size_t i) {
    lane.lane().commit(commit_at(writer_number(i), by[i], sequence[i] + 1), [&, i](const result<verdict>& r) {
      if (!r || *r != verdict::ok) ::_exit(3);
      const acknowledged said{i, ++sequence[i]};
      if (::write(report, &said, sizeof said) != sizeof said) ::_exit(4);
      next(i);
    });
  };
  for (std::size_t i = 0; i < writers; ++i) next(i);
  lane.run_until([] { return false; });
  ::_exit(5);
}

class child {
 public:
  template <class Body>
  explicit child(Body body) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      try {
        body(ends[1]);
      } catch (...) {
      }
      ::_exit(2);
    }
    ::close(ends[1]);
    said_ = ends[0];
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child() {
    if (pid_ > 0) kill();
    ::close(said_);
  }

  /// False once it is dead and everything has been read.
  bool read(acknowledged& into) { return ::read(said_, &into, sizeof into) == sizeof into; }

  /// Returns whether it was still alive.
  bool kill() {
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFSIGNALED(status);
  }

  pid_t pid() const noexcept { return pid_; }

 private:
  pid_t pid_ = -1;
  int said_ = -1;
};

class file_size_limit {
 public:
  explicit file_size_limit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit now{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  file_size_limit(const file_size_limit&) = delete;
  file_size_limit& operator=(const file_size_limit&) = delete;
  ~file_size_limit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("a writer that is killed again and again loses nothing acknowledged and leaves nothing half done") {
  const temporary_folder folder;
  const auto path = folder / "state.db";
  std::mt19937 random(20'251);
  std::array<std::uint64_t, writers> last{};
  for (int round = 0; round < 12; ++round) {
    {
      child writer([&](int report) { write_until_killed(path, report); });
      const int wanted = std::uniform_int_distribution<int>(1, 400)(random);
      acknowledged said;
      for (int i = 0; i < wanted; ++i) {
        REQUIRE(writer.read(said));
        last[said.writer] = said.sequence;
      }
      REQUIRE(writer.kill());
      while (writer.read(said)) last[said.writer] = said.sequence;
    }
    const auto s = open_file(path);
    lane_harness lane(*s);
    for (std::size_t i = 0; i < writers; ++i) {
      const auto found = lane.load(writer_number(i));
      if (!found) {
        CHECK(last[i] == 0);
        continue;
      }
      const auto n = found->sequence;
      CHECK(n >= last[i]);
      CHECK(n <= last[i] + 1);
      const auto expected = commit_at(writer_number(i), {}, n);
      CHECK(*found == record{n, *expected.snapshot, expected.parts, expected.journal});
      CHECK(lane.read_events(writer_number(i)) == expected.events);
      last[i] = n;
    }
  }
}

TEST_CASE("the lock of a process goes with it, even if it is killed") {
  const temporary_folder folder;
  const auto path = folder / "state.db";
  child holder([&](int report) {
    const auto s = open_file(path);
    const acknowledged open{};
    if (::write(report, &open, sizeof open) == sizeof open) ::pause();
  });
  acknowledged open;
  REQUIRE(holder.read(open));
  store_options o;
  o.url = "sqlite:" + path;
  const auto refused = open_sqlite(o);
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == store_errc::rejected);
  CHECK(refused.error().detail.find("process " + std::to_string(holder.pid())) != std::string::npos);
  REQUIRE(holder.kill());
  CHECK(open_sqlite(o).has_value());
}

TEST_CASE("without room a commit is answered full, small ones still fit, and all is well once there is room") {
  const temporary_folder folder;
  const auto path = folder / "state.db";
  const entity large{"session", "large"};
  std::vector<entity> small;
  for (int i = 0; i < 20; ++i) small.push_back({"session", "small" + std::to_string(i)});
  {
    const auto s = open_file(path);
    lane_harness lane(*s);
    for (const auto& of : small) lane.claim(of.slot(), "abc");
    lane.claim(large.slot(), "abc");
    const auto first_of = [&](const entity& of, std::size_t bytes) {
      return snapshot_commit(of, lane.owner(of.slot()).value(), 1, std::string(bytes, 'x'));
    };
    const auto too_much = first_of(large, 3'000'000);
    const auto attempt = [&] { return lane.attempt<verdict>([&](auto& l, auto done) { l.commit(too_much, done); }); };
    {
      const file_size_limit limit(1'500'000);
      const auto refused = attempt();
      REQUIRE(refused.has_error());
      INFO(refused.error().detail);
      CHECK(refused.error().code == store_errc::full);
      CHECK_FALSE(s->health().available);
      std::vector<struct commit> together;
      for (const auto& of : small) together.push_back(first_of(of, 5));
      together.insert(together.begin() + 10, too_much);
      std::vector<std::optional<result<verdict>>> got(together.size());
      std::size_t open = got.size();
      // While another program holds the lock all of them come together.
      const auto other = sqlite::database::open(path, 1s).value();
      other->execute("begin immediate");
      for (std::size_t i = 0; i < together.size(); ++i) {
        lane.lane().commit(together[i], [&, i](result<verdict> r) {
          got[i].emplace(std::move(r));
          --open;
        });
      }
      other->execute("rollback");
      lane.run_until([&] { return open == 0; });
      for (std::size_t i = 0; i < got.size(); ++i) {
        if (i == 10) {
          CHECK(got[i]->error().code == store_errc::full);
        } else {
          CHECK(got[i]->value() == verdict::ok);
        }
      }
    }
    CHECK(attempt().value() == verdict::ok);
    CHECK(s->health().available);
  }
  const auto s = open_file(path);
  lane_harness lane(*s);
  CHECK(lane.load(large)->snapshot.size() == 3'000'000);
  for (const auto& of : small) CHECK(lane.load(of)->snapshot == "xxxxx");
}

TEST_CASE("a claim that could not be written has not fenced anybody") {
  const temporary_folder folder;
  const auto s = open_file(folder / "state.db");
  lane_harness lane(*s);
  const entity of{"session", "one"};
  const auto by = lane.claim(of.slot(), "abc");
  {
    const file_size_limit none(0);
    const auto refused =
        lane.attempt<std::optional<token>>([&](auto& l, auto done) { l.claim(of.slot(), "def", 0, done); });
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == store_errc::full);
  }
  CHECK(lane.owner(of.slot()) == by);
  CHECK(lane.commit(snapshot_commit(of, by, 1, "x")) == verdict::ok);
}
