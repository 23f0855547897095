#include "tests/simulation/world.hpp"

#include <cstdio>

namespace holdfast::simulation {
namespace {
world* the_current = nullptr;
constexpr std::size_t mistakes_max = 8;
}  // namespace

world::world(std::uint64_t seed, std::string without, bool traced)
    : random_(seed), without_(std::move(without)), traced_(traced) {
  the_current = this;
}

world::~world() {
  forget_all();
  the_current = nullptr;
}

world* world::current() noexcept { return the_current; }

void world::after(std::chrono::microseconds delay, std::function<void()> task) {
  queue_.push({now_ + delay, ++order_, std::make_shared<std::function<void()>>(std::move(task))});
}

bool world::step() {
  if (queue_.empty()) return false;
  const auto next = queue_.top();
  queue_.pop();
  now_ = next.at;
  (*next.task)();
  return true;
}

void world::forget_all() {
  while (!queue_.empty()) queue_.pop();
}

void world::tell(std::string_view who, const std::string& what) {
  if (!traced_) return;
  char time[32];
  const auto ms = std::chrono::duration<double, std::milli>(now_ - beginning).count();
  std::snprintf(time, sizeof time, "%9.1f ", ms);
  story_.append(time).append(who).append(who.size() < 4 ? std::string(4 - who.size(), ' ') : " ").append(what) += '\n';
}

void world::broken(const std::string& rule) {
  tell("!!", rule);
  if (mistakes_.size() < mistakes_max) mistakes_.push_back(rule);
}

}  // namespace holdfast::simulation
