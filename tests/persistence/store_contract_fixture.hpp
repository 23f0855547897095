#pragma once

#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/persistence/store_harness.hpp"

namespace holdfast::persistence {

// For doctest, which prints what it compared.
inline std::ostream& operator<<(std::ostream& out, verdict v) {
  static constexpr const char* names[] = {"ok", "duplicate", "fenced", "conflict"};
  return out << names[static_cast<int>(v)];
}

}  // namespace holdfast::persistence

namespace holdfast::tests {

/// A lane, and an entity whose slot it has claimed.
struct owner_harness : lane_harness {
  explicit owner_harness(persistence::store& s, std::string id = "e1", std::string kind = "session")
      : lane_harness(s), of{std::move(kind), std::move(id)}, by(claim(of.slot(), "first")) {}

  /// The next commit of the entity, still without content.
  persistence::commit next() {
    persistence::commit c;
    c.of = of;
    c.by = by;
    c.sequence = ++sequence;
    return c;
  }

  /// Creates the entity, with a bit of everything.
  persistence::verdict create() {
    auto c = next();
    c.snapshot = "one";
    c.parts = {{"p1", "part 1"}, {"p2", "part 2"}};
    c.journal = {{"x1", {persistence::stage::intent, "call 1"}}, {"x2", {persistence::stage::intent, "call 2"}}};
    c.events = {{1, "event 1"}, {2, "event 2"}, {3, "event 3"}};
    c.open_executions = 2;
    return commit(c);
  }

  persistence::entity of;
  persistence::token by;
  std::uint64_t sequence = 0;  // of the last commit asked for
};

/// `count` ids that share the slot of `like`, `like` first.
inline std::vector<std::string> ids_beside(const std::string& like, std::size_t count) {
  std::vector<std::string> ids{like};
  for (unsigned n = 0; ids.size() < count; ++n) {
    std::string id = "n" + std::to_string(n);
    if (persistence::slot_of(id) == persistence::slot_of(like)) ids.push_back(std::move(id));
  }
  return ids;
}

/// Asks again and again until `done` is true. False if that takes more than `limit`.
template <class Done>
bool soon(Done done, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// Bytes that a text protocol stumbles over.
inline std::string awkward_bytes() {
  using namespace std::string_literals;
  std::string bytes = "\0\r\n$-1\r\n'\"\\%s\x1f\xff\xfe\xc3\x28 \t;--{}\0"s;
  for (int c = 0; c < 256; ++c) bytes += static_cast<char>(c);
  return bytes;
}

}  // namespace holdfast::tests
