#include "transport/mcp/trace_context.hpp"

#include <algorithm>
#include <random>

namespace holdfast::mcp {
namespace {

constexpr std::size_t size_00 = 55;  // 2 + 1 + 32 + 1 + 16 + 1 + 2
constexpr std::string_view digits = "0123456789abcdef";

/// Lower case only, as the recommendation demands.
int digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

template <std::size_t N>
bool read(std::string_view text, std::array<std::uint8_t, N>& to) noexcept {
  for (std::size_t i = 0; i < N; ++i) {
    const auto high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    to[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

template <std::size_t N>
void append(std::string& to, const std::array<std::uint8_t, N>& bytes) {
  for (const auto b : bytes) {
    to += digits[b >> 4u];
    to += digits[b & 15u];
  }
}

std::mt19937_64& random() {
  static thread_local std::mt19937_64 engine = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return engine;
}

template <std::size_t N>
void fill(std::array<std::uint8_t, N>& bytes) {
  do {
    for (std::size_t i = 0; i < N; i += 8) {
      auto word = random()();
      for (std::size_t j = i; j < i + 8; ++j, word >>= 8u) bytes[j] = static_cast<std::uint8_t>(word);
    }
  } while (bytes == std::array<std::uint8_t, N>{});
}

}  // namespace

std::optional<trace_context> parse_traceparent(std::string_view text) noexcept {
  if (text.size() < size_00 || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  std::array<std::uint8_t, 1> version{}, flags{};
  trace_context c;
  if (!read(text.substr(0, 2), version) || version[0] == 0xff) return std::nullopt;
  if (text.size() > size_00 && (version[0] == 0 || text[size_00] != '-')) return std::nullopt;
  if (!read(text.substr(3, 32), c.trace) || !read(text.substr(36, 16), c.span) || !read(text.substr(53, 2), flags))
    return std::nullopt;
  if (!c.present() || c.span == decltype(c.span){}) return std::nullopt;
  c.flags = flags[0];
  return c;
}

std::string trace_id_text(const trace_context& c) {
  std::string text;
  append(text, c.trace);
  return text;
}

std::string span_id_text(const trace_context& c) {
  std::string text;
  append(text, c.span);
  return text;
}

std::string to_traceparent(const trace_context& c) {
  std::string text;
  text.reserve(size_00);
  text += "00-";
  append(text, c.trace);
  text += '-';
  append(text, c.span);
  return text += c.sampled() ? "-01" : "-00";
}

raw_json traceparent_in(raw_json meta) {
  // Hardly any request has one, and this is asked of each.
  if (meta.find("\"traceparent\"") == raw_json::npos) return {};
  return member(meta, "traceparent");
}

trace_context context_of(raw_json meta, std::string_view header) {
  const auto raw = traceparent_in(meta);
  const auto inner = raw.data() != nullptr ? parse_traceparent(plain_string(raw).value_or("")) : std::nullopt;
  const auto outer = header.data() != nullptr ? parse_traceparent(header) : std::nullopt;
  if (inner && (!outer || outer->trace != inner->trace)) return *inner;
  return outer.value_or(trace_context{});
}

trace_context child_of(const trace_context& parent, bool sampled) {
  auto c = parent;
  if (!c.present()) fill(c.trace);
  fill(c.span);
  c.flags = sampled ? 1 : 0;
  return c;
}

double sampling_dice() { return std::uniform_real_distribution<>(0, 1)(random()); }

}  // namespace holdfast::mcp
