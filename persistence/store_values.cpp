#include "persistence/store_values.hpp"

#include <cstring>

#include "persistence/store.hpp"

namespace holdfast::persistence {
namespace {

/// A hash over a sequence of fields, eight bytes at a time. Only compared with hashes of this very version.
class mixer {
 public:
  void add(std::uint64_t word) noexcept {
    state_ ^= word;
    state_ *= 0x9e3779b97f4a7c15;
    state_ ^= state_ >> 29;
  }

  void add(std::string_view bytes) noexcept {
    add(std::uint64_t{bytes.size()});
    while (bytes.size() >= sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data(), sizeof word);
      add(word);
      bytes.remove_prefix(sizeof word);
    }
    std::uint64_t rest = 0;
    if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
    add(rest);
  }

  std::uint64_t value() const noexcept { return state_ ^ (state_ >> 32); }

 private:
  std::uint64_t state_ = 0x51ed270b9f4a7c15;
};

}  // namespace

std::uint16_t slot_of(std::string_view id) noexcept {
  std::uint32_t hash = 2166136261;  // FNV-1a, 32 bit
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  return static_cast<std::uint16_t>((hash ^ (hash >> 16)) % slot_count);
}

std::uint64_t digest_of(const commit& c) noexcept {
  mixer m;
  m.add(c.of.kind);
  m.add(c.of.id);
  m.add(c.sequence);
  m.add(c.snapshot ? std::string_view(*c.snapshot) : std::string_view());
  m.add(std::uint64_t{c.snapshot.has_value()} | std::uint64_t{c.ends} << 1);
  m.add(std::uint64_t{c.open_executions});
  m.add(c.events_dropped_before);
  for (const auto& [hash, bytes] : c.parts) {
    m.add(hash);
    m.add(bytes);
  }
  m.add(std::uint64_t{c.parts_dropped.size()});
  for (const auto& hash : c.parts_dropped) m.add(hash);
  for (const auto& [id, entry] : c.journal) {
    m.add(id);
    m.add(static_cast<std::uint64_t>(entry.stage));
    m.add(entry.bytes);
  }
  m.add(std::uint64_t{c.journal_dropped.size()});
  for (const auto& id : c.journal_dropped) m.add(id);
  for (const auto& e : c.events) {
    m.add(e.number);
    m.add(e.bytes);
  }
  return m.value();
}

std::string_view name_of(tier t) noexcept {
  switch (t) {
    case tier::memory: return "memory";
    case tier::sqlite: return "sqlite";
    case tier::redis: return "redis";
    case tier::redis_wait: return "redis+wait";
  }
  return "";
}

verdict judge_change(const std::optional<versioned>& standing, std::uint64_t expected,
                     std::string_view bytes) noexcept {
  const std::uint64_t version = standing ? standing->version : 0;
  if (version == expected) return verdict::ok;
  const bool is_this_one = version == expected + 1 && standing && standing->bytes == bytes;
  return is_this_one ? verdict::duplicate : verdict::conflict;
}

}  // namespace holdfast::persistence
