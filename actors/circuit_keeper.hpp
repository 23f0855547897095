#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "actors/circuit.hpp"
#include "actors/circuit_text.hpp"
#include "actors/growing.hpp"
#include "persistence/store.hpp"
#include "transport/loop.hpp"

namespace holdfast::actors {

class node_store;
class shard;
class circuit_keeper;
struct upstream_config;

/// The right to make one call to an upstream whose breaker is half-open. What is destroyed without an outcome is given
/// back. Any thread.
class circuit_probe {
 public:
  struct right {
    std::size_t upstream = 0;
    std::uint64_t tenure = 0;
    std::uint32_t place = 0;
    std::string lock, word;  ///< in the store; empty: this node has decided alone
  };
  circuit_probe(std::weak_ptr<circuit_keeper> of, right r) : of_(std::move(of)), right_(std::move(r)) {}
  ~circuit_probe();
  circuit_probe(const circuit_probe&) = delete;
  circuit_probe& operator=(const circuit_probe&) = delete;

  void passed() { end(machines::breaker::probe_passed{right_.place}, {}); }
  void failed(std::string_view why) { end(machines::breaker::probe_failed{}, why); }

 private:
  void end(const machines::breaker::event& how, std::string_view why);

  const std::weak_ptr<circuit_keeper> of_;
  const right right_;
  bool ended_ = false;
};

/// The breakers of a node's upstreams, and how its cluster shares them: as a record in the store that is changed by
/// compare-and-set, so that who knows less changes nothing; and as locks there, one for each place of a probe. What a
/// breaker does it does at once, and the others hear of it. Without a store, or while it does not answer, this node
/// decides alone.
///
/// Whatever is not marked otherwise runs on the home shard's thread.
class circuit_keeper : public std::enable_shared_from_this<circuit_keeper> {
 public:
  /// The breaker of one more upstream, in the order of `node_context::upstreams`. One of the same name gives way to it:
  /// what was found of an upstream says nothing of the one that has its name now.
  void add(const upstream_config& u);

  /// Any thread.
  circuit& of(std::size_t upstream) noexcept { return circuits_[upstream]; }
  std::size_t size() const noexcept { return circuits_.size(); }

  /// Begins to share, through `home`'s lane, and reads what there is; then calls `done`. Before anybody calls
  /// upstreams. `node`: who this is to operators; `incarnation`: to the store.
  void share(shard& home, node_store& store, std::string node, std::function<void()> done);

  /// The version of the record that is known here. Any thread.
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_relaxed); }
  /// Another node knows this one.
  void heard(std::uint64_t version);

  /// The right to make a call that its breaker wants to be a probe, unless other nodes have them all (null). It falls
  /// after `limit`. Any thread; `done` runs on the loop `asker`.
  void grant(std::size_t upstream, std::uint64_t tenure, std::chrono::milliseconds limit, transport::loop& asker,
             std::function<void(std::shared_ptr<circuit_probe>)> done);

  /// Any thread.
  void give_back(const circuit_probe::right& r);

 private:
  struct request;
  void changed(std::size_t upstream);
  void write();
  void written(const persistence::result<persistence::verdict>& v, circuit_record what);
  void read(std::function<void()> then);
  void take(const persistence::versioned& v);
  bool differs(std::size_t upstream, circuit_entry& out) const;
  void listen_to(std::size_t upstream);
  void try_place(const std::shared_ptr<request>& r, std::uint32_t place);
  void give(request& r, std::uint32_t place, std::string lock, std::string word);
  void give_alone(request& r);
  void again_later(std::function<void()> f);

  growing<circuit> circuits_;
  std::map<std::string, std::size_t, std::less<>> named_;  // the one that has the name now
  std::string node_;
  std::atomic<shard*> home_{nullptr};
  node_store* store_ = nullptr;
  circuit_record known_;         // as it stands in the store
  std::set<std::size_t> dirty_;  // what this node has found of them may not stand there
  std::atomic<std::uint64_t> version_{0};
  std::uint64_t writes_ = 0;
  std::chrono::steady_clock::time_point looked_{};
  bool writing_ = false, reading_ = false;
};

}  // namespace holdfast::actors
