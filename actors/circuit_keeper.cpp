#include "actors/circuit_keeper.hpp"

#include <algorithm>
#include <utility>

#include "actors/log.hpp"
#include "actors/node_config.hpp"
#include "actors/node_store.hpp"
#include "actors/shard.hpp"

namespace holdfast::actors {
namespace {

namespace breaker = machines::breaker;
using clock = std::chrono::steady_clock;

constexpr std::string_view record_name = "breakers";
constexpr auto retry_pause = std::chrono::milliseconds{1'000};
constexpr auto probe_slack = std::chrono::milliseconds{5'000};  // between the end of a call and the fall of its lock

}  // namespace

circuit_probe::~circuit_probe() {
  if (ended_) return;
  const auto of = of_.lock();
  if (!of) return;
  end(breaker::probe_dropped{}, {});
  of->give_back(right_);
}

void circuit_probe::end(const breaker::event& how, std::string_view why) {
  if (std::exchange(ended_, true)) return;
  if (const auto of = of_.lock()) of->of(right_.upstream).probe_ended(right_.tenure, how, why, clock::now());
}

struct circuit_keeper::request {
  std::size_t upstream;
  std::uint64_t tenure, epoch;
  std::chrono::milliseconds limit;
  transport::loop* asker;
  std::function<void(std::shared_ptr<circuit_probe>)> done;
};

void circuit_keeper::add(const upstream_config& u) {
  const auto index = circuits_.size();
  circuits_.add(name_of(u), u.breaker_enabled, u.breaker);
  const auto is_another = !named_.insert_or_assign(name_of(u), index).second;
  if (home_ == nullptr) return;
  listen_to(index);
  if (is_another) changed(index);
}

// --- the record ------------------------------------------------------------------------------------------------------

void circuit_keeper::share(shard& home, node_store& store, std::string node, std::function<void()> done) {
  store_ = &store;
  home_ = &home;
  node_ = std::move(node);
  for (std::size_t u = 0; u < circuits_.size(); ++u) listen_to(u);
  read(std::move(done));
}

void circuit_keeper::listen_to(std::size_t upstream) {
  circuits_[upstream].node = node_;
  circuits_[upstream].changed = [weak = weak_from_this(), home = home_.load(), upstream] {
    home->loop().post([weak, upstream] {
      if (const auto self = weak.lock()) self->changed(upstream);
    });
  };
}

void circuit_keeper::again_later(std::function<void()> f) {
  home_.load()->loop().after(retry_pause, [weak = weak_from_this(), f = std::move(f)] {
    if (const auto self = weak.lock()) f();
  });
}

void circuit_keeper::changed(std::size_t upstream) {
  const auto& name = circuits_[upstream].upstream();
  if (named_.at(name) != upstream) return;
  dirty_.insert(upstream);
  write();
}

/// What is to be written of it, if that is another than what stands.
bool circuit_keeper::differs(std::size_t upstream, circuit_entry& out) const {
  const auto standing = circuits_[upstream].standing();
  const auto found = known_.find(circuits_[upstream].upstream());
  out = {1, standing};
  if (found == known_.end()) return standing != circuit_standing{};
  const auto& there = found->second;
  if (there.standing == standing) return false;
  auto but_for_probes = there.standing;
  but_for_probes.passed = standing.passed;
  out.epoch = but_for_probes == standing ? there.epoch : there.epoch + 1;
  if (out.epoch == there.epoch) out.standing.passed |= there.standing.passed;
  return out.standing != there.standing;
}

void circuit_keeper::write() {
  auto* const lane = home_.load()->lane();
  if (writing_ || reading_ || lane == nullptr) return;
  auto next = known_;
  for (auto u = dirty_.begin(); u != dirty_.end();) {
    circuit_entry e;
    if (named_.at(circuits_[*u].upstream()) == *u && differs(*u, e)) {
      next[circuits_[*u].upstream()] = std::move(e);
      ++u;
    } else {
      u = dirty_.erase(u);
    }
  }
  if (dirty_.empty()) return;
  writing_ = true;
  const auto text = to_json(next, store_->incarnation() + "/" + std::to_string(++writes_));
  lane->change_record(record_name, version(), text, [weak = weak_from_this(), next](const auto& v) {
    if (const auto self = weak.lock()) self->written(v, next);
  });
}

void circuit_keeper::written(const persistence::result<persistence::verdict>& v, circuit_record what) {
  writing_ = false;
  if (!v) {
    store_->note_failure(v.error());
    return again_later([this] { write(); });
  }
  store_->note_success();
  if (*v == persistence::verdict::conflict) return read({});
  known_ = std::move(what);
  version_ = version() + 1;
  write();  // more may have come up
}

void circuit_keeper::heard(std::uint64_t version) {
  if (home_ == nullptr || reading_ || writing_ || version == this->version()) return;
  // A lower one may be the newer history of a store that lost some.
  if (version < this->version() && clock::now() - looked_ < retry_pause) return;
  read({});
}

void circuit_keeper::read(std::function<void()> then) {
  auto* const lane = home_.load()->lane();
  if (reading_ || writing_ || lane == nullptr) return;
  reading_ = true;
  looked_ = clock::now();
  lane->read_record(record_name, [weak = weak_from_this(), then = std::move(then)](const auto& read) {
    const auto self = weak.lock();
    if (!self) return;
    self->reading_ = false;
    if (read) {
      self->store_->note_success();
      self->take(*read ? **read : persistence::versioned());
    } else {
      self->store_->note_failure(read.error());
      self->again_later([k = self.get()] { k->read({}); });
    }
    if (then) then();
    self->write();
  });
}

/// Whoever has changed it knew what stood before. What was found here meanwhile, without knowing that, gives way.
void circuit_keeper::take(const persistence::versioned& v) {
  auto record = v.version == 0 ? circuit_record() : read_circuits(v.bytes);
  if (!record) {
    log::error("breaker.unreadable", {{"effect", "each node decides alone"}});
    record.emplace();
  }
  const auto now = clock::now();
  for (const auto& [name, u] : named_) {
    auto& c = circuits_[u];
    const auto before = known_.find(c.upstream());
    const auto found = record->find(c.upstream());
    const auto known_epoch = before == known_.end() ? 0 : before->second.epoch;
    if (found == record->end()) {
      // The store has lost its history.
      if (known_epoch != 0) dirty_.insert(u);
    } else if (found->second.epoch != known_epoch) {
      // It may be this node's own, of which it has not been told that it stands.
      if (found->second.standing != c.standing()) c.adopt(found->second.standing, now);
      dirty_.erase(u);
    } else {
      c.add_passed(found->second.standing.passed, now);
    }
  }
  known_ = std::move(*record);
  version_ = v.version;
}

// --- probes ----------------------------------------------------------------------------------------------------------

void circuit_keeper::grant(std::size_t upstream, std::uint64_t tenure, std::chrono::milliseconds limit,
                           transport::loop& asker, std::function<void(std::shared_ptr<circuit_probe>)> done) {
  auto r = std::make_shared<request>(request{upstream, tenure, 0, limit + probe_slack, &asker, std::move(done)});
  auto* const home = home_.load();
  if (home == nullptr) return give_alone(*r);
  home->loop().post([weak = weak_from_this(), r] {
    const auto self = weak.lock();
    if (!self) return;
    const auto& c = self->circuits_[r->upstream];
    const auto found = self->known_.find(c.upstream());
    // That it is open does not stand there: nobody else can know it.
    const auto stands = found != self->known_.end() && found->second.standing.since == c.standing().since;
    if (!stands || !self->store_->available() || self->home_.load()->lane() == nullptr) return self->give_alone(*r);
    r->epoch = found->second.epoch;
    self->try_place(r, 0);
  });
}

/// The first place that nobody has, from this one on.
void circuit_keeper::try_place(const std::shared_ptr<request>& r, std::uint32_t place) {
  auto& c = circuits_[r->upstream];
  const auto passed = c.standing().passed;
  while (place < c.policy().probes && ((passed >> place) & 1u) != 0) ++place;
  if (place >= c.policy().probes) {
    c.probe_ended(r->tenure, breaker::probe_denied{}, {}, clock::now());
    return r->asker->post([r] { r->done(nullptr); });
  }
  auto* const lane = home_.load()->lane();
  if (lane == nullptr) return give_alone(*r);
  auto lock = "breaker:" + c.upstream() + ":" + std::to_string(r->epoch) + ":" + std::to_string(place);
  lane->acquire(lock, r->limit, [weak = weak_from_this(), r, place, lock](const auto& got) {
    const auto self = weak.lock();
    if (!self) return;
    if (!got) {
      self->store_->note_failure(got.error());
      return self->give_alone(*r);
    }
    self->store_->note_success();
    if (!*got) return self->try_place(r, place + 1);
    self->give(*r, place, lock, **got);
  });
}

void circuit_keeper::give(request& r, std::uint32_t place, std::string lock, std::string word) {
  auto probe = std::make_shared<circuit_probe>(
      weak_from_this(), circuit_probe::right{r.upstream, r.tenure, place, std::move(lock), std::move(word)});
  r.asker->post([done = std::move(r.done), probe = std::move(probe)] { done(probe); });
}

/// The breaker of this node has counted: it lets no more through than it may. Which place it is is all the same then,
/// as long as it is another one for each.
void circuit_keeper::give_alone(request& r) {
  auto& c = circuits_[r.upstream];
  const auto place = static_cast<std::uint32_t>(std::max<std::uint64_t>(c.look(clock::now()).probes, 1) - 1);
  give(r, place % std::max(c.policy().probes, 1u), {}, {});
}

void circuit_keeper::give_back(const circuit_probe::right& r) {
  auto* const home = home_.load();
  if (home == nullptr || r.lock.empty()) return;
  home->loop().post([weak = weak_from_this(), home, r] {
    const auto self = weak.lock();
    if (!self || home->lane() == nullptr) return;
    // Where that fails, it falls by itself.
    home->lane()->unlock(r.lock, r.word, [](const auto&) {});
  });
}

}  // namespace holdfast::actors
