#include "transport/url.hpp"

#include <doctest/doctest.h>

#include <string>

#include "transport/errc.hpp"

using namespace holdfast::transport;

namespace {

std::string shape(const outcome<url>& u) {
  if (!u) return u.error().code == errc::bad_address ? "bad_address" : "another error";
  return (u->tls ? "https|" : "http|") + u->host + "|" + std::to_string(u->port) + "|" + u->target + "|" +
         u->authority();
}

}  // namespace

TEST_CASE("A URL is cut into what a client needs") {
  CHECK(shape(parse_url("http://example.com")) == "http|example.com|80|/|example.com");
  CHECK(shape(parse_url("https://Example.COM/mcp")) == "https|example.com|443|/mcp|example.com");
  CHECK(shape(parse_url("HTTP://127.0.0.1:8080/a/b?c=d&e=%20#frag")) ==
        "http|127.0.0.1|8080|/a/b?c=d&e=%20|127.0.0.1:8080");
  CHECK(shape(parse_url("https://[::1]:8443?x=1")) == "https|::1|8443|/?x=1|[::1]:8443");
  CHECK(shape(parse_url("http://[::1]/")) == "http|::1|80|/|[::1]");
  CHECK(shape(parse_url("http://h:/x")) == "http|h|80|/x|h");
  CHECK(shape(parse_url("https://h:443/")) == "https|h|443|/|h");
}

TEST_CASE("A URL that cannot be used is refused") {
  for (auto* text : {"", "example.com", "ftp://h/", "http://", "http:///path", "http://user@h/", "http://h:0/",
                     "http://h:65536/", "http://h:1x/", "http://[::1", "http://[::1]x/", "http://h/a b",
                     "http://h/a\r\nX: y", "http://h\t/", "http://:80/"}) {
    CAPTURE(text);
    CHECK(shape(parse_url(text)) == "bad_address");
  }
}

TEST_CASE("The reason of a refusal does not repeat the URL") {
  CHECK(parse_url("http://user:secret@host/").error().detail.find("secret") == std::string::npos);
}

TEST_CASE("A reference is resolved against its base") {
  const auto base = *parse_url("https://h:8443/a/b/sse?token=1");
  auto resolved = [&](const char* reference) {
    auto u = resolve_url(base, reference);
    return u ? std::to_string(u->tls) + " " + u->authority() + " " + u->target : std::string("bad");
  };
  CHECK(resolved("/messages?sessionId=x") == "1 h:8443 /messages?sessionId=x");
  CHECK(resolved("messages?sessionId=x:y/z") == "1 h:8443 /a/b/messages?sessionId=x:y/z");
  CHECK(resolved("../m") == "1 h:8443 /a/m");
  CHECK(resolved("./m") == "1 h:8443 /a/b/m");
  CHECK(resolved("../../../m") == "1 h:8443 /m");
  CHECK(resolved("/x/../y/./z/") == "1 h:8443 /y/z/");
  CHECK(resolved("..") == "1 h:8443 /a/");
  CHECK(resolved("?q=2") == "1 h:8443 /a/b/sse?q=2");
  CHECK(resolved("") == "1 h:8443 /a/b/sse?token=1");
  CHECK(resolved("http://other/x") == "0 other /x");
  CHECK(resolved("//other/x") == "1 other /x");
  CHECK(resolved("javascript:alert(1)") == "bad");
  CHECK(resolved("/a b") == "bad");
}

TEST_CASE("An origin is scheme, host and port") {
  const auto base = *parse_url("http://h/x");
  CHECK(base.same_origin(*parse_url("http://H:80/y")));
  CHECK_FALSE(base.same_origin(*parse_url("https://h/x")));
  CHECK_FALSE(base.same_origin(*parse_url("http://h:81/x")));
  CHECK_FALSE(base.same_origin(*parse_url("http://h.example/x")));
}
