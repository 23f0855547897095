#include "actors/shard_actor.hpp"

#include <doctest/doctest.h>

#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/send.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "actors/remote_exchange.hpp"
#include "actors/shard_scheduler.hpp"
#include "tests/support/loop_thread.hpp"
#include "tests/support/upstream_probe.hpp"

namespace holdfast::tests {
struct numbered {
  int from = 0, n = 0;
};
struct finish {};
}  // namespace holdfast::tests
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::tests::numbered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::tests::finish)

using namespace holdfast;
using tests::numbered;
using tests::watched;

namespace {

struct seen {
  std::vector<numbered> messages;
  int strays = 0;  ///< handled on another thread than the shard's
};

class notebook final : public actors::shard_actor {
 public:
  notebook(caf::actor_config& cfg, actors::shard& home, watched<seen>& to)
      : shard_actor(cfg, home, actors::metrics::actor_kind::session), to_(to) {}

  caf::behavior make_behavior() override {
    return {
        [this](const numbered& m) {
          to_.change([&](seen& s) {
            s.messages.push_back(m);
            s.strays += !home().here();
          });
        },
        [this](tests::finish) { quit(); },
    };
  }

 private:
  watched<seen>& to_;
};

/// Two shards with their threads, and actors on them that note what they get.
struct two_shards {
  two_shards() {
    for (auto& t : threads) shards.push_back(std::make_unique<actors::shard>(*t));
    config = std::make_unique<actors::shard_system_config>(shards);
    system = std::make_unique<caf::actor_system>(*config);
    for (auto& s : shards) s->attach(*system);
    config->running = true;
  }
  ~two_shards() {
    for (const auto& a : all) caf::anon_send(a, tests::finish{});
    all.clear();
    while (system->registry().running() > 0) std::this_thread::yield();
    // Whatever is still on its way to a loop is done there before the system goes.
    for (auto& t : threads) t.run([] {});
    config->running = false;
    system.reset();
  }
  caf::actor spawn(std::size_t on, watched<seen>& to) {
    caf::actor_config cfg{shards[on].get()};
    all.push_back(system->spawn_class<notebook, caf::no_spawn_options>(cfg, *shards[on], to));
    return all.back();
  }

  std::array<tests::loop_thread, 2> threads;
  std::vector<std::unique_ptr<actors::shard>> shards;
  std::unique_ptr<actors::shard_system_config> config;
  std::unique_ptr<caf::actor_system> system;
  std::vector<caf::actor> all;
};

}  // namespace

TEST_CASE("an actor runs on its shard, and messages of one sender keep their order") {
  constexpr int senders = 4, each = 500;
  watched<seen> notes;
  two_shards s;
  const auto a = s.spawn(0, notes);
  std::vector<std::thread> outside;
  for (int from = 0; from < 2; ++from) {
    outside.emplace_back([&a, from] {
      for (int n = 0; n < each; ++n) caf::anon_send(a, numbered{from, n});
    });
  }
  s.threads[0]->post([&] {
    for (int n = 0; n < each; ++n) s.shards[0]->deliver(a, numbered{2, n});
  });
  s.threads[1]->post([&] {
    for (int n = 0; n < each; ++n) s.shards[1]->deliver(a, numbered{3, n});
  });
  for (auto& t : outside) t.join();
  const auto got = notes.wait([&](const seen& x) { return x.messages.size() == senders * each; });
  CHECK(got.strays == 0);
  std::array<int, senders> next{};
  bool in_order = true;
  for (const auto& m : got.messages) in_order = in_order && m.n == next[static_cast<std::size_t>(m.from)]++;
  CHECK(in_order);
}

TEST_CASE("what is delivered on its own shard has been handled when the call returns") {
  watched<seen> notes;
  two_shards s;
  const auto a = s.spawn(0, notes);
  const auto handled = s.threads[0].run([&] {
    s.shards[0]->deliver(a, numbered{0, 1});
    return notes.get().messages.size();
  });
  CHECK(handled == 1);
}

TEST_CASE("a message to an actor that has ended goes nowhere") {
  watched<seen> notes;
  two_shards s;
  const auto a = s.spawn(0, notes);
  s.threads[0].run([&] {
    s.shards[0]->deliver(a, tests::finish{});
    s.shards[0]->deliver(a, numbered{0, 1});
  });
  CHECK(notes.get().messages.empty());
}

// --- remote_exchange -------------------------------------------------------------------------------------------------

namespace {

struct remote_events {
  std::vector<std::string> what;
  bool wrong_thread = false, gone = false;
};

/// An exchange that notes what happens to it, and whether that happens on its own loop.
class owned_exchange final : public transport::http_exchange {
 public:
  owned_exchange(transport::loop& home, watched<remote_events>& to) : home_(home), to_(to) {}
  ~owned_exchange() override {
    to_.change([&](remote_events& e) {
      e.gone = true;
      e.wrong_thread |= transport::loop::current() != &home_;
    });
  }

  const transport::http_request& request() const noexcept override { return request_; }
  transport::loop& home() noexcept override { return home_; }
  std::uint64_t connection() const noexcept override { return 7; }
  void respond(int status, std::string_view type, std::string_view headers,
               std::initializer_list<std::string_view> body) override {
    auto text = std::to_string(status) + " " + std::string(type) + " " + std::string(headers);
    for (const auto part : body) text += part;
    note(text);
  }
  void open_stream(std::string_view headers) override { note("open " + std::string(headers)); }
  bool write(std::string_view bytes) override {
    note("write " + std::string(bytes));
    return true;
  }
  void end_stream() override { note("end"); }
  void on_closed(std::function<void()> f) override {
    note("watch");
    home_.post(std::move(f));
  }

 private:
  void note(const std::string& text) {
    to_.change([&](remote_events& e) {
      e.what.push_back(text);
      e.wrong_thread |= transport::loop::current() != &home_;
    });
  }
  transport::loop& home_;
  watched<remote_events>& to_;
  transport::http_request request_;
};

}  // namespace

TEST_CASE("an exchange of another loop is used there, in order, and dies there") {
  watched<remote_events> notes;
  watched<bool> back_home;
  tests::loop_thread owner, user;
  user.run([&] {
    auto e = actors::make_remote(std::make_shared<owned_exchange>(*owner, notes));
    CHECK(&e->home() == &*owner);
    e->open_stream("X: 1\r\n");
    {
      const std::string passing = "one";
      CHECK(e->write(passing));
    }
    e->write("two");
    e->on_closed([&, here = transport::loop::current()] {
      back_home.change([&](bool& ok) { ok = transport::loop::current() == here; });
    });
    e->end_stream();
  });
  const auto got = notes.wait([](const remote_events& e) { return e.gone; });
  CHECK(got.what == std::vector<std::string>{"open X: 1\r\n", "write one", "write two", "watch", "end"});
  CHECK_FALSE(got.wrong_thread);
  back_home.wait([](bool ok) { return ok; });
}

TEST_CASE("an answer from another loop goes out whole") {
  watched<remote_events> notes;
  tests::loop_thread owner, user;
  user.run([&] {
    auto e = actors::make_remote(std::make_shared<owned_exchange>(*owner, notes));
    const std::string a = "he", b = "llo";
    e->respond(200, "text/plain", "", {a, b});
  });
  const auto got = notes.wait([](const remote_events& e) { return e.gone; });
  CHECK(got.what == std::vector<std::string>{"200 text/plain hello"});
  CHECK_FALSE(got.wrong_thread);
}
