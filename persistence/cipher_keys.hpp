#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "persistence/store_values.hpp"

namespace holdfast::persistence {

/// A key of AES-256. Wiped from memory when it goes.
class cipher_key {
 public:
  using id_type = std::array<std::uint8_t, 4>;
  using bytes_type = std::array<std::uint8_t, 32>;

  /// The id of a key without a name follows from its bytes, that of a named one from its name alone.
  explicit cipher_key(const bytes_type& bytes);
  cipher_key(const bytes_type& bytes, std::string_view name);
  cipher_key(const cipher_key&) = default;
  cipher_key& operator=(const cipher_key&) = default;
  ~cipher_key();

  const id_type& id() const noexcept { return id_; }
  const bytes_type& bytes() const noexcept { return bytes_; }

 private:
  id_type id_;
  bytes_type bytes_;
};

/// At least one, each with an id of its own. The first one writes, all of them read.
using cipher_keys = std::vector<cipher_key>;

inline constexpr std::size_t cipher_keys_max = 16;

/// Reads keys from `file:PATH` or `env:NAME` (an environment variable): one a line, `KEY` or `NAME:KEY`, with KEY as
/// 32 bytes in base64 or hexadecimal. Empty lines and lines that begin with # do not count. Blocks; for start-up.
/// Otherwise `rejected`, with a detail that never holds key material.
result<cipher_keys> read_keys(std::string_view spec);

}  // namespace holdfast::persistence
