#include "persistence/cipher_keys.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

namespace holdfast::persistence {
namespace {

constexpr std::size_t file_bytes_max = 16 * 1024;
constexpr std::string_view spaces = " \t\r";

cipher_key::id_type id_of(const void* bytes, std::size_t size) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(static_cast<const std::uint8_t*>(bytes), size, digest.data());
  cipher_key::id_type id{};
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

/// Wipes a buffer when the scope ends, however it ends.
struct wiping {
  void* bytes;
  std::size_t size;

  wiping(void* b, std::size_t s) : bytes(b), size(s) {}
  wiping(const wiping&) = delete;
  wiping& operator=(const wiping&) = delete;
  ~wiping() { OPENSSL_cleanse(bytes, size); }
};

store_failure rejected(std::string detail) { return {store_errc::rejected, std::move(detail)}; }

/// Fills `bytes` from digits of `bits` bits each, the high ones first; false if they are of another count or alphabet.
bool decode(std::string_view text, std::string_view digits, unsigned bits, cipher_key::bytes_type& bytes) {
  if (text.size() != (bytes.size() * 8 + bits - 1) / bits) return false;
  std::uint32_t pending = 0;
  unsigned held = 0;
  std::size_t filled = 0;
  for (const char c : text) {
    const std::size_t digit = digits.find(c);
    if (digit == digits.npos) return false;
    pending = pending << bits | static_cast<std::uint32_t>(digit);
    held += bits;
    if (held < 8) continue;
    held -= 8;
    bytes[filled++] = static_cast<std::uint8_t>(pending >> held);
    pending &= (1u << held) - 1;
  }
  return pending == 0;
}

bool decode_key(std::string_view text, cipher_key::bytes_type& bytes) {
  constexpr std::string_view base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() == 64) {
    std::string lower(text);
    const wiping wipe(lower.data(), lower.size());
    for (char& c : lower) c = c >= 'A' && c <= 'F' ? static_cast<char>(c + ('a' - 'A')) : c;
    return decode(lower, "0123456789abcdef", 4, bytes);
  }
  if (text.ends_with('=')) text.remove_suffix(1);
  return decode(text, base64, 6, bytes);
}

/// Where keys are read from, fit to be shown: somebody may have put the key itself there.
std::string shown(std::string_view kind, std::string_view where) {
  cipher_key::bytes_type bytes{};
  const wiping wipe(bytes.data(), bytes.size());
  return std::string(kind) + (decode_key(where, bytes) ? "(what looks like a key)" : std::string(where));
}

std::string_view trimmed(std::string_view line) {
  const std::size_t from = std::min(line.find_first_not_of(spaces), line.size());
  line.remove_prefix(from);
  return line.substr(0, line.find_last_not_of(spaces) + 1);
}

std::optional<cipher_key> key_of(std::string_view line) {
  cipher_key::bytes_type bytes{};
  const wiping wipe(bytes.data(), bytes.size());
  const std::size_t colon = line.find(':');
  const bool named = colon != line.npos;
  if (colon == 0 || !decode_key(trimmed(named ? line.substr(colon + 1) : line), bytes)) return std::nullopt;
  return named ? cipher_key(bytes, trimmed(line.substr(0, colon))) : cipher_key(bytes);
}

result<cipher_keys> keys_of(std::string_view text, const std::string& source) {
  cipher_keys keys;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::string place = source + ", line " + std::to_string(number) + ": ";
    const auto key = key_of(line);
    if (!key) return rejected(place + "not KEY or NAME:KEY with a key of 32 bytes in base64 or hexadecimal");
    const auto same_id = [&](const cipher_key& other) { return other.id() == key->id(); };
    if (std::any_of(keys.begin(), keys.end(), same_id)) return rejected(place + "a key of this id stands above");
    if (keys.size() == cipher_keys_max) {
      return rejected(place + "more than " + std::to_string(cipher_keys_max) + " keys");
    }
    keys.push_back(*key);
  }
  if (keys.empty()) return rejected(source + " holds no key");
  return keys;
}

// Not by a stream, whose buffer would keep the keys.
result<cipher_keys> keys_of_file(const std::string& path) {
  const std::string source = shown("file:", path);
  std::array<char, file_bytes_max + 1> buffer;
  const wiping wipe(buffer.data(), buffer.size());
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return rejected(source + " cannot be opened: " + std::strerror(errno));
  std::size_t size = 0;
  ssize_t got = 0;
  do {
    got = ::read(file, buffer.data() + size, buffer.size() - size);
    if (got > 0) size += static_cast<std::size_t>(got);
  } while (got > 0 || (got < 0 && errno == EINTR));
  const int error = errno;
  ::close(file);
  if (got < 0) return rejected(source + " cannot be read: " + std::strerror(error));
  if (size == buffer.size()) return rejected(source + " is too large to be a file of keys");
  return keys_of({buffer.data(), size}, source);
}

}  // namespace

cipher_key::cipher_key(const bytes_type& bytes) : id_(id_of(bytes.data(), bytes.size())), bytes_(bytes) {}

cipher_key::cipher_key(const bytes_type& bytes, std::string_view name)
    : id_(id_of(name.data(), name.size())), bytes_(bytes) {}

cipher_key::~cipher_key() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

result<cipher_keys> read_keys(std::string_view spec) {
  constexpr std::string_view file = "file:";
  constexpr std::string_view env = "env:";
  if (spec.starts_with(file)) return keys_of_file(std::string(spec.substr(file.size())));
  if (!spec.starts_with(env)) return rejected("keys are given as file:PATH or env:NAME");
  const std::string name(spec.substr(env.size()));
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return rejected(shown("env:", name) + " is not set");
  return keys_of(value, shown("env:", name));
}

}  // namespace holdfast::persistence
