#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/machines/membership.hpp"
#include "persistence/store_lane.hpp"
#include "transport/result.hpp"

/// The cluster's view as it stands in the store. `done` runs once, on the lane's thread, never from within the call; a
/// failure says why the store does not answer, or that another version of Holdfast wrote the view.
namespace holdfast::actors {

using view_outcome = transport::outcome<machines::membership::view>;

/// Version 0 if there is none.
void read_cluster_view(persistence::store_lane& lane, std::function<void(view_outcome)> done);

/// Changes it as `change` says, a pure function that leaves alone what needs no change; again on what somebody else has
/// made of it meanwhile. `by` is the incarnation of who writes. Answers the view that stands then. If the store knows
/// an older version than `known`, it has lost its history, and is told that one again first.
void change_cluster_view(persistence::store_lane& lane, std::string by,
                         std::shared_ptr<const machines::membership::view> known,
                         std::function<machines::membership::view(machines::membership::view)> change,
                         std::function<void(view_outcome)> done);

/// The incarnations of those who are gone without having said that they would leave.
std::vector<std::string> lost_between(const machines::membership::view& before, const machines::membership::view& now);

/// Tells the log who has come, is about to leave, or has gone.
void log_changes(const machines::membership::view& before, const machines::membership::view& now);

}  // namespace holdfast::actors
