#include "transport/mcp/messages.hpp"

#include <doctest/doctest.h>

using namespace holdfast::mcp;

TEST_CASE("A made request scans as what it was made of") {
  const std::string json = make_request("7", "tools/call", R"({"name":"x"})");
  CHECK(json == R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x"}})");
  const auto e = scan(json).value();
  CHECK(e.kind == message_kind::request);
  CHECK(e.what == method::tools_call);
  CHECK(e.name == R"("x")");
  CHECK(make_request(R"("a")", "ping", {}) == R"({"jsonrpc":"2.0","id":"a","method":"ping"})");
}

TEST_CASE("A made notification has no id") {
  CHECK(make_notification("notifications/initialized", {}) ==
        R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  CHECK(make_notification("a\"b", "[]") == R"({"jsonrpc":"2.0","method":"a\"b","params":[]})");
}

TEST_CASE("A made result holds the raw result") {
  CHECK(make_result(R"("a")", R"({"n":1.50})") == R"({"jsonrpc":"2.0","id":"a","result":{"n":1.50}})");
}

TEST_CASE("A made error has an id only if there is one, and data only if there are any") {
  CHECK(make_error({}, code::parse_error, "no JSON") ==
        R"({"jsonrpc":"2.0","error":{"code":-32700,"message":"no JSON"}})");
  CHECK(make_error("1", code::invalid_params, "a \"b\"\n", R"({"x":1})") ==
        R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"a \"b\"\n","data":{"x":1}}})");
  CHECK(make_error("null", 1, "") == R"({"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}})");
  CHECK(scan(make_error({}, -1, "x")).value().kind == message_kind::answer);
}
