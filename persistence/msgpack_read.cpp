#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

#include "persistence/json_tokens.hpp"
#include "persistence/msgpack.hpp"
#include "persistence/msgpack_format_impl.hpp"

namespace holdfast::persistence {
namespace {

/// What the first bytes of a value say.
struct head {
  enum class what : std::uint8_t { object, array, string, extension, natural, integer, null, no, yes, bad };

  enum what what = what::bad;
  std::uint64_t value = 0;  // of a number; else the count or size; an integer's is sign-extended
};

/// Takes heads and bytes off the front; `bad` and nothing when there are too few.
class source {
 public:
  explicit source(std::string_view bytes) noexcept : rest_(bytes) {}

  std::size_t left() const noexcept { return rest_.size(); }

  head next_head() noexcept {
    using what = enum head::what;
    const auto lead = static_cast<std::uint8_t>(big_endian(1).value_or(msgpack::never));
    if (lead < msgpack::fix_map) return {what::natural, lead};
    if (lead < msgpack::fix_array) return {what::object, lead & 0x0Fu};
    if (lead < msgpack::fix_string) return {what::array, lead & 0x0Fu};
    if (lead < msgpack::nil) return {what::string, lead & 0x1Fu};
    if (lead >= msgpack::negative) return {what::integer, extended(lead, 1)};
    switch (lead) {
      case msgpack::nil: return {what::null};
      case msgpack::no: return {what::no};
      case msgpack::yes: return {what::yes};
      case msgpack::ext8: return with(what::extension, 1);
      case msgpack::ext16: return with(what::extension, 2);
      case msgpack::ext32: return with(what::extension, 4);
      case msgpack::uint8: return with(what::natural, 1);
      case msgpack::uint16: return with(what::natural, 2);
      case msgpack::uint32: return with(what::natural, 4);
      case msgpack::uint64: return with(what::natural, 8);
      case msgpack::int8: return with(what::integer, 1);
      case msgpack::int16: return with(what::integer, 2);
      case msgpack::int32: return with(what::integer, 4);
      case msgpack::int64: return with(what::integer, 8);
      case msgpack::fix_ext1: return {what::extension, 1};
      case msgpack::fix_ext2: return {what::extension, 2};
      case msgpack::fix_ext4: return {what::extension, 4};
      case msgpack::fix_ext8: return {what::extension, 8};
      case msgpack::fix_ext16: return {what::extension, 16};
      case msgpack::string8: return with(what::string, 1);
      case msgpack::string16: return with(what::string, 2);
      case msgpack::string32: return with(what::string, 4);
      case msgpack::array16: return with(what::array, 2);
      case msgpack::array32: return with(what::array, 4);
      case msgpack::map16: return with(what::object, 2);
      case msgpack::map32: return with(what::object, 4);
      default: return {};
    }
  }

  std::optional<std::uint64_t> big_endian(std::size_t width) noexcept {
    const auto bytes = take(width);
    if (!bytes) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : *bytes) value = value << 8 | static_cast<std::uint8_t>(c);
    return value;
  }

  std::optional<std::string_view> take(std::uint64_t size) noexcept {
    if (size > rest_.size()) return std::nullopt;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

 private:
  static std::uint64_t extended(std::uint64_t value, std::size_t width) noexcept {
    const std::size_t unused = 64 - width * 8;
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value << unused) >> unused);
  }

  head with(enum head::what what, std::size_t width) noexcept {
    const auto value = big_endian(width);
    if (!value) return {};
    return {what, what == head::what::integer ? extended(*value, width) : *value};
  }

  std::string_view rest_;
};

class reader {
 public:
  reader(std::string_view bytes, std::size_t text_max) : in_(bytes), text_max_(text_max) {
    out_.reserve(std::min(bytes.size() + bytes.size() / 2, text_max));
  }

