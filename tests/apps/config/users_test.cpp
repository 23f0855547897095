#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>

#include "apps/config/config.hpp"

using namespace holdfast;
using namespace holdfast::apps;

namespace {

// printf %s abcdefghijklmnop | sha256sum
constexpr std::string_view digest = "f39dac6cbaba535e2c207cd0cd8f154974223c848f727f98b3564cea569b41cf";

const environment with_token = [](const std::string& name) -> std::optional<std::string> {
  if (name == "ANN_TOKEN") return "abcdefghijklmnop";
  return std::nullopt;
};

actors::node_config load(std::string_view text) {
  auto loaded = load_config_text(text, "x.yaml", with_token);
  if (!loaded) FAIL(to_string(loaded.error()));
  loaded->store.primary.url = "memory:";
  return *loaded;
}

std::string mistakes_in(const std::string& text) {
  const auto loaded = load_config_text(text, "x.yaml", with_token);
  return loaded ? "" : to_string(loaded.error());
}

std::string mistakes_of(const std::string& users) { return mistakes_in("access: {users: " + users + "}"); }

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("there are no users unless some are named") {
  CHECK(load("").users.empty());
  CHECK(load("access: {users: []}").users.empty());
  CHECK(load("access: {users: }").users.empty());
}

TEST_CASE("users have a token or its digest, and only the digest is kept") {
  const auto c = load(
      "access: {hosts: [a], users: [{name: ann, token: '${ANN_TOKEN}'}, {name: Bob.B_b-b@example.com, token_sha256: "
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad}], origins: ['*']}");
  REQUIRE(c.users.size() == 2);
  CHECK(c.users[0] == mcp::user{"ann", *mcp::read_digest(digest)});
  CHECK(c.users[1] == mcp::user{"Bob.B_b-b@example.com", mcp::digest_of("abc")});
  CHECK(c.access.hosts.size() == 1);
  CHECK(c.access.origins.size() == 1);
}

TEST_CASE("what is wrong with users is said without their tokens") {
  const std::string ann = "{name: ann, token: abcdefghijklmnop}";
  CHECK(has(mistakes_of("{ann: abcdefghijklmnop}"), "access.users: must be a list"));
  CHECK(has(mistakes_of("[ann]"), "access.users[0]: must be a map"));
  CHECK(has(mistakes_of("[" + ann + ", {token: abcdefghijklmnoq}]"), "access.users[1]: must have a `name`"));
  CHECK(has(mistakes_of("[{name: ann}]"), "access.users[0]: must have a `token`, or its `token_sha256`"));
  CHECK(has(mistakes_of("[{name: ann, token: abcdefghijklmnop, token_sha256: '" + std::string(digest) + "'}]"),
            "has both"));
  for (const char* name : {"''", "a b", "a/b", "ä", "'*'"}) {
    CAPTURE(name);
    CHECK(has(mistakes_of("[{name: " + std::string(name) + ", token: abcdefghijklmnop}]"), "1 to 64 letters"));
  }
  CHECK(has(mistakes_of("[{name: anonymous, token: abcdefghijklmnop}]"), "choose another name"));
  CHECK(has(mistakes_of("[{name: ann, token: abcdefghijklmno}]"), "at least 16"));
  CHECK(has(mistakes_of("[{name: ann, token: 'abcdefgh ijklmnop'}]"), "at least 16"));
  CHECK(has(mistakes_of("[{name: ann, token: '${BOB_TOKEN}'}]"), "BOB_TOKEN"));
  CHECK(has(mistakes_of("[{name: ann, token_sha256: abc}]"), "64 hexadecimal digits"));
  CHECK(has(mistakes_of("[{name: ann, tokn: abcdefghijklmnop}]"), "did you mean `token`?"));
  CHECK(has(mistakes_of("[" + ann + ", {name: ann, token: abcdefghijklmnoq}]"), "access.users[1]: has the name of"));
  CHECK(has(mistakes_of("[" + ann + ", {name: bob, token: abcdefghijklmnop}]"), "access.users[1]: has the token of"));
  CHECK(has(mistakes_of("[" + ann + ", {name: bob, token_sha256: '" + std::string(digest) + "'}]"), "the token of"));
  const auto said = mistakes_of("[{name: ann, token: abcdefghijklmno}, " + ann + ", " + ann + "]");
  CHECK_FALSE(has(said, "abcdefgh"));
}

TEST_CASE("in a cluster with users, nodes must know each other") {
  const std::string users = "access: {users: [{name: ann, token: abcdefghijklmnop}]}\nstore: redis://db\n";
  const std::string peers = "cluster: {listen: '127.0.0.1:7430'}\n";
  CHECK(mistakes_in(users + peers).empty());
  CHECK(has(mistakes_in(users + peers + "listen: 0.0.0.0:7420\n"), "set `cluster.secret` or `cluster.tls`"));
  CHECK(has(mistakes_in(users + "cluster: {listen: '10.0.0.1:7430'}\n"), "cluster.secret"));
  CHECK(mistakes_in(users + "listen: 0.0.0.0:7420\ncluster: {listen: '127.0.0.1:7430', secret: abcdefghijklmnop}\n")
            .empty());
  CHECK(mistakes_in("store: redis://db\n" + peers + "listen: 0.0.0.0:7420\n").empty());
  CHECK(mistakes_in(users + "listen: 0.0.0.0:7420\n").empty());
}
