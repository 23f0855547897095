#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "persistence/redis/redis_cluster_map.hpp"
#include "persistence/redis/redis_command.hpp"
#include "persistence/redis/redis_inquiry_impl.hpp"
#include "persistence/redis/redis_links_impl.hpp"

namespace holdfast::persistence {
namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// A node without slots is on no map, though it may be taking its first one over.
constexpr auto guest_for = 60s;
constexpr std::size_t histories_max = 1'000;

struct node {
  std::string id;  // empty until a map says it
  redis_endpoint at;
  std::optional<redis_links> links;    // made when first needed, of masters only
  const node* replica_of = nullptr;    // null = a master
  std::string history;                 // the replication id that its slots had last
  bool on_map = false;                 // of the latest
  clock::time_point guest_until = {};  // kept till then though it is on no map
};

std::vector<std::string> question() {
  std::vector<std::string> commands(1);
  append_command(commands[0], "CLUSTER", "SLOTS");
  return commands;
}

/// Many masters, each of some hash slots.
class redis_cluster final : public redis_topology, public redis_inquiry_listener {
 public:
  explicit redis_cluster(const redis_surroundings& s)
      : s_(s),
        inquiry_(std::make_shared<redis_inquiry>(s.context, s.link, false, question(), *this)),
        masters_(hash_slot_count, nullptr) {}
  ~redis_cluster() override { inquiry_->close(); }

  void start() override { inquiry_->start(s_.site.endpoints); }

  redis_link* link_for(std::uint16_t hash_slot, bool bulk) override {
    auto* n = masters_[hash_slot % hash_slot_count];
    return n == nullptr ? nullptr : &links_of(*n).pick(bulk);
  }

  bool on_ready(redis_link& link) override {
    refusal_.reset();
    auto* n = owner_of(link);
    if (n == nullptr) return false;
    calm_if_well();
    const auto& g = link.greeting();
    const auto before = std::exchange(n->history, g.replication_id);
    const bool is_new = remember(g.replication_id);
    return before.empty() ? is_new && knows(g.former_id) : before != n->history;
  }

  void on_lost(redis_link& /*link*/, const store_failure& why) override {
    if (why.code == store_errc::rejected && connections() == 0) refusal_ = why;
    inquiry_->hurry();
  }

  void on_read_only(redis_link& /*link*/) override { inquiry_->hurry(); }

  void on_moved(redis_link& from, std::uint16_t hash_slot, const redis_endpoint& to) override {
    auto* n = find(resolved(from, to));
    if (n != nullptr) promote(*n);
    masters_[hash_slot % hash_slot_count] = n;
    inquiry_->hurry();
  }

  redis_link* link_to(redis_link& from, const redis_endpoint& to) override {
    const auto at = resolved(from, to);
    auto* n = find(at);
    if (n == nullptr) n = &add({"", at});
    n->guest_until = clock::now() + guest_for;
    return &links_of(*n).pick(false);
  }

  std::optional<store_failure> refusal() const override { return refusal_; }
  std::size_t connections() const override {
    std::size_t count = 0;
    for (const auto& n : nodes_)
      if (n->links) count += n->links->ready();
    return count;
  }
  std::string shown() const override {
    std::string places, version;
    for (const auto& n : nodes_) {
      if (!n->links || n->links->ready() == 0) continue;
      places += (places.empty() ? "" : ", ") + persistence::shown(n->at);
      version = n->links->first().greeting().version;
    }
    return "a cluster: " + places + ", Redis " + version;
  }

 private:
  std::optional<store_failure> on_told(const redis_endpoint& by, const std::vector<redis_reply>& replies) override {
    const auto ranges = read_cluster_slots(replies[0], by.host);
    if (ranges.empty()) return store_failure{store_errc::unavailable, "it knows of no slots"};
    refusal_.reset();
    apply(ranges);
    calm_if_well();
    s_.topology_events.on_changed();
    return std::nullopt;
  }

  void on_silence(const store_failure& why) override {
    if (why.code == store_errc::rejected && connections() == 0) refusal_ = why;
    inquiry_->choose_from(s_.site.endpoints);
    s_.topology_events.on_trouble(why);
  }

