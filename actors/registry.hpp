#pragma once

#include <atomic>
#include <caf/fwd.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/registry_text.hpp"
#include "persistence/store_values.hpp"
#include "transport/result.hpp"

namespace holdfast::actors {

class shard;
struct node_context;

/// Which upstreams a node has. Its configuration says so, which can be read again; and a record in the store, which is
/// changed by compare-and-set, so that all nodes of a cluster have the same. Nodes tell each other its version with
/// every beat. Without a store the record is this process's own.
///
/// What comes into force replaces those connections alone whose definition is another one or gone: what they offer
/// changes at once for clients, calls under way end where they are. A new one is asked first what it offers, so that
/// nothing is missing in between.
///
/// Whatever is not marked otherwise runs on the home shard's thread. Lives as long as the node.
class registry : public std::enable_shared_from_this<registry> {
 public:
  /// `problem` is empty if all went well.
  using finish = std::function<void(std::string problem)>;

  registry(caf::actor_system& system, shard& home, node_context& node);

  /// Starts the actors of what the configuration has, reads the record, and brings it into force; then calls `done`.
  /// Before there are clients. A store that does not answer is asked again later.
  void begin(std::function<void()> done);

  /// The version of the record that is known here. Any thread.
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_relaxed); }
  /// The version that is in force here.
  std::uint64_t in_force_version() const noexcept { return in_force_version_; }
  /// Another node knows this one.
  void heard(std::uint64_t version);
  /// Calls `done` when this version of the record, or a later one, is in force here, or cannot be read.
  void learn(std::uint64_t version, finish done);

  /// `change` says what is wrong with it, or nothing; it may be asked more than once. `done` when the store knows it
  /// and it is in force here.
  void change(std::function<std::string(registry_record&)> change, finish done);

  /// Reads the configuration again. Says what is wrong with it, and nothing changes; or nothing, and it comes into
  /// force when it is this node's turn: one node of a cluster after the other.
  std::string reload();

  /// Nothing is about to come into force.
  bool is_settled() const noexcept { return turns_ == 0 && !switching_; }

  const registry_record& record() const noexcept { return record_; }
  const std::vector<upstream_config>& configured() const noexcept { return configured_; }
  const std::map<std::string, std::string>& problems() const noexcept { return problems_; }

  /// The node stops.
  void stop() noexcept { stopped_ = true; }

 private:
  struct order {
    std::function<std::string(registry_record&)> change;
    finish done;
  };
  void write();
  void written(const persistence::result<persistence::verdict>& v, registry_record what);
  void end_order(const std::string& problem);
  void read(finish then);
  void take(const persistence::versioned& v);
  void look();
  void take_turns(std::chrono::steady_clock::time_point until, std::vector<upstream_config> next);
  void load(std::vector<upstream_config> next, const std::string& turn);
  void bring_into_force(std::function<void()> done);
  void switch_to(const std::vector<std::uint32_t>& order, std::uint64_t version);
  transport::outcome<upstream_config> read_definition(std::string_view name, std::string_view definition);
  std::uint32_t add(const upstream_config& u);
  void spawn(std::uint32_t upstream);
  template <class F>
  auto guarded(F f);

  caf::actor_system& system_;
  shard& home_;
  node_context& node_;
  std::vector<upstream_config> configured_;
  registry_record record_;
  std::map<std::string, std::string> problems_;
  std::map<std::string, std::pair<std::string, transport::outcome<upstream_config>>, std::less<>> read_;  // by name
  std::atomic<std::uint64_t> version_{0};
  std::deque<order> orders_;
  std::vector<finish> readers_;
  std::vector<std::function<void()>> waiters_;  // for what is coming into force
  std::uint64_t writes_ = 0, in_force_version_ = 0;
  std::size_t turns_ = 0;  // that are waited for, or taken
  bool writing_ = false, reading_ = false, switching_ = false, again_ = false, stopped_ = false;
};

}  // namespace holdfast::actors
