#include "transport/mcp/sealed.hpp"

#include <doctest/doctest.h>

#include <set>

#include "transport/errc.hpp"

using holdfast::mcp::random_id;
using holdfast::mcp::sealer;
using holdfast::transport::errc;

namespace {
constexpr std::string_view url_safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
}

TEST_CASE("What was sealed opens again for the same key and purpose") {
  const sealer s(sealer::random_key());
  for (std::size_t size : {0, 1, 2, 3, 16, 100, 10'000}) {
    const std::string plain(size, '\xA7');
    const std::string token = s.seal(plain, "cursor");
    CHECK(token.find_first_not_of(url_safe) == std::string::npos);
    CHECK(s.open(token, "cursor").value() == plain);
  }
  CHECK(s.open(s.seal({}, {}), "").value().empty());
  CHECK(s.open(s.seal("x", {}), {}).value() == "x");
}

TEST_CASE("A token shows nothing of its content and differs each time") {
  const sealer s(sealer::random_key());
  CHECK(s.seal("secret", "cursor") != s.seal("secret", "cursor"));
}

TEST_CASE("A token of another purpose or key does not open") {
  const sealer s(sealer::random_key());
  const sealer other(sealer::random_key());
  const std::string token = s.seal("x", "cursor");
  CHECK(s.open(token, "state").error() == errc::bad_seal);
  CHECK(s.open(token, "").error() == errc::bad_seal);
  CHECK(other.open(token, "cursor").error() == errc::bad_seal);
}

TEST_CASE("Whoever knows the secret opens what others have sealed for this use, and nobody else") {
  const auto key = [](std::string_view secret, std::string_view use) { return sealer::shared_key(secret, use); };
  const std::string token = sealer(key("a secret", "cursors")).seal("x", "cursor");
  CHECK(sealer(key("a secret", "cursors")).open(token, "cursor").value() == "x");
  CHECK(sealer(key("another", "cursors")).open(token, "cursor").error() == errc::bad_seal);
  CHECK(sealer(key("a secret", "states")).open(token, "cursor").error() == errc::bad_seal);
  CHECK(key("", "cursors") != key("a secret", "cursors"));
}

TEST_CASE("A token altered in any one character does not open") {
  const sealer s(sealer::random_key());
  for (std::string_view plain : {"", "a", "ab", "abc"}) {
    const std::string token = s.seal(plain, "cursor");
    for (std::size_t i = 0; i < token.size(); ++i) {
      for (char c : url_safe) {
        std::string altered = token;
        altered[i] = c;
        REQUIRE(s.open(altered, "cursor").has_value() == (altered == token));
      }
    }
  }
}

TEST_CASE("A token cut, grown or in another alphabet does not open") {
  const sealer s(sealer::random_key());
  const std::string token = s.seal("some text", "cursor");
  for (std::size_t size = 0; size < token.size(); ++size) {
    REQUIRE(s.open(std::string_view(token).substr(0, size), "cursor").error() == errc::bad_seal);
  }
  for (const char* tail : {"A", "AA", "AAA", "AAAA", "=", "==", " ", "\n"}) {
    CHECK(s.open(token + tail, "cursor").error() == errc::bad_seal);
  }
  for (char c : {'+', '/', '=', ' ', '\0', '\xFF'}) {
    std::string altered = token;
    altered[5] = c;
    CHECK(s.open(altered, "cursor").error() == errc::bad_seal);
  }
}

TEST_CASE("Random ids are 22 characters that fit into URLs and headers, and do not repeat") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = random_id();
    REQUIRE(id.size() == 22);
    REQUIRE(id.front() != '-');
    REQUIRE(id.find_first_not_of(url_safe) == std::string::npos);
    seen.insert(id);
  }
  CHECK(seen.size() == 1000);
  CHECK(sealer::random_key() != sealer::random_key());
}
