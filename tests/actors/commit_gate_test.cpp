#include "actors/commit_gate.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "actors/log.hpp"
#include "actors/node_store.hpp"
#include "tests/actors/scripted_lane.hpp"
#include "tests/persistence/temporary_folder.hpp"

using namespace holdfast;
using actors::commit_gate;
using outcome = commit_gate::outcome;
using persistence::store_errc;
using persistence::verdict;
using texts = std::vector<std::string>;

namespace {

/// One entity's gate before a lane whose answers the test gives.
struct gated_entity {
  static constexpr std::chrono::milliseconds deadline{500};

  explicit gated_entity(actors::on_store_loss on_loss = actors::on_store_loss::hold) : store(opened(on_loss)) {
    store->claim(lane, {of.slot()}, 0, [](const std::string& problem) { CHECK(problem.empty()); });
    gate = std::make_unique<commit_gate>(*store, lane, of, [this](const auto& r) { last = gate->on_done(r); });
  }

  std::unique_ptr<actors::node_store> opened(actors::on_store_loss on_loss) const {
    actors::log::configure(actors::log_level::error, actors::log_format::text);
    actors::store_config c;
    c.primary.url = "sqlite:" + (folder / "store.db");
    c.primary.deadline = deadline;
    c.on_loss = on_loss;
    auto made = actors::node_store::open(c);
    REQUIRE(made.has_value());
    return std::move(*made);
  }

  /// What `then` runs is written down: `name`, or `late name`.
  void then(const std::string& name) {
    gate->then([this, name] { done.push_back(name); }, [this, name] { done.push_back("late " + name); });
  }
  void then_patiently(const std::string& name) {
    gate->then([this, name] { done.push_back(name); });
  }
  void note(const std::string& snapshot) { gate->next().snapshot = snapshot; }

  /// The commit under way has this outcome.
  outcome answer(persistence::result<verdict> r) {
    lane.take().done(std::move(r));
    return last;
  }
  outcome fail(store_errc why = store_errc::unavailable) { return answer(persistence::store_failure{why, "gone"}); }
  texts take() { return std::exchange(done, {}); }

  const tests::temporary_folder folder;
  const std::unique_ptr<actors::node_store> store;
  tests::scripted_lane lane;
  const persistence::entity of{"session", "the-session"};
  texts done;
  outcome last = outcome::durable;
  std::unique_ptr<commit_gate> gate;
};

}  // namespace

TEST_CASE("what waits for nothing is done at once") {
  gated_entity e;
  e.then("a");
  CHECK(e.take() == texts{"a"});
  CHECK(e.gate->idle());
  e.gate->flush();
  CHECK(e.lane.commits.empty());
}

TEST_CASE("whatever waits when nothing becomes durable any more is told, and only that") {
  gated_entity e;
  e.note("1");
  const auto wait = [&](const std::string& name) {
    e.gate->then([&] { e.done.push_back(name); }, [&] { e.done.push_back("late " + name); },
                 [&e, name] { e.done.push_back("elsewhere " + name); });
  };
  wait("a");
  e.then_patiently("b");
  e.gate->flush();
  e.note("2");
  wait("c");
  CHECK(e.answer(verdict::fenced) == outcome::refused);
  e.gate->abandon();
  CHECK(e.take() == texts{"elsewhere a", "elsewhere c"});
  e.gate->abandon();
  CHECK(e.take().empty());
}

TEST_CASE("what waits for a commit is done when that is durable, in order") {
  gated_entity e;
  e.note("1");
  e.then("a");
  e.then("b");
  CHECK(e.lane.commits.empty());  // not before the turn ends
  e.gate->flush();
  CHECK(e.take().empty());
  REQUIRE(e.lane.commits.size() == 1);
  const auto& c = e.lane.commits.front().what;
  CHECK(c.of == e.of);
  CHECK(c.by == e.store->token_of(e.of.slot(), e.gate->tenure()));
  CHECK(c.by.epoch == std::uint64_t{e.of.slot()} + 1);
  CHECK(c.sequence == 1);
  CHECK(c.snapshot == "1");
  CHECK(e.answer(verdict::ok) == outcome::durable);
  CHECK(e.take() == texts{"a", "b"});
  CHECK(e.gate->idle());
  CHECK(e.gate->sequence() == 1);
}

