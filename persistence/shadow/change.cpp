#include "persistence/shadow/change.hpp"

namespace holdfast::persistence::shadow {
namespace {

constexpr std::size_t bytes_of_a_node = 64;  // of a map or a vector, besides its texts

template <class Texts>
std::size_t bytes_of_texts(const Texts& texts) {
  std::size_t bytes = 0;
  for (const auto& [key, text] : texts) bytes += bytes_of_a_node + key.size() + text.size();
  return bytes;
}

std::size_t bytes_of_journal(const std::map<std::string, journal_entry>& journal) {
  std::size_t bytes = 0;
  for (const auto& [id, entry] : journal) bytes += bytes_of_a_node + id.size() + entry.bytes.size();
  return bytes;
}

std::size_t bytes_of_events(const std::vector<event>& events) {
  std::size_t bytes = 0;
  for (const auto& e : events) bytes += bytes_of_a_node + e.bytes.size();
  return bytes;
}

struct slot_visitor {
  std::uint16_t operator()(const claimed& c) const noexcept { return c.slot; }
  std::uint16_t operator()(const released& c) const noexcept { return c.slot; }
  std::uint16_t operator()(const committed& c) const noexcept { return c.what.of.slot(); }
  std::uint16_t operator()(const restored& c) const noexcept { return c.what.of.slot(); }
  std::uint16_t operator()(const extended& c) const noexcept { return c.of.slot(); }
  std::uint16_t operator()(const expired& c) const noexcept { return c.of.slot(); }
  std::uint16_t operator()(const looked_at& c) const noexcept { return c.of.slot(); }
  std::uint16_t operator()(const swept& c) const noexcept { return c.slot; }
};

}  // namespace

std::uint16_t slot_of(const change& c) noexcept { return std::visit(slot_visitor{}, c); }

std::size_t bytes_of(const change& c) noexcept {
  std::size_t bytes = sizeof c;
  if (const auto* of_commit = std::get_if<committed>(&c)) {
    const commit& w = of_commit->what;
    bytes += (w.snapshot ? w.snapshot->size() : 0) + bytes_of_texts(w.parts) + bytes_of_journal(w.journal) +
             bytes_of_events(w.events) + bytes_of_a_node * (w.parts_dropped.size() + w.journal_dropped.size());
  } else if (const auto* of_restoration = std::get_if<restored>(&c)) {
    const restoration& w = of_restoration->what;
    bytes += w.kept.snapshot.size() + bytes_of_texts(w.kept.parts) + bytes_of_journal(w.kept.journal) +
             bytes_of_events(w.events);
  }
  return bytes;
}

}  // namespace holdfast::persistence::shadow
