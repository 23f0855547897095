#include <memory>
#include <optional>
#include <utility>

#include "persistence/redis/redis_links_impl.hpp"

namespace holdfast::persistence {
namespace {

class redis_server final : public redis_topology {
 public:
  explicit redis_server(const redis_surroundings& s) : s_(s) {}

  void start() override { links_.emplace(s_, s_.site.endpoints[0]); }

  redis_link* link_for(std::uint16_t /*hash_slot*/, bool bulk) override { return &links_->pick(bulk); }

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
  std::size_t connections() const override { return links_->ready(); }
  std::string shown() const override {
    return persistence::shown(links_->first().endpoint()) + ", Redis " + links_->first().greeting().version;
  }

 private:
  const redis_surroundings s_;
  std::optional<redis_links> links_;  // from the start on
  std::string history_;               // the replication id seen last
  std::optional<store_failure> refusal_;
};

}  // namespace

std::unique_ptr<redis_topology> make_server_topology(const redis_surroundings& s) {
  return std::make_unique<redis_server>(s);
}

}  // namespace holdfast::persistence
