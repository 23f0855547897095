#include "persistence/store_format.hpp"

namespace holdfast::persistence {

std::optional<store_failure> why_unusable(const store_format& found, std::uint64_t newest, const std::string& place,
                                          const std::string& kind_of_place) {
  const std::string remedy = "; run the Holdfast that wrote it, or name another " + kind_of_place;
  if (found.version > newest)
    return store_failure{store_errc::rejected, place + " was written by a newer Holdfast (format " +
                                                   std::to_string(found.version) + ", this one knows up to " +
                                                   std::to_string(newest) + ")" + remedy};
  if (found.slots != slot_count)
    return store_failure{store_errc::rejected, place + " has its contents in " + std::to_string(found.slots) +
                                                   " slots, and this Holdfast wants " + std::to_string(slot_count) +
                                                   remedy};
  return std::nullopt;
}

}  // namespace holdfast::persistence
