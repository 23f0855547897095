#include "persistence/cipher_keys.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>

using namespace holdfast::persistence;

namespace {

// The bytes 0 to 31, and 32 times 0xFF.
const std::string rising_base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const std::string rising_hex = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
const std::string full_base64 = "//////////////////////////////////////////8=";

class key_file {
 public:
  explicit key_file(const std::string& text)
      : path_(std::filesystem::temp_directory_path() / ("holdfast_keys_" + std::to_string(::getpid()))) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  key_file(const key_file&) = delete;
  key_file& operator=(const key_file&) = delete;
  ~key_file() { std::filesystem::remove(path_); }

  std::string spec() const { return "file:" + path_.string(); }

 private:
  std::filesystem::path path_;
};

result<cipher_keys> keys_in(const std::string& text) { return read_keys(key_file(text).spec()); }

std::string refusal_of(const result<cipher_keys>& r) {
  REQUIRE(r.has_error());
  CHECK(r.error().code == store_errc::rejected);
  return r.error().detail;
}

bool says(const std::string& detail, std::string_view part) { return detail.find(part) != detail.npos; }

}  // namespace

TEST_CASE("keys are read from a file, in base64 and in hexadecimal") {
  const auto keys = keys_in("# of this year\r\n\n  " + rising_base64 + " \r\nlast-year: " + full_base64);
  REQUIRE(keys.has_value());
  REQUIRE(keys->size() == 2);
  for (std::size_t i = 0; i < 32; ++i) {
    CHECK((*keys)[0].bytes()[i] == i);
    CHECK((*keys)[1].bytes()[i] == 0xFF);
  }
  CHECK(keys_in(rising_hex).value()[0].bytes() == (*keys)[0].bytes());
  CHECK(keys_in(rising_base64.substr(0, 43)).value()[0].bytes() == (*keys)[0].bytes());
}

TEST_CASE("a key's id follows from its name if it has one, from its bytes if not") {
  using id = cipher_key::id_type;
  CHECK(keys_in(rising_hex).value()[0].id() == id{0x63, 0x0d, 0xcd, 0x29});
  CHECK(keys_in("abc:" + rising_hex).value()[0].id() == id{0xba, 0x78, 0x16, 0xbf});
  CHECK(keys_in("abc:" + full_base64).value()[0].id() == id{0xba, 0x78, 0x16, 0xbf});
}

TEST_CASE("keys are read from the environment") {
  ::setenv("HOLDFAST_TEST_KEYS", (rising_hex + "\n" + full_base64).c_str(), 1);
  CHECK(read_keys("env:HOLDFAST_TEST_KEYS").value().size() == 2);
  ::unsetenv("HOLDFAST_TEST_KEYS");
  CHECK(refusal_of(read_keys("env:HOLDFAST_TEST_KEYS")) == "env:HOLDFAST_TEST_KEYS is not set");
}

TEST_CASE("what is no key is refused by its line, and not shown") {
  for (const std::string& bad : {rising_hex + "00", rising_hex.substr(1), rising_base64.substr(1), rising_base64 + "=",
                                 std::string("secret"), std::string(":") + rising_hex, "a:b:" + rising_hex,
                                 "g" + rising_hex.substr(1), std::string(42, 'A') + "B=", std::string("abc:")}) {
    const std::string detail = refusal_of(keys_in(full_base64 + "\n" + bad));
    CAPTURE(detail);
    CHECK(says(detail, ", line 2: not KEY or NAME:KEY"));
    CHECK(!says(detail, bad));
    CHECK(!says(detail, full_base64));
  }
}

TEST_CASE("two keys of one id are refused") {
  CHECK(says(refusal_of(keys_in(rising_hex + "\n\n" + rising_base64)), ", line 3: a key of this id stands above"));
  CHECK(says(refusal_of(keys_in("a:" + rising_hex + "\na:" + full_base64)), "line 2"));
  CHECK(keys_in("a:" + rising_hex + "\nb:" + rising_hex).has_value());
}

TEST_CASE("more keys than anybody needs are refused") {
  std::string text;
  for (std::size_t i = 0; i < cipher_keys_max; ++i) text += std::to_string(i) + ":" + rising_hex + "\n";
  CHECK(keys_in(text).value().size() == cipher_keys_max);
  CHECK(says(refusal_of(keys_in(text + full_base64)), "line 17: more than 16 keys"));
  CHECK(says(refusal_of(keys_in(std::string(20'000, '#'))), "too large to be a file of keys"));
}

TEST_CASE("a source without keys is refused") {
  CHECK(says(refusal_of(keys_in("# none\n")), "holds no key"));
  CHECK(says(refusal_of(read_keys("file:/no/such/file")), "/no/such/file cannot be opened: No such file"));
  CHECK(says(refusal_of(read_keys("file:/")), "cannot be read: Is a directory"));
}

TEST_CASE("a key given in place of its source is not shown") {
  for (const std::string& key : {rising_base64, rising_hex, full_base64}) {
    for (const char* kind : {"", "env:", "file:"}) CHECK(!says(refusal_of(read_keys(kind + key)), key));
  }
}

TEST_CASE("a key is wiped when it goes") {
  alignas(cipher_key) unsigned char memory[sizeof(cipher_key)];
  const cipher_key::bytes_type bytes{0xA5, 0x5A, 0xA5, 0x5A};
  const auto holds_key = [&] {
    const std::string_view all(reinterpret_cast<const char*>(memory), sizeof memory);
    return all.find("\xA5\x5A\xA5\x5A") != all.npos;
  };
  auto* key = new (memory) cipher_key(bytes);
  CHECK(holds_key());
  key->~cipher_key();
  CHECK(!holds_key());
}