  void apply(const std::vector<redis_range>& ranges) {
    for (const auto& n : nodes_) n->on_map = false;
    std::fill(masters_.begin(), masters_.end(), nullptr);
    for (const auto& range : ranges) {
      auto& master = place(range.master);
      promote(master);
      std::fill(masters_.begin() + range.first, masters_.begin() + range.last + 1, &master);
    }
    for (const auto& range : ranges)
      for (const auto& r : range.replicas) demote(place(r), *masters_[range.first]);
    forget_the_gone();
  }

  /// The node of this id, wherever it was before.
  node& place(const redis_place& p) {
    auto found = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& n) { return n->id == p.id; });
    if (found == nodes_.end())
      found = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& n) { return n->id.empty() && n->at == p.at; });
    auto& n = found == nodes_.end() ? add(p) : **found;
    n.id = p.id;
    n.on_map = true;
    if (!(n.at == p.at)) {
      n.links.reset();
      n.at = p.at;
    }
    return n;
  }

  // Its slots go on with what it had of its master's history.
  static void promote(node& n) {
    const auto* before = std::exchange(n.replica_of, nullptr);
    if (before != nullptr && !before->history.empty()) n.history = before->history;
  }

  static void demote(node& n, const node& master) {
    if (&n == &master) return;
    n.links.reset();
    n.replica_of = &master;
  }

  void forget_the_gone() {
    const auto now = clock::now();
    std::erase_if(nodes_, [&](const auto& n) { return !n->on_map && n->guest_until < now; });
    std::vector<redis_endpoint> whom;
    for (const auto& n : nodes_) {
      if (n->on_map) whom.push_back(n->at);
      if (!n->on_map) n->replica_of = nullptr;
    }
    whom.insert(whom.end(), s_.site.endpoints.begin(), s_.site.endpoints.end());
    inquiry_->choose_from(std::move(whom));
  }

  void calm_if_well() {
    const bool well = std::none_of(masters_.begin(), masters_.end(), [](const node* n) { return n == nullptr; }) &&
                      std::all_of(nodes_.begin(), nodes_.end(),
                                  [](const auto& n) { return !n->links || n->links->first().is_ready(); });
    if (well) inquiry_->calm();
  }

  // A replica is on no map until it has had something to copy: its promotion then shows by its former history only.
  bool knows(const std::string& history) const {
    return std::find(histories_.begin(), histories_.end(), history) != histories_.end();
  }
  bool remember(const std::string& history) {
    if (knows(history)) return false;
    histories_.push_back(history);
    if (histories_.size() > histories_max) histories_.pop_front();
    return true;
  }

  redis_links& links_of(node& n) {
    if (!n.links) n.links.emplace(s_, n.at);
    return *n.links;
  }

  node& add(const redis_place& p) {
    nodes_.push_back(std::make_unique<node>());
    nodes_.back()->id = p.id;
    nodes_.back()->at = p.at;
    return *nodes_.back();
  }

  node* find(const redis_endpoint& at) const {
    for (const auto& n : nodes_)
      if (n->at == at) return n.get();
    return nullptr;
  }

  node* owner_of(const redis_link& link) const {
    for (const auto& n : nodes_)
      if (n->links && n->links->has(link)) return n.get();
    return nullptr;
  }

  static redis_endpoint resolved(const redis_link& from, redis_endpoint to) {
    if (to.host.empty()) to.host = from.endpoint().host;
    return to;
  }

  const redis_surroundings s_;
  const std::shared_ptr<redis_inquiry> inquiry_;
  std::vector<std::unique_ptr<node>> nodes_;
  std::vector<node*> masters_;         // by hash slot; null = nobody that is known
  std::deque<std::string> histories_;  // every replication id that was seen, oldest first
  std::optional<store_failure> refusal_;
};

}  // namespace

std::unique_ptr<redis_topology> make_cluster_topology(const redis_surroundings& s) {
  return std::make_unique<redis_cluster>(s);
}

}  // namespace holdfast::persistence
