#include <doctest/doctest.h>

#include <string>

#include "persistence/redis/redis_answers.hpp"
#include "persistence/redis/redis_circuit.hpp"
#include "persistence/redis/redis_command.hpp"
#include "persistence/redis/redis_greeting.hpp"
#include "persistence/redis/redis_keys.hpp"
#include "persistence/redis/redis_reader_impl.hpp"
#include "persistence/redis/redis_script.hpp"
#include "persistence/redis/redis_url.hpp"

using namespace holdfast::persistence;

TEST_CASE("a URL names the server, who we are there, and the database") {
  const auto s = parse_redis_url("redis://user:p%40ss@redis.example:7000/4").value();
  CHECK(s.kind == redis_site::kind::server);
  CHECK(!s.tls);
  CHECK(s.endpoints == std::vector<redis_endpoint>{{"redis.example", 7000, {}}});
  CHECK(s.user == "user");
  CHECK(s.password == "p@ss");
  CHECK(s.database == 4);
  CHECK(shown(s) == "redis://redis.example:7000/4");
}

TEST_CASE("what a URL leaves out is the usual") {
  CHECK(shown(parse_redis_url("redis://").value()) == "redis://localhost:6379");
  CHECK(shown(parse_redis_url("rediss://:secret@h").value()) == "rediss://h:6379");
  CHECK(shown(parse_redis_url("redis://[::1]:1").value()) == "redis://[::1]:1");
  CHECK(shown(parse_redis_url("unix:/run/redis.sock?db=2&user=u&password=p").value()) == "unix:/run/redis.sock?db=2");
  CHECK(parse_redis_url("unix:///run/redis.sock").value().endpoints[0].path == "/run/redis.sock");
}

TEST_CASE("a URL names sentinels and nodes of a cluster") {
  const auto s = parse_redis_url("redis+sentinel://u:p@a,b:1/main/2").value();
  CHECK(s.kind == redis_site::kind::sentinel);
  CHECK(s.endpoints == std::vector<redis_endpoint>{{"a", 26379, {}}, {"b", 1, {}}});
  CHECK(s.master == "main");
  CHECK(s.database == 2);
  CHECK(shown(s) == "redis+sentinel://a:26379,b:1/main/2");
  const auto c = parse_redis_url("rediss+cluster://a,b:7001").value();
  CHECK(c.kind == redis_site::kind::cluster);
  CHECK(c.tls);
  CHECK(shown(c) == "rediss+cluster://a:6379,b:7001");
}

TEST_CASE("a malformed URL is refused without a word of the password") {
  for (const std::string url :
       {"http://a", "redis:/a", "redisx://a", "redis://a:b", "redis://a:0", "redis://a:70000", "redis://[::1",
        "redis://a/x", "redis://secret@a", "redis://u:secret%zz@a", "redis://u:secret%4@a", "redis+sentinel://a",
        "redis+sentinel:///m", "redis+cluster://", "redis+cluster://a/1", "unix:", "unix:?db=1", "unix:/s?db=secret",
        "unix:/s?other=secret"}) {
    CAPTURE(url);
    const auto s = parse_redis_url(url);
    REQUIRE(!s);
    CHECK(s.error().code == store_errc::rejected);
    CHECK(s.error().detail.find("secret") == std::string::npos);
  }
  CHECK(!parse_redis_url("unix:/" + std::string(200, 'x')));
}

TEST_CASE("commands are written as Redis reads them") {
  std::string out;
  append_command(out, "SET", "key", std::int64_t{-12}, "");
  CHECK(out == "*4\r\n$3\r\nSET\r\n$3\r\nkey\r\n$3\r\n-12\r\n$0\r\n\r\n");
  out.clear();
  redis_command(out, 1).join({"a", "", "bc"});
  CHECK(out == "*1\r\n$3\r\nabc\r\n");
}

TEST_CASE("replies are read whole, whatever pieces they come in") {
  const std::string bytes = "+OK\r\n:-7\r\n$-1\r\n*2\r\n$3\r\na\r\n\r\n*1\r\n:1\r\n-ERR no\r\n*0\r\n";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    CAPTURE(piece);
    redis_reader reader;
    std::vector<redis_reply> replies;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      REQUIRE(reader.feed(std::string_view(bytes).substr(at, piece)));
      while (auto* r = reader.next()) replies.push_back(std::move(*r));
    }
    REQUIRE(replies.size() == 6);
    CHECK(replies[0].text == "OK");
    CHECK(replies[1].integer == -7);
    CHECK(replies[2].kind == redis_reply::kind::nothing);
    REQUIRE(replies[3].elements.size() == 2);
    CHECK(replies[3].elements[0].text == "a\r\n");
    CHECK(replies[3].elements[1].elements.at(0).integer == 1);
    CHECK(replies[4].error_code() == "ERR");
    CHECK(replies[5].elements.empty());
  }
}

