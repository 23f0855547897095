#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "persistence/cipher_keys.hpp"
#include "persistence/store_values.hpp"

struct evp_cipher_st;

namespace holdfast::persistence {

/// AES-256-GCM for what lies in a store. Immutable; any thread may call.
///
/// Nonces are random, of 96 bits: change the key well before it has sealed 2^32 texts.
class at_rest_cipher {
 public:
  using nonce = std::array<std::uint8_t, 12>;
  using nonce_source = std::function<nonce()>;

  /// What sealing adds: the key's id, the nonce and the tag.
  static constexpr std::size_t overhead = sizeof(cipher_key::id_type) + sizeof(nonce) + 16;

  /// `keys` is not empty. Only tests give nonces: two texts under one nonce betray each other.
  explicit at_rest_cipher(cipher_keys keys, nonce_source nonces = random_nonce);

  /// Appends `text` sealed with the first key. What stands in `to` from `header` on, and `bound_to`, are authenticated
  /// with it; the header's length must be fixed.
  void seal(std::string& to, std::size_t header, std::string_view text, std::string_view bound_to) const;

  /// The text of what `seal` appended after `header`. `corrupt` if its key is not there, or if it, the header or
  /// `bound_to` is not what was sealed.
  result<std::string> open(std::string_view header, std::string_view sealed, std::string_view bound_to) const;

  static nonce random_nonce();

 private:
  struct free_cipher {
    void operator()(evp_cipher_st* c) const noexcept;
  };

  cipher_keys keys_;
  nonce_source nonces_;
  std::unique_ptr<evp_cipher_st, free_cipher> algorithm_;
};

}  // namespace holdfast::persistence
