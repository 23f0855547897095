#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/at_rest_cipher.hpp"
#include "persistence/cipher_keys.hpp"
#include "persistence/store_values.hpp"

namespace holdfast::persistence {

enum class text_format : std::uint8_t { json, msgpack };

struct encoding_options {
  text_format format = text_format::json;
  std::size_t compress_above = 2048;  ///< bytes; 0 = never
  int zstd_level = 1;
  std::optional<cipher_keys> keys;               ///< encrypts if given
  std::size_t text_max = std::size_t{64} << 20;  ///< bytes; a longer text is not read
  at_rest_cipher::nonce_source nonces;           ///< for tests only; empty = random
};

/// How JSON texts (one object or array each, in UTF-8) look in the store. Immutable; any thread may call.
///
/// With the defaults a short text is stored as it is. Anything else says of itself what it is, so `decode` reads
/// every form whatever the options say: format, threshold and keys may change while data is there, as long as the
/// keys that wrote it are among those given.
///
/// `bound_to` names the place the bytes are for (entity and field). What was encrypted for one place cannot be read
/// from another; it has no meaning without encryption.
///
/// What comes back is the text that was given, byte for byte; MessagePack drops white space between tokens. A text
/// longer than `text_max` or nested deeper than `json_tokens::depth_max` cannot be read again.
class encoding {
 public:
  /// Throws if it is to encrypt and OpenSSL cannot; for start-up.
  explicit encoding(encoding_options o);

  /// Never fails but for want of memory or, when it encrypts, of random numbers: then it throws.
  std::string encode(std::string_view json, std::string_view bound_to) const;

  /// The same, appended to `out`.
  void encode_to(std::string& out, std::string_view json, std::string_view bound_to) const;

  /// The same of a text that is given away: nothing is copied if it is stored as it is.
  std::string encode_owned(std::string json, std::string_view bound_to) const;

  /// `corrupt` for anything that is not whole, altered bytes of a plain text excepted, or not meant for `bound_to`,
  /// or without its key. What is given is JSON.
  result<std::string> decode(std::string_view bytes, std::string_view bound_to) const;

  /// The same of bytes that are given away.
  result<std::string> decode_owned(std::string bytes, std::string_view bound_to) const;

  /// Whether `bound_to` counts.
  bool encrypts() const noexcept { return cipher_.has_value(); }

 private:
  bool is_stored_plain(std::string_view json) const noexcept {
    return plain_ && (compress_above_ == 0 || json.size() <= compress_above_);
  }

  void pack(std::string& out, std::string_view json, std::string_view bound_to) const;
  result<std::string> unpack(std::string_view bytes, std::string_view bound_to) const;
  std::optional<store_failure> refuse(std::string_view json) const;

  text_format format_;
  std::size_t compress_above_;
  int zstd_level_;
  std::size_t text_max_;
  std::optional<at_rest_cipher> cipher_;
  bool plain_;
};

}  // namespace holdfast::persistence
