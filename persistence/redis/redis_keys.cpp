#include "persistence/redis/redis_keys.hpp"

namespace holdfast::persistence {
namespace {

constexpr unsigned hash_slots = 16'384;

constexpr std::array<std::uint16_t, 256> crc_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned i = 0; i < table.size(); ++i) {
    unsigned crc = i << 8U;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U;
    table[i] = static_cast<std::uint16_t>(crc);
  }
  return table;
}

std::uint16_t crc16(std::string_view bytes) noexcept {
  static constexpr auto table = crc_table();
  unsigned crc = 0;
  for (const char c : bytes)
    crc = ((crc << 8U) ^ table[((crc >> 8U) ^ static_cast<unsigned char>(c)) & 0xffU]) & 0xffffU;
  return static_cast<std::uint16_t>(crc);
}

}  // namespace

redis_keys::redis_keys(const std::string& prefix) : prefix_(prefix) {
  for (std::uint16_t slot = 0; slot < slot_count; ++slot) {
    auto& names = slots_[slot];
    names.head = prefix + ":{s" + std::to_string(slot) + "}:";
    names.hash_slot = hash_slot_of(names.head);
  }
}

std::uint16_t hash_slot_of(std::string_view key) noexcept {
  const auto open = key.find('{');
  const auto close = open == key.npos ? key.npos : key.find('}', open);
  if (close != key.npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  return static_cast<std::uint16_t>(crc16(key) % hash_slots);
}

}  // namespace holdfast::persistence
