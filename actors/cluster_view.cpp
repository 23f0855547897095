#include "actors/cluster_view.hpp"

#include <memory>
#include <utility>

#include "actors/cluster_text.hpp"
#include "actors/log.hpp"

namespace holdfast::actors {
namespace {

namespace membership = machines::membership;

constexpr int attempts_max = 50;

transport::failure failure_of(std::string detail) {
  return {std::make_error_code(std::errc::io_error), std::move(detail)};
}

struct changing : std::enable_shared_from_this<changing> {
  void attempt() {
    read_cluster_view(lane, [self = shared_from_this()](const view_outcome& read) {
      if (!read) return self->done(read.error());
      self->write(*read);
    });
  }

  void write(const membership::view& before) {
    const auto lost = before.version < known->version;
    auto after = lost ? *known : change(before);
    if (!lost && after == before) return done(before);
    after.version = before.version + 1;
    const auto text = to_json(after, by);
    lane.change_view(before.version, text, [self = shared_from_this(), after, lost](const auto& written) {
      using persistence::verdict;
      if (!written) return self->done(failure_of(written.error().detail));
      const auto stands = *written == verdict::ok || *written == verdict::duplicate;
      if (stands && !lost) return self->done(after);
      if (stands) return self->attempt();  // it takes as many steps as were lost
      if (--self->attempts_left == 0) return self->done(failure_of("the cluster's view changes all the time"));
      self->attempt();
    });
  }

  persistence::store_lane& lane;
  const std::string by;
  const std::shared_ptr<const membership::view> known;
  const std::function<membership::view(membership::view)> change;
  const std::function<void(view_outcome)> done;
  int attempts_left = attempts_max;

  changing(persistence::store_lane& l, std::string b, std::shared_ptr<const membership::view> k,
           std::function<membership::view(membership::view)> c, std::function<void(view_outcome)> d)
      : lane(l), by(std::move(b)), known(std::move(k)), change(std::move(c)), done(std::move(d)) {}
};

}  // namespace

void read_cluster_view(persistence::store_lane& lane, std::function<void(view_outcome)> done) {
  lane.read_view([done = std::move(done)](const auto& read) {
    if (!read) return done(failure_of(read.error().detail));
    if (!*read) return done(membership::view{});
    auto view = read_view((*read)->bytes);
    if (!view)
      return done(failure_of("the cluster's view is of another version of Holdfast; run the same on all nodes"));
    view->version = (*read)->version;
    done(std::move(*view));
  });
}

void change_cluster_view(persistence::store_lane& lane, std::string by, std::shared_ptr<const membership::view> known,
                         std::function<membership::view(membership::view)> change,
                         std::function<void(view_outcome)> done) {
  std::make_shared<changing>(lane, std::move(by), std::move(known), std::move(change), std::move(done))->attempt();
}

std::vector<std::string> lost_between(const membership::view& before, const membership::view& now) {
  std::vector<std::string> lost;
  for (const auto& m : before.members) {
    if (!m.leaving && membership::find(now, m.incarnation) == nullptr) lost.push_back(m.incarnation);
  }
  return lost;
}

void log_changes(const membership::view& before, const membership::view& now) {
  for (const auto& m : now.members) {
    const auto* const known = membership::find(before, m.incarnation);
    if (known == nullptr) log::info("cluster.joined", {{"node", m.name}, {"address", m.address}});
    if (m.leaving && (known == nullptr || !known->leaving)) log::info("cluster.leaving", {{"node", m.name}});
  }
  for (const auto& m : before.members) {
    if (membership::find(now, m.incarnation) == nullptr) log::info("cluster.gone", {{"node", m.name}});
  }
}

}  // namespace holdfast::actors
