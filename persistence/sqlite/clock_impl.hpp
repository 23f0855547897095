#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

/// Points in time as the tables hold them: milliseconds since 1970, because they outlive the process.
namespace holdfast::persistence::sqlite {

std::int64_t now_ms() noexcept;

/// Nothing if that lies beyond all time: no limit.
std::optional<std::int64_t> from_now(std::chrono::milliseconds limit) noexcept;

}  // namespace holdfast::persistence::sqlite
