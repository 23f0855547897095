#include <doctest/doctest.h>

#include <string>

#include "persistence/store.hpp"

using holdfast::persistence::store;
using holdfast::persistence::store_errc;
using holdfast::persistence::store_failure;
using holdfast::persistence::store_options;
using holdfast::persistence::tier;

namespace {

auto open(const std::string& url) {
  store_options o;
  o.url = url;
  o.deadline = std::chrono::milliseconds(200);
  return store::open(o);
}

// The failure for a URL that cannot be right. Its words never repeat a password.
store_failure refusal_of(const std::string& url) {
  CAPTURE(url);
  const auto opened = open(url);
  REQUIRE(opened.has_error());
  CHECK(opened.error().code == store_errc::rejected);
  CHECK_FALSE(opened.error().detail.empty());
  CHECK(opened.error().detail.find("secret") == std::string::npos);
  return opened.error();
}

bool says(const store_failure& f, std::string_view words) { return f.detail.find(words) != std::string::npos; }

}  // namespace

TEST_CASE("memory: opens the memory store") {
  const auto opened = open("memory:");
  REQUIRE(opened.has_value());
  CHECK((*opened)->tier() == tier::memory);
  CHECK((*opened)->shown() == "memory:");
}

TEST_CASE("memory: takes nothing after it") {
  CHECK(says(refusal_of("memory:secret"), "memory:"));
  CHECK(says(refusal_of("memory://"), "memory:"));
}

TEST_CASE("a URL of no known store is refused with those that would be right") {
  CHECK(says(refusal_of(""), "no store is given"));
  CHECK(says(refusal_of("mongodb://user:secret@host/db"), "mongodb"));
  for (const char* url : {"", "mongodb://user:secret@host/db", "user:secret@host", "secret", "://secret",
                          "redis:secret", "redis:/user:secret@host", "user:secret@x://y", "/var/lib/secret"}) {
    const auto f = refusal_of(url);
    for (const char* right :
         {"memory:", "sqlite:", "redis://", "rediss://", "unix:", "redis+sentinel://", "redis+cluster://"})
      CHECK(says(f, right));
  }
}

TEST_CASE("a malformed URL of a known store is refused without its password") {
  for (const char* url : {"sqlite:", "redis://user:secret@host:port", "redis://user:secret@host/db",
                          "redis://:secret@host:99999", "rediss://user:secret@host:0x", "unix:",
                          "unix:?password=secret", "redis+sentinel://user:secret@host", "redis+cluster://user:secret@"})
    refusal_of(url);
}
