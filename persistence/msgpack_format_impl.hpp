#pragma once

#include <cstdint>

/// The leading bytes of MessagePack values, and the numbers of our extensions.
namespace holdfast::persistence::msgpack {

inline constexpr std::uint8_t fix_map = 0x80, fix_array = 0x90, fix_string = 0xA0, negative = 0xE0;
inline constexpr std::uint8_t nil = 0xC0, never = 0xC1, no = 0xC2, yes = 0xC3;
inline constexpr std::uint8_t ext8 = 0xC7, ext16 = 0xC8, ext32 = 0xC9;
inline constexpr std::uint8_t uint8 = 0xCC, uint16 = 0xCD, uint32 = 0xCE, uint64 = 0xCF;
inline constexpr std::uint8_t int8 = 0xD0, int16 = 0xD1, int32 = 0xD2, int64 = 0xD3;
inline constexpr std::uint8_t fix_ext1 = 0xD4, fix_ext2 = 0xD5, fix_ext4 = 0xD6, fix_ext8 = 0xD7, fix_ext16 = 0xD8;
inline constexpr std::uint8_t string8 = 0xD9, string16 = 0xDA, string32 = 0xDB;
inline constexpr std::uint8_t array16 = 0xDC, array32 = 0xDD, map16 = 0xDE, map32 = 0xDF;

inline constexpr std::uint8_t number_text = 1, string_text = 2;

/// The letter after the backslash for a control character that has one; 0 for the others.
constexpr char escape_letter(std::uint8_t control) noexcept {
  switch (control) {
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
  }
}

}  // namespace holdfast::persistence::msgpack
