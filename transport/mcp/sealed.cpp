#include "transport/mcp/sealed.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <algorithm>

#include <memory>
#include <optional>
#include <stdexcept>

#include "transport/errc.hpp"

namespace holdfast::mcp {
namespace {

constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
// OpenSSL counts in int.
constexpr std::size_t sealed_bytes_max = 1u << 30;

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

void fill_random(std::uint8_t* bytes, std::size_t size) {
  require(RAND_bytes(bytes, static_cast<int>(size)) == 1, "the random number generator failed");
}

const std::uint8_t* octets(std::string_view text) noexcept {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}
std::uint8_t* octets(std::string& text) noexcept { return reinterpret_cast<std::uint8_t*>(text.data()); }

std::string encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t held = 0;
  int bits = 0;
  for (unsigned char c : bytes) {
    held = (held << 8) | c;
    for (bits += 8; bits >= 6; bits -= 6) text += alphabet[(held >> (bits - 6)) & 63];
  }
  if (bits > 0) text += alphabet[(held << (6 - bits)) & 63];
  return text;
}

constexpr std::array<std::int8_t, 256> make_digits() {
  std::array<std::int8_t, 256> digits{};
  for (auto& d : digits) d = -1;
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    digits[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
  }
  return digits;
}

// Only what `encode` returns: one spelling for each token, so that none can be varied and still be valid.
std::optional<std::string> decode(std::string_view text) {
  static constexpr auto digits = make_digits();
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t held = 0;
  int bits = 0;
  for (unsigned char c : text) {
    if (digits[c] < 0) return std::nullopt;
    held = (held << 6) | static_cast<std::uint32_t>(digits[c]);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>((held >> bits) & 0xFF);
    }
  }
  const bool whole = bits < 6 && (held & ((1u << bits) - 1)) == 0;
  return whole ? std::optional(std::move(bytes)) : std::nullopt;
}

}  // namespace

sealer::key sealer::random_key() {
  key k;
  fill_random(k.data(), k.size());
  return k;
}

sealer::key sealer::shared_key(std::string_view secret, std::string_view use) {
  key k;
  unsigned size = 0;
  const bool done = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), octets(use), use.size(),
                         k.data(), &size) != nullptr;
  require(done && size == k.size(), "deriving a key failed");
  return k;
}

std::string sealer::seal(std::string_view plain, std::string_view purpose) const {
  require(plain.size() + purpose.size() < sealed_bytes_max, "too much to seal");
  std::string sealed(nonce_bytes + plain.size() + tag_bytes, '\0');
  std::uint8_t* nonce = octets(sealed);
  std::uint8_t* body = nonce + nonce_bytes;
  fill_random(nonce, nonce_bytes);
  const cipher_context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  const bool done =
      context && EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(), nonce) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, octets(purpose), static_cast<int>(purpose.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), body, &size, octets(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), body + plain.size(), &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, body + plain.size()) == 1;
  require(done, "sealing failed");
  return encode(sealed);
}

transport::result<std::string> sealer::open(std::string_view token, std::string_view purpose) const {
  if (token.size() + purpose.size() >= sealed_bytes_max) return transport::errc::bad_seal;
  auto sealed = decode(token);
  if (!sealed || sealed->size() < nonce_bytes + tag_bytes) return transport::errc::bad_seal;
  const std::size_t plain_bytes = sealed->size() - nonce_bytes - tag_bytes;
  std::string plain(plain_bytes, '\0');
  const std::uint8_t* nonce = octets(*sealed);
  const std::uint8_t* body = nonce + nonce_bytes;
  std::uint8_t* tag = octets(*sealed) + nonce_bytes + plain_bytes;
  const cipher_context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  const bool genuine =
      context && EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(), nonce) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, octets(purpose), static_cast<int>(purpose.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), octets(plain), &size, body, static_cast<int>(plain_bytes)) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag) == 1 &&
      EVP_DecryptFinal_ex(context.get(), octets(plain) + plain_bytes, &size) == 1;
  if (!genuine) return transport::errc::bad_seal;
  return plain;
}

std::string random_id() {
  std::string bytes(16, '\0');
  while (true) {
    fill_random(octets(bytes), bytes.size());
    auto id = encode(bytes);
    if (id.front() != '-') return id;
  }
}

std::string derived_id(std::string_view secret, std::string_view text) {
  const auto mac = sealer::shared_key(secret, text);
  std::string bytes(mac.begin(), mac.begin() + 16);
  bytes.front() = static_cast<char>(bytes.front() & 0x7f);  // no '-' at the beginning
  return encode(bytes);
}

bool is_random_id(std::string_view text) noexcept {
  constexpr std::size_t length = 22;  // 16 bytes in base64url
  return text.size() == length && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

}  // namespace holdfast::mcp
