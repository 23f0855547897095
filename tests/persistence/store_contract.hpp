#pragma once

#include <functional>
#include <memory>

#include "persistence/store.hpp"

namespace holdfast::tests {

/// Makes a fresh, empty store. Called once for every run of the test case.
using make_store = std::function<std::unique_ptr<persistence::store>()>;

/// Checks every promise of persistence/store.hpp. Call it from a test case of its own: it consists of subcases.
void check_store_contract(const make_store& make);

// The parts of it, each a set of subcases over one empty store.
void check_commits(persistence::store& s);
void check_refusals(persistence::store& s);
void check_contents(persistence::store& s);
void check_events(persistence::store& s);
void check_endings(persistence::store& s);
void check_restorations(persistence::store& s);
void check_lifetimes(persistence::store& s);
void check_lists(persistence::store& s);
void check_slots(persistence::store& s);
void check_claims(persistence::store& s);
void check_view(persistence::store& s);
void check_locks(persistence::store& s);
void check_cache(persistence::store& s);
void check_lanes(persistence::store& s);
void check_completions(persistence::store& s);

}  // namespace holdfast::tests