TEST_CASE("a commit that stood already is as good as one that was made") {
  gated_entity e;
  e.note("1");
  e.then("a");
  e.gate->flush();
  CHECK(e.answer(verdict::duplicate) == outcome::durable);
  CHECK(e.take() == texts{"a"});
}

TEST_CASE("what is noted while a commit is under way travels in the next one, together") {
  gated_entity e;
  e.note("1");
  e.gate->flush();
  e.then("with the first");
  e.note("2");
  e.then("with the second");
  e.gate->flush();
  e.note("3");
  e.gate->flush();
  REQUIRE(e.lane.commits.size() == 1);
  e.answer(verdict::ok);
  CHECK(e.take() == texts{"with the first"});
  CHECK(e.lane.commits.empty());
  e.gate->flush();
  REQUIRE(e.lane.commits.size() == 1);
  CHECK(e.lane.commits.front().what.snapshot == "3");
  CHECK(e.lane.commits.front().what.sequence == 2);
  e.answer(verdict::ok);
  CHECK(e.take() == texts{"with the second"});
}

TEST_CASE("what is done after a commit may note and wait again") {
  gated_entity e;
  e.note("1");
  e.gate->then([&] {
    e.note("2");
    e.then("inner");
  });
  e.gate->flush();
  e.answer(verdict::ok);
  CHECK(e.take().empty());
  CHECK(e.gate->noted());
  e.gate->flush();
  e.answer(verdict::ok);
  CHECK(e.take() == texts{"inner"});
}

TEST_CASE("while the store does not answer, those who have something to say are told so, the others wait") {
  gated_entity e;
  e.note("1");
  e.then("a");
  e.then_patiently("b");
  e.gate->flush();
  e.note("2");
  e.then("c");
  CHECK(e.fail() == outcome::held);
  CHECK(e.take() == texts{"late a", "late c"});
  CHECK_FALSE(e.store->available());
  CHECK(e.gate->under_way());
  e.gate->retry();
  REQUIRE(e.lane.commits.size() == 1);
  CHECK(e.lane.commits.front().what.sequence == 1);
  CHECK(e.lane.commits.front().what.snapshot == "1");
  CHECK(e.answer(verdict::ok) == outcome::durable);
  CHECK(e.take() == texts{"b"});
  CHECK(e.store->available());
}

TEST_CASE("what did not reach the store before it came back does not make it go again") {
  gated_entity e;
  const persistence::store_failure late{store_errc::unavailable, "no answer"};
  e.store->note_failure(late);
  e.store->note_success();
  e.store->note_failure(late);
  CHECK(e.store->available());
  e.store->note_failure({store_errc::full, "no room"});
  CHECK_FALSE(e.store->available());
  e.store->note_success();
  std::this_thread::sleep_for(gated_entity::deadline);
  e.store->note_failure(late);
  CHECK_FALSE(e.store->available());
}

TEST_CASE("a commit is the same one however often it is sent") {
  gated_entity e;
  e.note("1");
  e.gate->next().journal["7"] = {persistence::stage::intent, "{}"};
  e.gate->keep("{}");
  e.gate->flush();
  std::vector<std::uint64_t> digests;
  for (int i = 0; i < 3; ++i) {
    digests.push_back(persistence::digest_of(e.lane.commits.front().what));
    CHECK(e.lane.commits.front().what.sequence == 1);
    CHECK(e.fail() == outcome::held);
    e.note("noted meanwhile " + std::to_string(i));
    e.gate->flush();
    CHECK(e.lane.commits.empty());
    e.gate->retry();
  }
  CHECK(digests == std::vector<std::uint64_t>(3, digests.front()));
  CHECK(persistence::digest_of(e.lane.commits.front().what) == digests.front());
}

TEST_CASE("whoever comes while a commit is held waits for it, and is told when the next attempt fails") {
  gated_entity e;
  e.note("1");
  e.gate->flush();
  e.fail();
  e.then("a");
  CHECK(e.take().empty());
  e.gate->retry();
  e.fail();
  CHECK(e.take() == texts{"late a"});
  e.then("b");
  e.gate->retry();
  e.answer(verdict::ok);
  CHECK(e.take() == texts{"b"});
}

TEST_CASE("nothing leaves any more once somebody else owns the entity") {
  for (const auto v : {verdict::fenced, verdict::conflict}) {
    gated_entity e;
    e.note("1");
    e.then("a");
    e.then_patiently("b");
    e.gate->flush();
    e.note("2");
    e.then("c");
    const auto how = e.answer(v);
    CHECK((how != outcome::durable && how != outcome::held));
    CHECK(e.take().empty());
    CHECK_FALSE(e.gate->idle());
  }
}

