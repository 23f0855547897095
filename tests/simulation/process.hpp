#pragma once

#include <caf/actor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/node_context.hpp"
#include "tests/simulation/world.hpp"
#include "transport/http_client.hpp"
#include "transport/loop.hpp"

namespace caf {
class actor_system;
}

namespace holdfast::simulation {

class process;

/// What a process runs: nothing while it stands still, and never again once it is dead.
class simulated_loop final : public transport::loop {
 public:
  explicit simulated_loop(process& of) : of_(of) {}

  void run() override {}
  void stop() override {}
  void post(task t) override;
  timer after(milliseconds delay, task t) override;
  void cancel(timer t) override { timers_.erase(t); }

  process& of() noexcept { return of_; }
  void forget_timers() { std::exchange(timers_, {}).clear(); }

 private:
  process& of_;
  timer last_ = 0;
  std::map<timer, task> timers_;
};

/// One life of a node: its context and its actors, as `node` would set them up, with one thread.
class process {
 public:
  enum class life { running, still, dead };

  process(int node, bool reads_first);
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  ~process();

  void start();

  void kill();         ///< as `kill -9` does
  void stand_still();  ///< as SIGSTOP does
  void go_on();
  void end_actors();                        ///< and all that refers to it, at the end of the world
  void leave(std::function<void()> ended);  ///< as SIGTERM does

  /// Runs `task` as the process does, later if it stands still, never if it is dead. What is `urgent` comes before what
  /// has become due by the clock when it goes on, or behind that.
  void run(std::function<void()> task, bool urgent);

  bool is_dead() const noexcept { return life_ == life::dead; }
  bool is_still() const noexcept { return life_ == life::still; }
  bool has_joined() const noexcept { return joined_; }
  bool is_leaving() const noexcept { return leaving_; }
  int node() const noexcept { return node_; }
  const std::string& name() const noexcept { return name_; }
  actors::node_context& context() noexcept { return *context_; }
  const actors::node_context& context() const noexcept { return *context_; }
  const std::string& first_incarnation() const noexcept { return first_incarnation_; }
  simulated_loop& loop() noexcept { return loop_; }

  std::map<std::uint16_t, std::shared_ptr<transport::http_pool>> pools;  // by port

  static process* current() noexcept;

 private:
  void do_now(const std::function<void()>& task);
  void join();
  void await(std::function<bool()> condition, milliseconds at_most, std::function<void()> then);
  void end(std::function<void()> ended);

  const int node_;
  const std::string name_;
  simulated_loop loop_;
  std::unique_ptr<actors::node_context> context_;
  life life_ = life::running;
  bool joined_ = false, leaving_ = false;
  const bool reads_first_;
  std::string first_incarnation_;
  std::vector<std::function<void()>> urgent_, due_;  // while it stands still
};

/// One CAF actor system for all worlds; it has no threads that run actors.
caf::actor_system& common_actor_system();

constexpr std::uint16_t client_port(int node) { return static_cast<std::uint16_t>(1'000 + node); }
constexpr std::uint16_t peer_port(int node) { return static_cast<std::uint16_t>(2'000 + node); }

}  // namespace holdfast::simulation
