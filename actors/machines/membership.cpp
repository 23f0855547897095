#include "actors/machines/membership.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::actors::machines::membership {
namespace {

/// The same on every node and in every version.
std::uint64_t weight(std::string_view name, std::uint16_t slot) noexcept {
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  hash ^= slot;
  // The finalizer of MurmurHash3: slots that differ in one bit have nothing in common.
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53u;
  return hash ^ (hash >> 33);
}

}  // namespace

const member* find(const view& v, std::string_view incarnation) noexcept {
  const auto found =
      std::find_if(v.members.begin(), v.members.end(), [&](const auto& m) { return m.incarnation == incarnation; });
  return found == v.members.end() ? nullptr : &*found;
}

view joined(view v, member m) {
  std::erase_if(v.members, [&](const auto& old) { return old.name == m.name || old.address == m.address; });
  v.members.push_back(std::move(m));
  ++v.version;
  return v;
}

view leaving(view v, std::string_view incarnation) {
  for (auto& m : v.members) {
    if (m.incarnation != incarnation || m.leaving) continue;
    m.leaving = true;
    ++v.version;
  }
  return v;
}

view staying(view v, std::string_view incarnation) {
  for (auto& m : v.members) {
    if (m.incarnation != incarnation || !m.leaving) continue;
    m.leaving = false;
    ++v.version;
  }
  return v;
}

view pinned(view v, std::uint16_t slot, std::string_view name) {
  auto& at = v.pinned[slot];
  if (at == name) return v;
  at = name;
  ++v.version;
  return v;
}

view unpinned(view v) {
  if (v.pinned.empty()) return v;
  v.pinned.clear();
  ++v.version;
  return v;
}

view without(view v, std::string_view incarnation) {
  if (std::erase_if(v.members, [&](const auto& m) { return m.incarnation == incarnation; }) > 0) ++v.version;
  return v;
}

const member* owner_of(const view& v, std::uint16_t slot) noexcept {
  if (const auto put = v.pinned.find(slot); put != v.pinned.end()) {
    for (const auto& m : v.members) {
      if (m.name == put->second && !m.leaving) return &m;
    }
  }
  const member* best = nullptr;
  std::uint64_t most = 0;
  for (const auto& m : v.members) {
    if (m.leaving) continue;
    const auto w = weight(m.name, slot);
    if (best != nullptr && (w < most || (w == most && m.name > best->name))) continue;
    best = &m;
    most = w;
  }
  return best;
}

}  // namespace holdfast::actors::machines::membership
