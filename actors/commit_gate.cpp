#include "actors/commit_gate.hpp"

#include <utility>

#include "actors/node_store.hpp"
#include "actors/test_hooks.hpp"

namespace holdfast::actors {

using persistence::verdict;

commit_gate::commit_gate(node_store& store, persistence::store_lane& lane, persistence::entity of, deliver d)
    : store_(store), lane_(lane), deliver_(std::move(d)), of_(std::move(of)), tenure_(store.tenure_of(of_.slot())) {}

void commit_gate::then(std::function<void()> f, std::function<void()> late, std::function<void()> elsewhere) {
  if (degraded_ || rule_is_out("gate")) return f();
  if (noted_) return on_next_.push_back({std::move(f), std::move(late), std::move(elsewhere)});
  if (under_way_) return on_current_.push_back({std::move(f), std::move(late), std::move(elsewhere)});
  f();
}

void commit_gate::flush() {
  if (under_way_ || !noted_) return;
  noted_ = false;
  current_ = std::exchange(next_, {});
  on_current_ = std::exchange(on_next_, {});
  current_.of = of_;
  current_.sequence = ++sequence_;
  under_way_ = true;
  send();
}

void commit_gate::send() {
  current_.by = store_.token_of(of_.slot(), tenure_);
  lane_.commit(current_, deliver_);
}

void commit_gate::abandon() {
  for (auto* const all : {&on_current_, &on_next_}) {
    for (const auto& w : std::exchange(*all, {})) {
      if (w.elsewhere) w.elsewhere();
    }
  }
}

commit_gate::outcome commit_gate::on_done(const persistence::result<verdict>& r) {
  if (!r) {
    store_.note_failure(r.error());
    if (store_.degrades()) {
      degraded_ = true;
      run_all(on_current_);
      run_all(on_next_);
      durable_record_ = last_record_;
    } else {
      run_late(on_current_);
      run_late(on_next_);
    }
    return outcome::held;
  }
  store_.note_success();
  if (*r == verdict::duplicate && rule_is_out("idempotent_commit")) return outcome::refused;
  out_of_step_ = *r == verdict::conflict;
  if ((*r == verdict::fenced || *r == verdict::conflict) && !rule_is_out("fence")) return outcome::refused;
  note_durable(current_);
  degraded_ = under_way_ = false;
  if (!current_.events.empty()) durable_record_ = current_.events.back().number;
  current_ = {};
  run_all(on_current_);
  return outcome::durable;
}

void commit_gate::reseed(persistence::record whole, std::vector<persistence::event> events,
                         std::chrono::milliseconds to_live) {
  persistence::restoration r;
  r.of = of_;
  r.by = store_.token_of(of_.slot(), tenure_);
  r.kept = std::move(whole);
  r.kept.sequence = sequence_;
  r.events = std::move(events);
  r.time_to_live = to_live;
  r.open_executions = current_.open_executions;
  lane_.restore(r, deliver_);
}

/// What runs may note and wait again.
void commit_gate::run_all(std::vector<waiting>& all) {
  for (const auto& w : std::exchange(all, {})) w.then();
}

void commit_gate::run_late(std::vector<waiting>& all) {
  std::vector<waiting> kept;
  for (auto& w : std::exchange(all, {})) {
    if (w.late) {
      w.late();
    } else {
      kept.push_back(std::move(w));
    }
  }
  all.insert(all.begin(), std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end()));
}

std::uint64_t commit_gate::keep(std::string record) {
  ++last_record_;
  const auto place =
      store_.texts().encrypts() ? of_.kind + "/" + of_.id + "/event/" + std::to_string(last_record_) : std::string();
  next().events.push_back({last_record_, store_.texts().encode_owned(std::move(record), place)});
  if (degraded_ || rule_is_out("gate")) durable_record_ = last_record_;
  return last_record_;
}

}  // namespace holdfast::actors
