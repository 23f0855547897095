#include "persistence/encoding.hpp"

#include <boost/crc.hpp>
#include <utility>

#include "persistence/json_tokens.hpp"
#include "persistence/msgpack.hpp"
#include "persistence/zstd_frame.hpp"

// A plain text stands for itself. Everything else, in version 1:
//
//   magic  version  flags  body
//   C1     01       xx     MessagePack: the MessagePack, then its CRC-32, low byte first
//                          compressed: a zstd frame (with check sum) of the JSON text or of the MessagePack
//                          encrypted:  id of the key (4), nonce (12), AES-256-GCM of one of the above or of the JSON
//                                      text, tag (16); the CRC-32 is left out
//
// tests/persistence/golden/ holds one of each. It must be readable for ever: a change needs a new version.
namespace holdfast::persistence {
namespace {

// Neither JSON, nor UTF-8, nor MessagePack begins with it.
constexpr std::uint8_t magic = 0xC1;
constexpr std::uint8_t version = 1;
constexpr std::uint8_t is_msgpack = 1, is_compressed = 2, is_encrypted = 4, flags_known = 7;
constexpr std::size_t header_bytes = 3;
constexpr std::size_t check_bytes = 4;

store_failure corrupt(std::string detail) { return {store_errc::corrupt, std::move(detail)}; }

std::string check_of(std::string_view bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  std::string check;
  for (unsigned shift = 0; shift < 8 * check_bytes; shift += 8) check += static_cast<char>(crc.checksum() >> shift);
  return check;
}

bool take_check(std::string_view& body) {
  if (body.size() < check_bytes) return false;
  const std::string_view check = body.substr(body.size() - check_bytes);
  body.remove_suffix(check_bytes);
  return check == check_of(body);
}

bool begins_like_json(std::string_view bytes) noexcept {
  return !bytes.empty() && (bytes.front() == '{' || bytes.front() == '[');
}

}  // namespace

encoding::encoding(encoding_options o)
    : format_(o.format), compress_above_(o.compress_above), zstd_level_(o.zstd_level), text_max_(o.text_max) {
  if (o.keys) {
    cipher_.emplace(*std::move(o.keys), o.nonces ? std::move(o.nonces) : at_rest_cipher::random_nonce);
  }
  plain_ = format_ == text_format::json && !cipher_;
}

std::string encoding::encode(std::string_view json, std::string_view bound_to) const {
  if (is_stored_plain(json)) return std::string(json);
  std::string bytes;
  pack(bytes, json, bound_to);
  return bytes;
}

void encoding::encode_to(std::string& out, std::string_view json, std::string_view bound_to) const {
  if (is_stored_plain(json)) {
    out.append(json);
  } else {
    pack(out, json, bound_to);
  }
}

std::string encoding::encode_owned(std::string json, std::string_view bound_to) const {
  return is_stored_plain(json) ? std::move(json) : encode(json, bound_to);
}

void encoding::pack(std::string& out, std::string_view json, std::string_view bound_to) const {
  std::uint8_t flags = 0;
  std::string_view body = json;
  const auto packed = format_ == text_format::msgpack ? msgpack_of(json) : std::nullopt;
  if (packed) {
    body = *packed;
    flags |= is_msgpack;
  }
  std::optional<std::string> frame;
  if (compress_above_ != 0 && body.size() > compress_above_) frame = compressed(body, zstd_level_);
  if (frame && frame->size() < body.size()) {
    body = *frame;
    flags |= is_compressed;
  }
  if (cipher_) flags |= is_encrypted;
  if (flags == 0) {
    out.append(json);
    return;
  }
  const std::size_t header = out.size();
  out.reserve(header + header_bytes + body.size() + at_rest_cipher::overhead);
  for (const std::uint8_t byte : {magic, version, flags}) out += static_cast<char>(byte);
  if (cipher_) return cipher_->seal(out, header, body, bound_to);
  out.append(body);
  if (flags == is_msgpack) out.append(check_of(body));
}

result<std::string> encoding::decode(std::string_view bytes, std::string_view bound_to) const {
  if (!begins_like_json(bytes)) return unpack(bytes, bound_to);
  if (auto why = refuse(bytes)) return *std::move(why);
  return std::string(bytes);
}

result<std::string> encoding::decode_owned(std::string bytes, std::string_view bound_to) const {
  if (!begins_like_json(bytes)) return unpack(bytes, bound_to);
  if (auto why = refuse(bytes)) return *std::move(why);
  return bytes;
}

std::optional<store_failure> encoding::refuse(std::string_view json) const {
  if (json.size() > text_max_) return corrupt("the text is longer than allowed");
  if (!is_json(json)) return corrupt("damaged JSON");
  return std::nullopt;
}

result<std::string> encoding::unpack(std::string_view bytes, std::string_view bound_to) const {
  if (bytes.empty()) return corrupt("nothing is there");
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  if (byte(0) != magic) return corrupt("neither JSON nor anything that was written here");
  if (bytes.size() < header_bytes) return corrupt("cut short");
  const std::uint8_t flags = byte(2);
  if (byte(1) != version || flags == 0 || (flags & ~flags_known) != 0) {
    return corrupt("of a format that this version does not know");
  }
  std::string_view body = bytes.substr(header_bytes);
  std::string opened, inflated;
  if ((flags & is_encrypted) != 0) {
    if (!cipher_) return corrupt("encrypted, and no key is given");
    auto text = cipher_->open(bytes.substr(0, header_bytes), body, bound_to);
    if (!text) return text;
    body = opened = *std::move(text);
  }
  if ((flags & is_compressed) != 0) {
    // MessagePack is the longer one for short fractions: 1.5 and its comma take six bytes for four.
    const bool msgpack = (flags & is_msgpack) != 0;
    auto text = decompressed(body, msgpack ? text_max_ + text_max_ / 2 + header_bytes : text_max_);
    if (!text) return text;
    body = inflated = *std::move(text);
  }
  if (flags == is_msgpack && !take_check(body)) return corrupt("damaged MessagePack");
  if ((flags & is_msgpack) != 0) return json_of(body, text_max_);
  if (auto why = refuse(body)) return *std::move(why);
  return inflated.empty() ? std::move(opened) : std::move(inflated);
}

}  // namespace holdfast::persistence
