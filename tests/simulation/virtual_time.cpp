#include <openssl/rand.h>

#include <chrono>

#include "tests/simulation/world.hpp"

// The clocks and the random numbers of this binary: those of the world that runs just now. The definitions here come
// before those of libstdc++ and OpenSSL when the program is linked.

namespace {
using holdfast::simulation::world;
constexpr auto day_of_the_test = std::chrono::seconds{1'800'000'000};
}  // namespace

std::chrono::steady_clock::time_point std::chrono::_V2::steady_clock::now() noexcept {
  const auto* const w = world::current();
  return w == nullptr ? time_point(std::chrono::seconds{1}) : w->now();
}

std::chrono::system_clock::time_point std::chrono::_V2::system_clock::now() noexcept {
  return time_point(day_of_the_test + std::chrono::steady_clock::now().time_since_epoch());
}

int RAND_bytes(unsigned char* bytes, int size) {
  auto* const w = world::current();
  for (int i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(w == nullptr ? 7 : w->random().below(256));
  return 1;
}
