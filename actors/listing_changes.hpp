#pragma once

#include "actors/listing.hpp"

namespace holdfast::actors {

/// Which lists differ; without one before, all that have entries.
list_kinds what_changed(const listing_ptr& before, const listing& after);

/// A reconnection mostly brings the same listing, of which nobody wants to hear.
bool is_news(const listing_ptr& before, const listing& after);

/// One number for all lists of a view; 0 is none's.
std::uint32_t whole(const list_digests& d);

}  // namespace holdfast::actors
