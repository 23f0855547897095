#include "transport/mcp/users.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace holdfast::mcp;

namespace {

// printf %s abc | sha256sum
constexpr std::string_view abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

}  // namespace

TEST_CASE("A digest of a token is what sha256sum prints") {
  CHECK(read_digest(abc) == digest_of("abc"));
  std::string upper(abc);
  for (auto& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  CHECK(read_digest(upper) == digest_of("abc"));
  for (const std::string& wrong : {std::string(), std::string(abc.substr(1)), std::string(abc) + "0",
                                   "g" + std::string(abc.substr(1)), std::string(64, ' ')}) {
    CAPTURE(wrong);
    CHECK_FALSE(read_digest(wrong));
  }
}

TEST_CASE("Names of users are short and of few characters") {
  for (const char* name : {"a", "ann", "Ann.B_c-d@example.com", "0"}) CHECK(is_user_name(name));
  CHECK(is_user_name(std::string(64, 'x')));
  for (const char* name : {"", "*", "ann b", "ann/b", "ann\r\n", "änn", "a:b"}) {
    CAPTURE(name);
    CHECK_FALSE(is_user_name(name));
  }
  CHECK_FALSE(is_user_name(std::string(65, 'x')));
}

TEST_CASE("A bearer token is taken from the header, whatever the case of the scheme") {
  CHECK(bearer_token("Bearer abc") == "abc");
  CHECK(bearer_token("bEARER  abc") == "abc");
  for (const char* other : {"", "Bearer", "Bearer ", "Bearer   ", "Basic YTpi", "Bearerabc", "abc"}) {
    CAPTURE(other);
    CHECK(bearer_token(other).empty());
  }
  CHECK(bearer_token({}).empty());
}

TEST_CASE("A user is found by the token, and by nothing else") {
  std::vector<user> all;
  for (int i = 0; i < 1000; ++i)
    all.push_back({"user" + std::to_string(i), digest_of("token number " + std::to_string(i))});
  const user_table table(all);
  CHECK_FALSE(table.empty());
  for (int i = 0; i < 1000; ++i) {
    const auto* const found = table.find("token number " + std::to_string(i));
    REQUIRE(found != nullptr);
    CHECK(found->name == "user" + std::to_string(i));
  }
  for (const char* other : {"", "token number 1000", "token number", "user1", "TOKEN NUMBER 1"})
    CHECK(table.find(other) == nullptr);
  const auto& digest = all.front().token;
  CHECK(table.find({reinterpret_cast<const char*>(digest.data()), digest.size()}) == nullptr);
}

TEST_CASE("Nobody is found where there are no users") {
  const user_table none({});
  CHECK(none.empty());
  CHECK(none.find("abc") == nullptr);
}
