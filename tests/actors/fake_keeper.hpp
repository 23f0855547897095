#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "actors/event_streams.hpp"

namespace holdfast::tests {

/// Keeps records as a store would, which forgets those that are dropped.
class fake_keeper final : public actors::event_keeper {
 public:
  std::uint64_t keep(std::string record) override {
    kept.emplace_back(++last, std::move(record));
    return last;
  }
  void drop_before(std::uint64_t number) override {
    dropped_before = number;
    std::erase_if(kept, [number](const auto& r) { return r.first < number; });
  }

  std::vector<std::pair<std::uint64_t, std::string>> kept;
  std::uint64_t last = 0, dropped_before = 0;
};

}  // namespace holdfast::tests
