#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "actors/cluster.hpp"
#include "actors/cluster_routes.hpp"
#include "actors/machines/detector.hpp"
#include "transport/loop.hpp"

/// What nodes tell each other of a third one, before it is declared dead.
namespace holdfast::actors {

/// When somebody was heard last, by incarnation.
using hearings = std::map<std::string, std::chrono::steady_clock::time_point>;

/// Asks all others whether they have heard `about` later than `last`, when this node did. `done` runs once, on the
/// loop's thread, never from within this call.
void ask_witnesses(transport::loop& on, const cluster& in, const std::map<std::string, neighbour>& neighbours,
                   const std::string& about, std::chrono::steady_clock::time_point last,
                   std::function<void(machines::detector::others_said)> done);

/// What to answer to such a question, whose body is `asked`.
std::string testimony(std::string_view asked, const hearings& heard);

}  // namespace holdfast::actors
