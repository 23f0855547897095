#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "persistence/redis/redis_command.hpp"
#include "persistence/redis/redis_inquiry_impl.hpp"
#include "persistence/redis/redis_links_impl.hpp"

namespace holdfast::persistence {
namespace {

/// Of SENTINEL GET-MASTER-ADDR-BY-NAME.
std::optional<redis_endpoint> read_place(const redis_reply& reply) {
  if (reply.elements.size() != 2 || reply.elements[0].text.empty()) return std::nullopt;
  redis_endpoint e{reply.elements[0].text, 0, {}};
  const auto& port = reply.elements[1].text;
  const auto read = std::from_chars(port.data(), port.data() + port.size(), e.port);
  if (read.ec != std::errc() || e.port == 0) return std::nullopt;
  return e;
}

/// How many failovers there have been, of SENTINEL MASTER: names and values in turns. Nothing if it may not be asked.
std::optional<std::uint64_t> read_epoch(const redis_reply& reply) {
  for (std::size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    if (reply.elements[i].text != "config-epoch") continue;
    const auto& text = reply.elements[i + 1].text;
    std::uint64_t epoch = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), epoch).ec == std::errc()) return epoch;
  }
  return std::nullopt;
}

std::vector<std::string> questions_about(const std::string& master) {
  std::vector<std::string> commands(2);
  append_command(commands[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", master);
  append_command(commands[1], "SENTINEL", "MASTER", master);
  return commands;
}

/// The one master that sentinels watch, wherever they say that it is.
class redis_sentinels final : public redis_topology, public redis_inquiry_listener {
 public:
  explicit redis_sentinels(const redis_surroundings& s)
      : s_(s),
        inquiry_(std::make_shared<redis_inquiry>(s.context, s.link, true, questions_about(s.site.master), *this)) {}
  ~redis_sentinels() override { inquiry_->close(); }

  void start() override { inquiry_->start(s_.site.endpoints); }

  redis_link* link_for(std::uint16_t /*hash_slot*/, bool bulk) override {
    return links_ ? &links_->pick(bulk) : nullptr;
  }

  bool on_ready(redis_link& link) override {
    refusal_.reset();
    inquiry_->calm();
    const auto before = std::exchange(history_, link.greeting().replication_id);
    return !before.empty() && before != history_;
  }

  void on_lost(redis_link& /*link*/, const store_failure& why) override {
    refusal_.reset();
    if (why.code == store_errc::rejected) refusal_ = why;
    inquiry_->hurry();
  }

  void on_read_only(redis_link& /*link*/) override { inquiry_->hurry(); }

  void on_moved(redis_link& /*from*/, std::uint16_t /*hash_slot*/, const redis_endpoint& /*to*/) override {
    refusal_ = {store_errc::rejected, "the sentinels' master is a node of a cluster: write redis+cluster://"};
  }
  redis_link* link_to(redis_link& from, const redis_endpoint& /*to*/) override {
    on_moved(from, 0, {});
    return nullptr;
  }

  std::optional<store_failure> refusal() const override { return refusal_; }
  std::size_t connections() const override { return links_ ? links_->ready() : 0; }
  std::string shown() const override {
    if (!links_) return s_.site.master;
    return s_.site.master + " at " + persistence::shown(links_->first().endpoint()) + ", Redis " +
           links_->first().greeting().version;
  }

 private:
  std::optional<store_failure> on_told(const redis_endpoint& /*by*/, const std::vector<redis_reply>& replies) override {
    const auto place = read_place(replies[0]);
    if (!place) return store_failure{store_errc::rejected, "it knows no master " + s_.site.master};
    const auto epoch = read_epoch(replies[1]);
    // A sentinel that was cut off still believes in the master of before, which may believe so, too.
    if (epoch && *epoch < epoch_) return store_failure{store_errc::unavailable, "it believes in the master of before"};
    if (epoch) epoch_ = *epoch;
    if (links_ && links_->first().endpoint() == *place) return std::nullopt;
    refusal_.reset();
    links_.reset();
    links_.emplace(s_, *place);
    s_.topology_events.on_changed();
    return std::nullopt;
  }

  void on_silence(const store_failure& why) override {
    // Whoever is left may have been set up anew, and count from the beginning.
    epoch_ = 0;
    if (why.code == store_errc::rejected && connections() == 0) refusal_ = {why.code, "sentinel " + why.detail};
    s_.topology_events.on_trouble({why.code, "sentinel " + why.detail});
  }

  const redis_surroundings s_;
  const std::shared_ptr<redis_inquiry> inquiry_;
  std::optional<redis_links> links_;  // none until the master's place is known
  std::uint64_t epoch_ = 0;           // the latest that was told
  std::string history_;               // the replication id seen last
  std::optional<store_failure> refusal_;
};

}  // namespace

std::unique_ptr<redis_topology> make_sentinel_topology(const redis_surroundings& s) {
  return std::make_unique<redis_sentinels>(s);
}

}  // namespace holdfast::persistence
