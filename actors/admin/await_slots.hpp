#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "actors/admin/deed.hpp"
#include "actors/admin/merge.hpp"
#include "actors/machines/membership.hpp"

namespace holdfast::actors::admin {

/// Null if there is none of this name.
const machines::membership::member* member_named(const machines::membership::view& v, std::string_view name);

/// How many slots are with a node of this name.
std::uint64_t held_by(const slot_picture& all, const std::string& node);

/// Looks at the whole cluster until its slots are as `settled` has them, or the time is over.
using judgement = std::function<effect(const slot_picture&, const parts&)>;
void await_slots(desk& at, milliseconds limit, const judgement& settled, const finish& over);

}  // namespace holdfast::actors::admin
