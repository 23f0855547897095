#include "persistence/content_hash.hpp"

#include <openssl/sha.h>

#include <array>
#include <cstdint>

namespace holdfast::persistence {

std::string content_hash(std::string_view bytes) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), digest.data());
  std::string name;
  for (std::size_t i = 0; i < digest.size() / 2; ++i) {
    name += hex[digest[i] >> 4];
    name += hex[digest[i] & 15];
  }
  return name;
}

}  // namespace holdfast::persistence
