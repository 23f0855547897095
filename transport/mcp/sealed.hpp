#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "transport/result.hpp"

namespace holdfast::mcp {

/// Tokens that leave the gateway and come back (pagination cursors, later requestState): AES-256-GCM, base64url.
/// A client can neither read nor alter them, nor use one made for another `purpose`. Only a failing CSPRNG or lack of
/// memory makes these functions throw (`std::runtime_error`).
class sealer {
 public:
  using key = std::array<std::uint8_t, 32>;

  /// A key from the system's CSPRNG.
  static key random_key();

  /// One that all who know this secret have in common, for this use and no other.
  static key shared_key(std::string_view secret, std::string_view use);

  explicit sealer(const key& k) : key_(k) {}

  std::string seal(std::string_view plain, std::string_view purpose) const;

  /// The plain text; `errc::bad_seal` for anything `seal` did not return for this key and purpose.
  transport::result<std::string> open(std::string_view token, std::string_view purpose) const;

 private:
  key key_;
};

/// 128 random bits from the CSPRNG as 22 base64url characters: session ids and the like.
std::string random_id();

/// An id of the same kind that all who know this secret make of this text.
std::string derived_id(std::string_view secret, std::string_view text);

/// Could `random_id` have made it?
bool is_random_id(std::string_view text) noexcept;

}  // namespace holdfast::mcp