TEST_CASE("a store that may be lost lets everything out, and is still told all when it is back") {
  gated_entity e(actors::on_store_loss::degrade);
  e.note("1");
  e.then("a");
  e.gate->flush();
  e.note("2");
  e.then("b");
  CHECK(e.take().empty());
  CHECK(e.fail() == outcome::held);
  CHECK(e.take() == texts{"a", "b"});
  e.then("c");
  e.note("3");
  e.then("d");
  CHECK(e.take() == texts{"c", "d"});
  e.gate->retry();
  CHECK(e.lane.commits.front().what.snapshot == "1");
  e.answer(verdict::ok);
  CHECK(e.take().empty());  // nothing twice
  e.gate->flush();
  CHECK(e.lane.commits.front().what.snapshot == "3");
  e.then("e");
  CHECK(e.take().empty());  // waits again
  e.answer(verdict::ok);
  CHECK(e.take() == texts{"e"});
}

TEST_CASE("events may be shown as far as their commit has come") {
  gated_entity e;
  CHECK(e.gate->keep("{\"a\":1}") == 1);
  CHECK(e.gate->keep("{\"a\":2}") == 2);
  e.gate->flush();
  CHECK(e.gate->keep("{\"a\":3}") == 3);
  CHECK(e.gate->durable_record() == 0);
  const auto& sent = e.lane.commits.front().what.events;
  REQUIRE(sent.size() == 2);
  CHECK(sent[1].number == 2);
  CHECK(sent[1].bytes == "{\"a\":2}");
  e.answer(verdict::ok);
  CHECK(e.gate->durable_record() == 2);
  e.gate->drop_before(2);
  e.gate->flush();
  CHECK(e.lane.commits.front().what.events_dropped_before == 2);
  e.answer(verdict::ok);
  CHECK(e.gate->durable_record() == 3);
  e.note("no events");
  e.gate->flush();
  e.answer(verdict::ok);
  CHECK(e.gate->durable_record() == 3);
}

TEST_CASE("without a store that answers events may be shown if nothing has to be durable") {
  gated_entity held, degraded(actors::on_store_loss::degrade);
  for (auto* e : {&held, &degraded}) {
    e->gate->keep("{}");
    e->gate->flush();
    e->gate->keep("{}");
    e->fail();
  }
  CHECK(held.gate->durable_record() == 0);
  CHECK(degraded.gate->durable_record() == 2);
}

TEST_CASE("an event kept while the store is away may be shown when nothing has to be durable") {
  gated_entity e(actors::on_store_loss::degrade);
  e.note("1");
  e.gate->flush();
  e.fail();
  e.gate->keep("{}");
  CHECK(e.gate->durable_record() == 1);
  e.gate->retry();
  e.answer(verdict::ok);
  CHECK(e.gate->durable_record() == 1);
}

TEST_CASE("an entity from the store goes on behind its sequence and its records") {
  gated_entity e;
  e.gate->continue_after(41, 17);
  CHECK(e.gate->durable_record() == 17);
  CHECK(e.gate->keep("{}") == 18);
  e.gate->flush();
  CHECK(e.lane.commits.front().what.sequence == 42);
}

TEST_CASE("what was in memory before its slot went is not written after the slot came back") {
  gated_entity e;
  const auto slot = e.of.slot();
  e.store->drop(slot);
  CHECK_FALSE(e.store->holds(slot));
  e.store->claim(e.lane, {slot}, 0, [](const std::string& problem) { CHECK(problem.empty()); });
  CHECK(e.store->holds(slot));
  e.note("stale");
  e.gate->flush();
  REQUIRE(e.lane.commits.size() == 1);
  CHECK(e.lane.commits.front().what.by == persistence::token{});
  const commit_gate anew(*e.store, e.lane, e.of, [](const auto&) {});
  CHECK(e.store->token_of(slot, anew.tenure()).epoch != 0);
}

TEST_CASE("nothing is held by a process that begins anew") {
  gated_entity e;
  const auto before = e.store->incarnation();
  e.store->begin_anew();
  CHECK(e.store->incarnation() != before);
  CHECK_FALSE(e.store->has(e.of.slot()));
  e.note("stale");
  e.gate->flush();
  CHECK(e.lane.commits.front().what.by == persistence::token{});
}
