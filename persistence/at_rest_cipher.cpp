#include "persistence/at_rest_cipher.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace holdfast::persistence {
namespace {

constexpr std::size_t tag_bytes = 16;
// OpenSSL counts in int.
constexpr std::size_t step_bytes = std::size_t{1} << 30;

using context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

/// OpenSSL fails here only without memory or random numbers. Going on would write what must not be readable.
void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

std::uint8_t* octets(char* bytes) noexcept { return reinterpret_cast<std::uint8_t*>(bytes); }
const std::uint8_t* octets(const char* bytes) noexcept { return reinterpret_cast<const std::uint8_t*>(bytes); }

/// Runs `in` through the cipher to `out`; null = it is only authenticated.
bool update(EVP_CIPHER_CTX* with, char* out, std::string_view in) {
  while (!in.empty()) {
    const std::size_t size = std::min(in.size(), step_bytes);
    int written = 0;
    if (EVP_CipherUpdate(with, octets(out), &written, octets(in.data()), static_cast<int>(size)) != 1) return false;
    if (out != nullptr) out += size;
    in.remove_prefix(size);
  }
  return true;
}

context begin(const EVP_CIPHER* algorithm, const cipher_key& key, const char* nonce, bool sealing) {
  context c(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  require(c != nullptr &&
              EVP_CipherInit_ex2(c.get(), algorithm, key.bytes().data(), octets(nonce), sealing ? 1 : 0, nullptr) == 1,
          "AES-256-GCM does not start");
  return c;
}

template <class Array>
void append(std::string& to, const Array& bytes) {
  to.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += hex[static_cast<std::uint8_t>(c) >> 4];
    text += hex[static_cast<std::uint8_t>(c) & 15];
  }
  return text;
}

store_failure corrupt(std::string detail) { return {store_errc::corrupt, std::move(detail)}; }

}  // namespace

at_rest_cipher::at_rest_cipher(cipher_keys keys, nonce_source nonces)
    : keys_(std::move(keys)),
      nonces_(std::move(nonces)),
      algorithm_(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)) {
  require(algorithm_ != nullptr, "OpenSSL offers no AES-256-GCM");
  require(!keys_.empty(), "there is no key to encrypt with");
}

void at_rest_cipher::free_cipher::operator()(evp_cipher_st* c) const noexcept { EVP_CIPHER_free(c); }

at_rest_cipher::nonce at_rest_cipher::random_nonce() {
  nonce drawn;
  require(RAND_bytes(drawn.data(), static_cast<int>(drawn.size())) == 1, "the random number generator failed");
  return drawn;
}

void at_rest_cipher::seal(std::string& to, std::size_t header, std::string_view text, std::string_view bound_to) const {
  const cipher_key& key = keys_.front();
  append(to, key.id());
  const std::size_t drawn_at = to.size();
  append(to, nonces_());
  const std::size_t sealed_at = to.size();
  to.resize(sealed_at + text.size() + tag_bytes);
  const context c = begin(algorithm_.get(), key, to.data() + drawn_at, true);
  char* tag = to.data() + sealed_at + text.size();
  int none = 0;
  const bool sealed = update(c.get(), nullptr, std::string_view(to).substr(header, drawn_at - header)) &&
                      update(c.get(), nullptr, bound_to) && update(c.get(), to.data() + sealed_at, text) &&
                      EVP_CipherFinal_ex(c.get(), octets(tag), &none) == 1 &&
                      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, tag) == 1;
  require(sealed, "AES-256-GCM failed");
}

result<std::string> at_rest_cipher::open(std::string_view header, std::string_view sealed,
                                         std::string_view bound_to) const {
  if (sealed.size() < overhead) return corrupt("encrypted data is cut short");
  const std::string_view id = sealed.substr(0, sizeof(cipher_key::id_type));
  const auto is_meant = [&](const cipher_key& k) { return std::memcmp(k.id().data(), id.data(), id.size()) == 0; };
  const auto key = std::find_if(keys_.begin(), keys_.end(), is_meant);
  if (key == keys_.end()) return corrupt("encrypted with a key that is not there (id " + hexadecimal(id) + ")");
  sealed.remove_prefix(id.size());
  const context c = begin(algorithm_.get(), *key, sealed.data(), false);
  sealed.remove_prefix(sizeof(nonce));
  std::string tag(sealed.substr(sealed.size() - tag_bytes));
  sealed.remove_suffix(tag_bytes);
  std::string text(sealed.size(), '\0');
  int none = 0;
  const bool opened = EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag.data()) == 1 &&
                      update(c.get(), nullptr, header) && update(c.get(), nullptr, id) &&
                      update(c.get(), nullptr, bound_to) && update(c.get(), text.data(), sealed) &&
                      EVP_CipherFinal_ex(c.get(), octets(tag.data()), &none) == 1;
  if (opened) return text;
  OPENSSL_cleanse(text.data(), text.size());
  return corrupt("encrypted data was altered, or belongs elsewhere, or its key is another one of the same name");
}

}  // namespace holdfast::persistence
