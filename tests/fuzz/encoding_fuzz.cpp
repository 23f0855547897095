// Whatever lies in a store, it is refused with a reason, or it is JSON that survives being stored in every form.

#include "persistence/encoding.hpp"

#include <algorithm>
#include <array>

#include "persistence/json_tokens.hpp"
#include "persistence/msgpack.hpp"
#include "persistence/zstd_frame.hpp"
#include "tests/fuzz/other_parser.hpp"
#include "tests/fuzz/property.hpp"

using namespace holdfast::persistence;
using namespace holdfast::fuzz;

namespace {

constexpr std::size_t text_max = std::size_t{1} << 20;
constexpr std::size_t depth_max = 1000;
constexpr std::string_view place = "session:abc:snapshot";

encoding form(unsigned flags) {
  encoding_options o;
  if ((flags & 1) != 0) o.format = text_format::msgpack;
  o.compress_above = (flags & 2) != 0 ? 16 : 0;
  if ((flags & 4) != 0) o.keys.emplace().emplace_back(cipher_key::bytes_type{});
  o.text_max = text_max;
  return encoding(o);
}

const std::array<encoding, 8>& forms() {
  static const std::array<encoding, 8> all = {form(0), form(1), form(2), form(3), form(4), form(5), form(6), form(7)};
  return all;
}

// The other parser ends at a NUL, takes scalars too and goes as deep as it likes.
void check_against_other_parser(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (text.find('\0') != text.npos || first == text.npos || (text[first] != '{' && text[first] != '[')) {
    property(!is_json(text), "a text is an object or an array without a NUL");
    return;
  }
  const auto opened = std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; });
  if (static_cast<std::size_t>(opened) > depth_max) return;
  switch (other_opinion(text)) {
    case opinion::json: property(is_json(text), "what another parser takes for JSON is JSON for us"); break;
    case opinion::no_json: property(!is_json(text), "what is JSON for us is JSON for another parser"); break;
    case opinion::beyond_limits: break;
  }
}

void check_forms(const std::string& text) {
  property(is_json(text), "what is read is JSON");
  // White space is dropped at the first time, and there is none left at the second.
  const auto packed = msgpack_of(text);
  property(packed.has_value(), "what is read has a MessagePack");
  const auto compact = json_of(*packed, 2 * text_max);
  property(compact.has_value() && compact->size() <= text.size(), "MessagePack that was written is read");
  property(msgpack_of(*compact) == *packed, "compact JSON and MessagePack are the same thing twice");
  const encoding& reader = forms().back();
  for (const encoding& writer : forms()) {
    const auto back = reader.decode(writer.encode(*compact, place), place);
    property(back.has_value() && *back == *compact, "every form gives the text back");
  }
}

void check(const result<std::string>& text) {
  if (text) {
    property(text->size() <= text_max, "what is read is no longer than allowed");
    check_forms(*text);
  } else {
    property(text.error().code == store_errc::corrupt && !text.error().detail.empty(), "a refusal has a reason");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = text_of(data, size);
  check_against_other_parser(input);
  check(forms().back().decode(input, place));
  // Past the check sums, which are too hard to guess.
  check(json_of(input, text_max));
  if (const auto frame = decompressed(input, text_max)) {
    property(frame->size() <= text_max, "what is inflated is no longer than allowed");
  }
  return 0;
}
