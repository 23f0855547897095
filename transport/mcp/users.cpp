#include "transport/mcp/users.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

namespace holdfast::mcp {
namespace {

constexpr std::size_t name_max = 64;
constexpr std::string_view scheme = "bearer ";

/// Looked up once: that takes several times as long as a digest.
const EVP_MD* sha256() {
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return found;
}

struct free_context {
  void operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }
};

std::uint64_t random_number() {
  std::uint64_t n = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&n), sizeof n) != 1)
    throw std::runtime_error("the system has no random numbers");
  return n;
}

std::optional<std::uint8_t> digit(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  const auto lower = static_cast<char>(c | 0x20);
  if (lower >= 'a' && lower <= 'f') return static_cast<std::uint8_t>(lower - 'a' + 10);
  return std::nullopt;
}

}  // namespace

token_digest digest_of(std::string_view token) {
  thread_local const std::unique_ptr<EVP_MD_CTX, free_context> context(EVP_MD_CTX_new());
  token_digest d{};
  if (!context || EVP_DigestInit_ex2(context.get(), sha256(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), token.data(), token.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), d.data(), nullptr) != 1)
    throw std::runtime_error("SHA-256 cannot be computed");
  return d;
}

std::optional<token_digest> read_digest(std::string_view hex) noexcept {
  token_digest d{};
  if (hex.size() != 2 * d.size()) return std::nullopt;
  for (std::size_t i = 0; i < d.size(); ++i) {
    const auto high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    d[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return d;
}

bool is_user_name(std::string_view text) noexcept {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' ||
           c == '@' || c == '-';
  };
  return !text.empty() && text.size() <= name_max && std::all_of(text.begin(), text.end(), fits);
}

std::string_view bearer_token(std::string_view authorization) noexcept {
  if (authorization.size() <= scheme.size()) return {};
  // RFC 9110, 11.1: schemes have no case.
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != scheme[i]) return {};
  }
  const auto from = authorization.find_first_not_of(' ', scheme.size());
  return from == std::string_view::npos ? std::string_view() : authorization.substr(from);
}

std::size_t user_table::keyed_hash::operator()(const token_digest& d) const noexcept {
  std::array<std::uint64_t, 2> words{};
  std::memcpy(words.data(), d.data(), sizeof words);
  const auto mixed = (words[0] ^ key) * (words[1] | 1);
  return static_cast<std::size_t>(mixed ^ mixed >> 32);
}

bool user_table::same_digest::operator()(const token_digest& a, const token_digest& b) const noexcept {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

user_table::user_table(std::vector<user> all)
    : all_(std::move(all)), by_token_(2 * all_.size(), keyed_hash{all_.empty() ? 0 : random_number()}) {
  for (std::size_t i = 0; i < all_.size(); ++i) by_token_.emplace(all_[i].token, i);
}

bool user_table::has(std::string_view name) const noexcept {
  return std::any_of(all_.begin(), all_.end(), [&](const user& u) { return u.name == name; });
}

const user* user_table::find(std::string_view token) const {
  const auto found = by_token_.find(digest_of(token));
  return found == by_token_.end() ? nullptr : &all_[found->second];
}

}  // namespace holdfast::mcp
