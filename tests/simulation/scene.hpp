#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/network.hpp"
#include "tests/simulation/process.hpp"
#include "tests/simulation/stored.hpp"
#include "tests/simulation/tools.hpp"
#include "tests/simulation/world.hpp"

namespace holdfast::simulation {

/// A world with what stands in it.
struct scene {
  scene(std::uint64_t seed, const std::string& without, bool waits, bool traced);
  scene(const scene&) = delete;
  scene& operator=(const scene&) = delete;
  ~scene();

  static scene* current() noexcept;

  process* alive(int node) const;  ///< the process of the node that lives; null if there is none
  process& begin(int node);        ///< starts one

  /// Whoever is the nth to pass a crash point from now on is killed there.
  void kill_at_crash_point(int nth) { passages_left_ = nth; }
  void passed(const char* point);

  world in;
  network net;
  stored store;
  tools upstream;
  std::vector<std::unique_ptr<process>> processes;

 private:
  int passages_left_ = 0;
};

}  // namespace holdfast::simulation
