#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "actors/admin/desk.hpp"
#include "actors/admin/request.hpp"

namespace holdfast::actors::admin {

/// Something that an operator wants changed.
struct deed {
  std::string action;  ///< "session.end"
  std::string target;
  std::vector<std::string> plan;  ///< what it will do, in words
  std::uint64_t expected = 0;     ///< how much of `unit` that concerns
  std::string unit;               ///< "slots"
  std::string past;               ///< "moved"
};
struct effect {
  bool done = true;
  std::uint64_t changed = 0;
  std::string why;         ///< not done
  std::string first = {};  ///< what the summary begins with
};
using finish = std::function<void(effect)>;

/// Tells the plan, if that is all that is wanted; else runs `act`, which calls what it is given once, and answers what
/// came of it: how much, how long it took, and how many requests failed meanwhile.
void carry_out(desk& at, const request& r, deed d, std::function<void(finish)> act, reply done);

/// How many nodes a request means: this one, or all members of its cluster.
std::uint64_t nodes_meant(desk& at, const request& r);

/// The same for what each of these nodes does by itself when it is asked `question`. The plan is told with their
/// number.
void carry_out_at_nodes(desk& at, const request& r, deed d, std::string question, std::string params, reply done);

}  // namespace holdfast::actors::admin