TEST_CASE("what is not a reply, or too large for one, is an error") {
  for (const std::string bytes : {"HTTP/1.1 400\r\n", "*1048577\r\n", "%1\r\n", "*-5\r\n"}) {
    CAPTURE(bytes);
    redis_reader reader;
    reader.feed(bytes);
    CHECK(reader.next() == nullptr);
    CHECK(!reader.error().empty());
  }
  redis_reader reader(100);
  CHECK(reader.feed("$9223372036854775807\r\n" + std::string(100, 'x')));
  CHECK(reader.next() == nullptr);
  CHECK(!reader.feed("x"));
  CHECK(!reader.error().empty());
}

TEST_CASE("a key's place in a cluster is that of its hash tag") {
  CHECK(hash_slot_of("123456789") == 0x31c3);
  CHECK(hash_slot_of("foo{123456789}bar{x}") == 0x31c3);
  CHECK(hash_slot_of("foo{}bar") == hash_slot_of("foo{}bar"));
  CHECK(hash_slot_of("{}123456789") != 0x31c3);
  const redis_keys keys("hf");
  CHECK(keys.hash_slot(17) == hash_slot_of("s17"));
}

TEST_CASE("a script goes by its SHA-1") {
  CHECK(redis_script("return 1").digest() == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
}

TEST_CASE("a server too old is refused, one with a dataset to load is asked again") {
  const auto text = [](std::string t) { return redis_reply{redis_reply::kind::text, 0, std::move(t), {}}; };
  const redis_reply ok{redis_reply::kind::status, 0, "OK", {}}, id{redis_reply::kind::integer, 7, "", {}};
  const auto replication = text("# Replication\r\nrole:master\r\nmaster_replid:abc\r\n");
  const auto old = read_greeting({ok, id, text("redis_version:6.2.7\r\n"), replication}, {});
  REQUIRE(!old);
  CHECK(old.error().code == store_errc::rejected);
  const auto valkey =
      read_greeting({ok, id, text("# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\n"), replication}, {});
  REQUIRE(valkey.has_value());
  CHECK(valkey->replication_id == "abc");
  CHECK(valkey->role == "master");
  const redis_reply loading{redis_reply::kind::error, 0, "LOADING Redis is loading the dataset in memory", {}};
  CHECK(read_greeting({ok, id, loading, loading}, {}).error().code == store_errc::unavailable);
}

TEST_CASE("a server tells its role, and how far behind its replicas are") {
  const auto told = [](const char* text) {
    redis_reply r;
    r.kind = redis_reply::kind::text;
    r.text = text;
    return read_standing(r).value();
  };
  const auto alone = told("# Replication\r\nrole:master\r\nconnected_slaves:0\r\nmaster_repl_offset:0\r\n");
  CHECK(alone.role == "master");
  CHECK(alone.replicas == 0);
  CHECK_FALSE(alone.lag_bytes);
  const auto two = told(
      "role:master\r\nconnected_slaves:2\r\nslave0:ip=10.0.0.2,port=6379,state=online,offset=900,lag=0\r\n"
      "slave1:ip=10.0.0.3,port=6379,state=online,offset=950,lag=1\r\nmaster_repl_offset:1000\r\n");
  CHECK(two.replicas == 2);
  CHECK(two.lag_bytes == 100);
  // What cannot be: not a number, and not before zero.
  const auto odd = told(
      "role:master\r\nconnected_slaves:18446744073709551615\r\nslave0:ip=x,offset=2000,lag=0\r\n"
      "slave1:offset=x\r\nmaster_repl_offset:1000\r\n");
  CHECK(odd.lag_bytes == 0);
  CHECK_FALSE(read_standing(redis_reply()).has_value());
}

TEST_CASE("the circuit opens after several failures in a row, and closes with the first answer") {
  redis_circuit c;
  for (unsigned i = 1; i < redis_circuit::failures_max; ++i) CHECK(!c.on_unavailable());
  c.on_answered();
  for (unsigned i = 1; i < redis_circuit::failures_max; ++i) CHECK(!c.on_unavailable());
  CHECK(!c.is_open());
  CHECK(c.on_unavailable());
  CHECK(c.is_open());
  CHECK(!c.on_unavailable());
  c.on_answered();
  CHECK(!c.is_open());
}
