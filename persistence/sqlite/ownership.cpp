#include "persistence/sqlite/ownership_impl.hpp"

namespace holdfast::persistence::sqlite {

ownership::ownership(database& in)
    : in_(in),
      all_(in, "select number, epoch, incarnation, view from slot"),
      set_(in, "insert or replace into slot (number, epoch, incarnation, view) values (?, ?, ?, ?)") {}

void ownership::recall() {
  if (known_) return;
  slots_.assign(slot_count, {});
  auto row = all_();
  while (row.next()) {
    const auto slot = static_cast<std::size_t>(row.number(0));
    if (slot >= slots_.size()) continue;
    slots_[slot] = {{static_cast<std::uint64_t>(row.number(1)), std::string(row.bytes(2))},
                    static_cast<std::uint64_t>(row.number(3))};
  }
  known_ = in_.ok();
}

bool ownership::holds(std::uint16_t slot, const token& by) const noexcept {
  return slot < slots_.size() && !by.incarnation.empty() && slots_[slot].by == by;
}

void ownership::write(std::uint16_t slot) {
  const held& of = slots_[slot];
  set_.run(std::int64_t{slot}, static_cast<std::int64_t>(of.by.epoch), std::string_view(of.by.incarnation),
           static_cast<std::int64_t>(of.view));
}

result<std::optional<token>> ownership::claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t view) {
  if (slot >= slots_.size()) return store_failure{store_errc::rejected, "no such slot: " + std::to_string(slot)};
  if (incarnation.empty()) return store_failure{store_errc::rejected, "a claim needs an incarnation"};
  held& of = slots_[slot];
  if (of.view > view) return std::optional<token>();
  of = {{of.by.epoch + 1, std::string(incarnation)}, view};
  write(slot);
  return std::optional<token>(of.by);
}

verdict ownership::release(std::uint16_t slot, const token& by) {
  if (!holds(slot, by)) return verdict::fenced;
  slots_[slot].by.incarnation.clear();
  write(slot);
  return verdict::ok;
}

std::optional<token> ownership::owner(std::uint16_t slot) const {
  if (slot >= slots_.size() || slots_[slot].by.incarnation.empty()) return std::nullopt;
  return slots_[slot].by;
}

std::vector<std::optional<token>> ownership::owners(std::uint16_t first, std::uint16_t count) const {
  std::vector<std::optional<token>> out;
  for (std::uint16_t n = 0; n < count; ++n) out.push_back(owner(first + n));
  return out;
}

}  // namespace holdfast::persistence::sqlite
