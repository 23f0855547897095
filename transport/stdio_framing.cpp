#include "transport/stdio_framing.hpp"

#include <algorithm>

namespace holdfast::transport {
namespace {

constexpr std::size_t kept_capacity_max = 64u << 10;

std::string_view without_cr(std::string_view line) noexcept {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

/// The length of the well-formed UTF-8 sequence (Unicode 15, table 3-7) at the front of `text`; 0 if there is none.
std::size_t sequence_length(std::string_view text) noexcept {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto continues = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (!continues(1) || !continues(2)) return 0;
    if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f)) return 0;
    return 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if ((lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f)) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

bool line_splitter::feed(std::string_view bytes, const std::function<void(std::string_view line)>& on_line) {
  for (;;) {
    auto end = bytes.find('\n');
    auto piece = bytes.substr(0, end);
    if (held_.size() + piece.size() > line_bytes_max_) return false;
    if (end == std::string_view::npos) {
      held_.append(piece);
      return true;
    }
    bytes.remove_prefix(end + 1);
    if (held_.empty()) {
      on_line(without_cr(piece));
      continue;
    }
    held_.append(piece);
    on_line(without_cr(held_));
    held_.clear();
    if (held_.capacity() > kept_capacity_max) held_.shrink_to_fit();
  }
}

std::string frame_line(std::string message) {
  std::replace_if(
      message.begin(), message.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  message += '\n';
  return message;
}

std::string printable_line(std::string_view line, std::size_t bytes_max) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";
  std::string out;
  out.reserve(std::min(line.size(), bytes_max));
  while (!line.empty()) {
    auto length = sequence_length(line);
    auto piece = length == 0 ? replacement : line.substr(0, length);
    if (out.size() + piece.size() > bytes_max) break;
    out.append(piece);
    line.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace holdfast::transport
