#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/catalogue_view.hpp"
#include "actors/node_config.hpp"
#include "tests/simulation/world.hpp"
#include "transport/upstream_link.hpp"

namespace holdfast::simulation {

class process;

/// An upstream server over Streamable HTTP, and the links to it. Its tools count how often each key was called:
/// `count` answers soon; `slow` reports progress first, on a stream that can be taken up, by one reader at a time;
/// `deaf` takes as long but says nothing that could be taken up; `look` only reads, and may be called again.
class tools {
 public:
  explicit tools(world& w) : world_(w) {}

  static actors::upstream_config config();
  static std::shared_ptr<const actors::catalogue_view> view();

  std::shared_ptr<transport::upstream_link> link(process& of);

  int calls_of(const std::string& key) const {
    const auto found = calls_.find(key);
    return found == calls_.end() ? 0 : found->second;
  }

  void forget_all() { talks_.clear(); }

  static constexpr int steps = 3;  // of progress

 private:
  friend class simulated_link;

  /// What it says for one request, and who listens.
  struct talk {
    std::vector<std::pair<std::string, bool>> said;  // and whether it is the answer
    bool resumable = false;
    process* reader = nullptr;
    std::shared_ptr<transport::upstream_events> to;
    std::uint64_t reading = 0;
    bool reads = false;  // has caught up
  };
  using talk_ptr = std::shared_ptr<talk>;

  void take(process& of, const std::string& session, const transport::upstream_request& r,
            std::shared_ptr<transport::upstream_events> to);
  bool take_up(process& of, const std::string& session, std::uint64_t id, const std::string& event,
               std::shared_ptr<transport::upstream_events> to);
  void read(const talk_ptr& t, process& of, std::shared_ptr<transport::upstream_events> to, std::size_t after);
  void forget(process& of, const std::string& session, std::uint64_t id);
  void say(const talk_ptr& t, std::string json, bool is_answer);
  void tell(const talk_ptr& t, std::size_t at);

  world& world_;
  std::map<std::string, int> calls_;
  std::map<std::pair<std::string, std::uint64_t>, talk_ptr> talks_;  // by session and request
  std::uint64_t sessions_ = 0;
};

}  // namespace holdfast::simulation
