#include "actors/secret_shapes.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace holdfast::actors {
namespace {

constexpr std::string_view hidden = "***";
constexpr std::string_view key_begin = "-----BEGIN ", key_end = "-----END ", key_kind = "PRIVATE KEY";
constexpr std::size_t dashes = 5, label_max = 40;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_letter(char c) { return is_upper(c) || (c >= 'a' && c <= 'z'); }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; }
bool is_key(char c) { return is_upper(c) || is_digit(c); }
bool is_jwt(char c) { return is_word(c) || c == '.'; }
/// A backslash as JSON may have it before a slash.
bool is_credential(char c) { return is_jwt(c) || c == '~' || c == '+' || c == '/' || c == '=' || c == '\\'; }

struct shape {
  std::string_view begin;     ///< what it is known by
  bool (*part)(char);         ///< what it goes on with
  std::size_t least;          ///< so many of them
  bool follows_word = false;  ///< the beginning is no part of the secret, and may be a word of a sentence
};
constexpr std::array<shape, 16> shapes{{
    {"Bearer ", is_credential, 8, true},
    {"bearer ", is_credential, 8, true},
    {"Basic ", is_credential, 12, true},
    {"sk-", is_word, 16},
    {"sk_live_", is_word, 16},
    {"ghp_", is_word, 20},
    {"gho_", is_word, 20},
    {"ghu_", is_word, 20},
    {"ghs_", is_word, 20},
    {"ghr_", is_word, 20},
    {"github_pat_", is_word, 20},
    {"glpat-", is_word, 16},
    {"xoxb-", is_word, 10},
    {"xoxp-", is_word, 10},
    {"AKIA", is_key, 16},
    {"ASIA", is_key, 16},
}};

std::size_t run_of(std::string_view text, bool (*part)(char)) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), part) - text.begin());
}

/// No word of a sentence has any.
bool has_digits(std::string_view text) { return text.find_first_of("0123456789=") != text.npos; }

/// A part of a text: how much of it is shown, and how much is left out then; none left out if it is no secret. Either
/// way nothing else begins in it.
struct piece {
  std::size_t shown = 0, left_out = 0;
};

piece jwt_at(std::string_view text) {
  const auto size = run_of(text, is_jwt);
  const auto token = text.substr(0, size);
  const auto first = token.find('.');
  const auto second = first == token.npos ? token.npos : token.find('.', first + 1);
  return second == token.npos || first < 10 ? piece{size, 0} : piece{0, size};
}

/// The size of a private key in PEM that the text begins with; 0 if it is none. One without an end goes on to the end
/// of the text, or of the string that it stands in.
std::size_t key_at(std::string_view text) {
  const auto label = text.substr(key_begin.size(), label_max);
  if (label.find(key_kind) == label.npos) return 0;
  const auto within = text.substr(0, text.find('"'));
  const auto end = within.find(key_end);
  const auto over = end == within.npos ? within.npos : within.find("-----", end + key_end.size());
  return over == within.npos ? within.size() : over + dashes;
}

/// What begins here, if that is anything; the text is not empty.
std::optional<piece> piece_at(std::string_view text) {
  if (text.starts_with(key_begin)) {
    const auto size = key_at(text);
    return size == 0 ? piece{key_begin.size(), 0} : piece{0, size};
  }
  if (text.starts_with("eyJ")) return jwt_at(text);
  for (const auto& s : shapes) {
    if (!text.starts_with(s.begin)) continue;
    const auto size = run_of(text.substr(s.begin.size()), s.part);
    if (size < s.least || (s.follows_word && !has_digits(text.substr(s.begin.size(), size))))
      return piece{s.begin.size() + size, 0};
    return s.follows_word ? piece{s.begin.size(), size} : piece{0, s.begin.size() + size};
  }
  return std::nullopt;
}

/// Whether a word may begin here: also behind the letter of an escape of JSON.
bool begins_word(std::string_view text, std::size_t at) {
  return at == 0 || !is_word(text[at - 1]) || (at > 1 && text[at - 2] == '\\');
}

}  // namespace

std::string without_secret_shapes(std::string_view text) {
  std::string out;
  std::size_t told = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto found =
        begins_word(text, at) || text.substr(at).starts_with(key_begin) ? piece_at(text.substr(at)) : std::nullopt;
    if (!found) {
      ++at;
      continue;
    }
    at += found->shown;
    if (found->left_out == 0) continue;
    out.append(text.substr(told, at - told)).append(hidden);
    told = at += found->left_out;
  }
  return out.append(text.substr(told));
}

std::string secret_lines::shown(std::string_view line) {
  if (within_key_) {
    within_key_ = line.find(key_end) == line.npos;
    return std::string(hidden);
  }
  const auto begin = line.rfind(key_begin);
  within_key_ = begin != line.npos && key_at(line.substr(begin)) != 0 && line.find(key_end, begin) == line.npos;
  return without_secret_shapes(line);
}

}  // namespace holdfast::actors
