#include "persistence/sqlite/ownership_impl.hpp"

namespace holdfast::persistence::sqlite {

ownership::ownership(database& in)
    : in_(in),
      all_(in, "select number, epoch, incarnation from slot"),
      set_(in, "insert or replace into slot (number, epoch, incarnation) values (?, ?, ?)") {}

void ownership::recall() {
  if (known_) return;
  slots_.assign(slot_count, {});
  auto row = all_();
  while (row.next()) {
    const auto slot = static_cast<std::size_t>(row.number(0));
    if (slot < slots_.size()) slots_[slot] = {static_cast<std::uint64_t>(row.number(1)), std::string(row.bytes(2))};
  }
  known_ = in_.ok();
}

bool ownership::holds(std::uint16_t slot, const token& by) const noexcept {
  return slot < slots_.size() && !by.incarnation.empty() && slots_[slot] == by;
}

result<token> ownership::claim(std::uint16_t slot, std::string_view incarnation) {
  if (slot >= slots_.size()) return store_failure{store_errc::rejected, "no such slot: " + std::to_string(slot)};
  if (incarnation.empty()) return store_failure{store_errc::rejected, "a claim needs an incarnation"};
  token& held = slots_[slot];
  held = {held.epoch + 1, std::string(incarnation)};
  set_.run(std::int64_t{slot}, static_cast<std::int64_t>(held.epoch), incarnation);
  return held;
}

verdict ownership::release(std::uint16_t slot, const token& by) {
  if (!holds(slot, by)) return verdict::fenced;
  slots_[slot].incarnation.clear();
  set_.run(std::int64_t{slot}, static_cast<std::int64_t>(by.epoch), std::string_view());
  return verdict::ok;
}

std::optional<token> ownership::owner(std::uint16_t slot) const {
  if (slot >= slots_.size() || slots_[slot].incarnation.empty()) return std::nullopt;
  return slots_[slot];
}

std::vector<std::optional<token>> ownership::owners(std::uint16_t first, std::uint16_t count) const {
  std::vector<std::optional<token>> out;
  for (std::uint16_t n = 0; n < count; ++n) out.push_back(owner(first + n));
  return out;
}

}  // namespace holdfast::persistence::sqlite
