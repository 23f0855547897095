#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "persistence/redis/redis_topologies_impl.hpp"

namespace holdfast::persistence {
namespace {

class redis_server final : public redis_topology {
 public:
  explicit redis_server(const redis_surroundings& s) {
    for (std::size_t i = 0; i < std::max<std::size_t>(s.connections, 1); ++i)
      links_.push_back(std::make_shared<redis_link>(s.context, s.site.endpoints[0], s.link, s.link_events));
  }
  ~redis_server() override {
    for (const auto& link : links_) link->close();
  }

  void start() override {
    for (const auto& link : links_) link->start();
  }

  redis_link* link_for(std::uint16_t /*hash_slot*/, bool bulk) override {
    if (!bulk || links_.size() == 1) return links_[0].get();
    next_ = next_ % (links_.size() - 1) + 1;
    auto* link = links_[next_].get();
    return link->is_ready() ? link : links_[0].get();
  }

  bool on_ready(redis_link& link) override {
    refusal_.reset();
    const auto before = std::exchange(history_, link.greeting().replication_id);
    return !before.empty() && before != history_;
  }

  void on_lost(redis_link& /*link*/, const store_failure& why) override {
    if (why.code == store_errc::rejected)
      refusal_ = why;
    else
      refusal_.reset();
  }

  // It stays where it is: the link looks again until the server is a master.
  void on_read_only(redis_link& /*link*/) override {}
  void on_moved(redis_link& /*from*/, std::uint16_t /*hash_slot*/, const redis_endpoint& /*to*/) override {
    refusal_ = {store_errc::rejected, "the server is a node of a cluster: write redis+cluster://"};
  }
  redis_link* link_to(redis_link& from, const redis_endpoint& /*to*/) override {
    on_moved(from, 0, {});
    return nullptr;
  }

  std::optional<store_failure> refusal() const override { return refusal_; }
  std::size_t connections() const override {
    return static_cast<std::size_t>(
        std::count_if(links_.begin(), links_.end(), [](const auto& link) { return link->is_ready(); }));
  }
  std::string shown() const override {
    return persistence::shown(links_[0]->endpoint()) + ", Redis " + links_[0]->greeting().version;
  }

 private:
  std::vector<std::shared_ptr<redis_link>> links_;
  std::size_t next_ = 0;
  std::string history_;  // the replication id seen last
  std::optional<store_failure> refusal_;
};

}  // namespace

std::unique_ptr<redis_topology> make_server_topology(const redis_surroundings& s) {
  return std::make_unique<redis_server>(s);
}

}  // namespace holdfast::persistence
