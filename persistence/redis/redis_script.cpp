#include "persistence/redis/redis_script.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace holdfast::persistence {

redis_script::redis_script(std::string_view body) : body_(body) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if (::EVP_Digest(body.data(), body.size(), bytes.data(), &size, ::EVP_sha1(), nullptr) != 1)
    throw std::runtime_error("SHA-1, by which Redis names scripts, is not available");
  for (unsigned i = 0; i < size; ++i)
    for (const int digit : {bytes[i] >> 4, bytes[i] & 15}) digest_ += "0123456789abcdef"[digit];
}

}  // namespace holdfast::persistence
