#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace holdfast::mcp {

/// The SHA-256 of a token.
using token_digest = std::array<std::uint8_t, 32>;

/// Somebody who may ask. The token that proves it is not kept.
struct user {
  std::string name;
  token_digest token{};
  bool operator==(const user&) const = default;
};

/// Throws `std::runtime_error` if the system lacks memory.
token_digest digest_of(std::string_view token);

/// Of 64 hexadecimal digits, as `sha256sum` prints them; nothing for any other text.
std::optional<token_digest> read_digest(std::string_view hex) noexcept;

/// 1 to 64 of the characters A-Z a-z 0-9 . _ @ -
bool is_user_name(std::string_view text) noexcept;

/// The token of a header `Authorization: Bearer TOKEN`; empty if it is no such header, or names none.
std::string_view bearer_token(std::string_view authorization) noexcept;

/// Finds users by their tokens. The time that it takes tells nothing of the tokens that there are. Any thread.
class user_table {
 public:
  explicit user_table(std::vector<user> all);

  bool empty() const noexcept { return all_.empty(); }

  bool has(std::string_view name) const noexcept;

  /// Null if the token is nobody's.
  const user* find(std::string_view token) const;

 private:
  /// Of digests: which tokens share a place cannot be foreseen.
  struct keyed_hash {
    std::uint64_t key = 0;
    std::size_t operator()(const token_digest& d) const noexcept;
  };
  struct same_digest {
    bool operator()(const token_digest& a, const token_digest& b) const noexcept;
  };

  std::vector<user> all_;
  std::unordered_map<token_digest, std::size_t, keyed_hash, same_digest> by_token_;
};

}  // namespace holdfast::mcp