  result<std::string> read() {
    do {
      separate();
      const bool good = item(in_.next_head());
      close_full();
      if (out_.size() > text_max_) return store_failure{store_errc::corrupt, "the text is longer than allowed"};
      if (!good) return malformed();
    } while (!open_.empty());
    if (in_.left() != 0) return malformed();
    return std::move(out_);
  }

 private:
  struct container {
    bool object;
    std::uint64_t left;  // items; a member of an object is two
    bool fresh = true;

    bool at_key() const noexcept { return object && left % 2 == 0; }
  };

  static store_failure malformed() { return {store_errc::corrupt, "not the MessagePack of a JSON text"}; }

  void separate() {
    if (open_.empty()) return;
    container& in = open_.back();
    if (in.object && !in.at_key()) {
      out_ += ':';
    } else if (!in.fresh) {
      out_ += ',';
    }
    in.fresh = false;
  }

  void close_full() {
    while (!open_.empty() && open_.back().left == 0) {
      out_ += open_.back().object ? '}' : ']';
      open_.pop_back();
    }
  }

  bool item(const head& h) {
    using what = enum head::what;
    const bool container = h.what == what::object || h.what == what::array;
    if (open_.empty() && !container) return false;
    const bool as_key = !open_.empty() && open_.back().at_key();
    if (as_key && h.what != what::string && h.what != what::extension) return false;
    if (!open_.empty()) --open_.back().left;
    switch (h.what) {
      case what::object: return open(true, h.value);
      case what::array: return open(false, h.value);
      case what::string: return string(in_.take(h.value));
      case what::extension: return extension(h.value, as_key);
      case what::natural: return number(h.value);
      case what::integer: return number(static_cast<std::int64_t>(h.value));
      case what::null: return word("null");
      case what::no: return word("false");
      case what::yes: return word("true");
      case what::bad: break;
    }
    return false;
  }

  bool open(bool object, std::uint64_t count) {
    if (open_.size() == json_tokens::depth_max) return false;
    out_ += object ? '{' : '[';
    open_.push_back({object, object ? count * 2 : count});
    return true;
  }

  bool word(std::string_view text) {
    out_.append(text);
    return true;
  }

  template <class Integer>
  bool number(Integer value) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return word({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }

  bool string(std::optional<std::string_view> bytes) {
    if (!bytes) return false;
    std::string_view rest = *bytes;
    out_ += '"';
    while (!rest.empty()) {
      std::size_t size = plain_length(rest);
      if (size == 0) size = multibyte_length(rest);
      if (size != 0) {
        out_.append(rest.substr(0, size));
      } else if (static_cast<std::uint8_t>(rest[0]) >= 0x80) {
        return false;
      } else {
        escape(static_cast<std::uint8_t>(rest[0]));
        size = 1;
      }
      rest.remove_prefix(size);
    }
    out_ += '"';
    return true;
  }

  void escape(std::uint8_t c) {
    constexpr std::string_view hex = "0123456789abcdef";
    out_ += '\\';
    if (c == '"' || c == '\\') {
      out_ += static_cast<char>(c);
    } else if (const char letter = msgpack::escape_letter(c); letter != 0) {
      out_ += letter;
    } else {
      out_.append("u00");
      out_ += hex[c >> 4];
      out_ += hex[c & 15];
    }
  }

  bool extension(std::uint64_t size, bool as_key) {
    const auto type = in_.big_endian(1);
    const auto text = in_.take(size);
    if (!type || !text) return false;
    if (*type == msgpack::number_text && !as_key) {
      return !text->empty() && number_length(*text) == text->size() && word(*text);
    }
    bool escaped = false;
    if (*type != msgpack::string_text || string_length(*text, escaped) != text->size()) return false;
    out_ += '"';
    out_.append(*text);
    out_ += '"';
    return true;
  }

  source in_;
  std::size_t text_max_;
  std::string out_;
  std::vector<container> open_;
};

}  // namespace

result<std::string> json_of(std::string_view msgpack, std::size_t text_max) { return reader(msgpack, text_max).read(); }

}  // namespace holdfast::persistence
