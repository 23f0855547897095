#include <doctest/doctest.h>

#include "persistence/stores_impl.hpp"
#include "tests/persistence/store_contract.hpp"
#include "tests/persistence/store_harness.hpp"
#include "tests/support/redis_server.hpp"

using namespace holdfast;
using namespace holdfast::tests;
using persistence::open_redis;
using persistence::store;
using persistence::store_options;

namespace {

store_options with(std::string url) {
  store_options o;
  o.url = std::move(url);
  return o;
}

/// An empty store at a server; the contract's cases share the server.
make_store emptied(redis_server& server, store_options o) {
  return [&server, o = std::move(o)] {
    server.command({"FLUSHALL"});
    return open_redis(o).value();
  };
}

}  // namespace

TEST_CASE("a Redis store over TCP keeps the contract") {
  if (!has_redis()) return;
  static redis_server server;
  check_store_contract(emptied(server, with(server.url())));
}

TEST_CASE("a Redis store over a unix socket keeps the contract, in a database of its own") {
  if (!has_redis()) return;
  static redis_server server;
  check_store_contract(emptied(server, with("unix:" + server.socket() + "?db=3")));
}
