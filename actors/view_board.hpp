#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "actors/catalogue_view.hpp"
#include "actors/client_capabilities.hpp"
#include "actors/published.hpp"

namespace holdfast::actors {

/// What the catalogue shows: a view for each capability set, and others for each user who has upstreams of their own.
/// Any thread. Slots are null until somebody has asked for them, and live as long as the board.
class view_board {
 public:
  using slots = std::array<published<const catalogue_view>, capability_set::count>;

  /// For those who have none of their own.
  slots common;

  published<const catalogue_view>& operator[](std::size_t capabilities) { return common[capabilities]; }
  const published<const catalogue_view>& operator[](std::size_t capabilities) const { return common[capabilities]; }

  /// For this user alone; the common ones if that is empty.
  slots& of(std::string_view user) {
    if (user.empty()) return common;
    const std::lock_guard guard(lock_);
    auto found = own_.find(user);
    if (found == own_.end()) found = own_.emplace(user, std::make_unique<slots>()).first;
    return *found->second;
  }

 private:
  std::mutex lock_;
  std::map<std::string, std::unique_ptr<slots>, std::less<>> own_;
};

}  // namespace holdfast::actors
