#include "actors/directory.hpp"

#include "actors/principal.hpp"

namespace holdfast::actors {

void directory::count(const std::string& principal, int change) {
  if (principal.empty() || principal == anonymous_principal) return;
  const std::lock_guard guard(counts_lock_);
  const auto at = counts_.try_emplace(principal).first;
  at->second += static_cast<std::size_t>(change);
  if (at->second == 0) counts_.erase(at);
}

std::size_t directory::count_of(std::string_view user) const {
  const std::lock_guard guard(counts_lock_);
  const auto found = counts_.find(user);
  return found == counts_.end() ? 0 : found->second;
}

void directory::add(const std::string& id, entry e) {
  auto& p = part_of(id);
  const std::lock_guard guard(p.lock);
  auto& at = p.entries[id];
  count(at.principal, -1);
  at = std::move(e);
  count(at.principal, 1);
}

directory::entry directory::find_or_add(const std::string& id, const std::function<entry()>& make) {
  auto& p = part_of(id);
  const std::lock_guard guard(p.lock);
  if (const auto found = p.entries.find(id); found != p.entries.end()) return found->second;
  const auto& made = p.entries.emplace(id, make()).first->second;
  count(made.principal, 1);
  return made;
}

void directory::tell_principal(std::string_view id, caf::actor_id session, const std::string& principal) {
  auto& p = part_of(id);
  const std::lock_guard guard(p.lock);
  const auto found = p.entries.find(id);
  if (found == p.entries.end() || found->second.session.id() != session) return;
  count(found->second.principal, -1);
  found->second.principal = principal;
  count(principal, 1);
}

void directory::remove(std::string_view id, caf::actor_id session) {
  auto& p = part_of(id);
  entry gone;  // may be the last to hold its actor, which must not end while the part is locked
  const std::lock_guard guard(p.lock);
  const auto found = p.entries.find(id);
  if (found == p.entries.end() || found->second.session.id() != session) return;
  gone = std::move(found->second);
  count(gone.principal, -1);
  p.entries.erase(found);
}

std::optional<directory::entry> directory::find(std::string_view id) const {
  const auto& p = part_of(id);
  const std::lock_guard guard(p.lock);
  const auto found = p.entries.find(id);
  if (found == p.entries.end()) return std::nullopt;
  return found->second;
}

std::size_t directory::size() const {
  std::size_t n = 0;
  for (const auto& p : parts_) {
    const std::lock_guard guard(p.lock);
    n += p.entries.size();
  }
  return n;
}

std::vector<caf::actor> directory::all() const {
  std::vector<caf::actor> sessions;
  each([&](const std::string&, const entry& e) { sessions.push_back(e.session); });
  return sessions;
}

std::vector<caf::actor> directory::of(std::string_view principal) const {
  std::vector<caf::actor> sessions;
  each([&](const std::string&, const entry& e) {
    if (e.principal == principal) sessions.push_back(e.session);
  });
  return sessions;
}

std::vector<std::string> directory::ids(std::string_view prefix, std::size_t max) const {
  std::vector<std::string> found;
  each([&](const std::string& id, const entry&) {
    if (found.size() < max && id.starts_with(prefix)) found.push_back(id);
  });
  return found;
}

std::vector<caf::actor> directory::in(const slot_set& slots) const {
  std::vector<caf::actor> sessions;
  each([&](const std::string& id, const entry& e) {
    if (e.over == client_transport::streamable_http && slots[persistence::slot_of(id)]) sessions.push_back(e.session);
  });
  return sessions;
}

directory::slot_set directory::slots_in_use(const slot_set& among) const {
  slot_set used;
  each([&](const std::string& id, const entry& e) {
    if (e.over == client_transport::streamable_http) used.set(persistence::slot_of(id));
  });
  return used & among;
}

}  // namespace holdfast::actors
