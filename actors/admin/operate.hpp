#pragma once

#include <string>
#include <string_view>

#include "actors/admin/desk.hpp"

namespace holdfast::actors::admin {

/// For operations that wait for nothing but the session itself.
inline constexpr milliseconds operation_limit{10'000};

/// Asks a session what `session_operations` has, wherever it is, also when it is in the store only. `prefix`: its id,
/// or the beginning of one in memory. `params`: a raw object. The answer is the session's.
void operate(desk& at, const std::string& prefix, std::string_view what, const std::string& params, milliseconds limit,
             reply done);

}  // namespace holdfast::actors::admin
