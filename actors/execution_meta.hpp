#pragma once

#include <string_view>

/// Members of `_meta` that belong to Holdfast, on tools, tools/call and its answers.
namespace holdfast::actors::execution_meta {

inline constexpr std::string_view key = "io.holdfast/idempotencyKey";    ///< asks for one execution per key
inline constexpr std::string_view report_wanted = "io.holdfast/report";  ///< true: asks for `report`
inline constexpr std::string_view use_cached = "io.holdfast/useCached";  ///< false: the tool itself is to be asked
inline constexpr std::string_view from_cache = "io.holdfast/fromCache";  ///< of a result: true if it is a kept one
inline constexpr std::string_view cache = "io.holdfast/cache";           ///< of a tool: its results may be kept
/// Of an answer: the execution's id, its status, how long it took, and whether its result was kept from an earlier one.
/// In `_meta` of a result, in `data` of an error.
inline constexpr std::string_view report = "io.holdfast/execution";

}  // namespace holdfast::actors::execution_meta
