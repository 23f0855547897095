#include "apps/commands/admin_client.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "tests/apps/commands/fake_node.hpp"
#include "transport/errc.hpp"

using namespace holdfast;
using namespace holdfast::apps;
using namespace std::chrono_literals;
using transport::errc;

namespace {

bool is(const std::error_code& e, errc wanted) { return e == make_error_code(wanted); }

/// A server that accepts one connection, reads a request, sends these bytes and closes.
class raw_server {
 public:
  explicit raw_server(std::string bytes) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(fd_, 1) == 0);
    REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, bytes = std::move(bytes)] {
      const int client = ::accept(fd_, nullptr, nullptr);
      char request[4096];
      if (::recv(client, request, sizeof request, 0) > 0) ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ::close(client);
    });
  }
  ~raw_server() {
    thread_.join();
    ::close(fd_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace

TEST_CASE("the body of an answer comes back whole") {
  const std::string big = "[\"" + std::string(300'000, 'x') + "\"]";
  tests::fake_node node([&](const auto&) { return tests::fake_node::answer{200, big, "", "application/json", false}; });
  const auto body = admin_get(node.url(), "/mcp/servers?wait=5", 5s);
  REQUIRE(body.has_value());
  CHECK(*body == big);
  CHECK(node.seen() == std::vector<std::string>{"GET /mcp/servers?wait=5"});
}

TEST_CASE("a folder in the address goes before the path") {
  tests::fake_node node([](const auto&) { return tests::fake_node::answer{200, "{}", "", "application/json", false}; });
  CHECK(admin_get(node.url("/ops"), "/mcp/health", 5s).has_value());
  CHECK(node.seen() == std::vector<std::string>{"GET /ops/mcp/health"});
}

TEST_CASE("a refusal comes back with the node's words") {
  tests::fake_node node([](const auto&) {
    return tests::fake_node::answer{404, R"({"title":"there is no such upstream"})", "", "application/json", false};
  });
  const auto body = admin_get(node.url(), "/mcp/servers/x/tools", 5s);
  REQUIRE_FALSE(body.has_value());
  CHECK(is(body.error().code, errc::http_status));
  CHECK(body.error().detail.ends_with("answered 404 to /mcp/servers/x/tools: there is no such upstream"));
}

TEST_CASE("a node that says nothing is given up at the deadline") {
  tests::fake_node node([](const auto&) {
    tests::fake_node::answer a;
    a.never = true;
    return a;
  });
  const auto body = admin_get(node.url(), "/", 100ms);
  REQUIRE_FALSE(body.has_value());
  CHECK(is(body.error().code, errc::timed_out));
}

TEST_CASE("an address where nobody listens is told apart") {
  std::string url;
  {
    tests::fake_node gone([](const auto&) { return tests::fake_node::answer{}; });
    url = gone.url();
  }
  const auto body = admin_get(url, "/", 5s);
  REQUIRE_FALSE(body.has_value());
  CHECK(is(body.error().code, errc::refused));
  CHECK(body.error().detail.starts_with("no node answers operators at " + url));
}

TEST_CASE("addresses that cannot be asked are refused") {
  CHECK(is(admin_get("unix:", "/", 1s).error().code, errc::bad_address));
  CHECK(is(admin_get("localhost:7421", "/", 1s).error().code, errc::bad_address));
}

TEST_CASE("answers of strangers are errors") {
  const auto asked = [](const std::string& bytes) {
    const raw_server server(bytes);
    return admin_get(server.url(), "/", 5s);
  };
  CHECK(is(asked("SSH-2.0-OpenSSH\r\n\r\n").error().code, errc::bad_http));
  CHECK(is(asked("HTTP/1.1 200 OK\r\n").error().code, errc::closed));
  CHECK(is(asked("HTTP/1.1 2").error().code, errc::closed));
  CHECK(is(asked("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}").error().code, errc::bad_http));
  CHECK(is(asked("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}").error().code, errc::closed));
  CHECK(is(asked("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html>").error().code, errc::bad_json));
  CHECK(*asked("HTTP/1.1 200 OK\r\n\r\n{\"a\":1}") == "{\"a\":1}");
  CHECK(*asked("HTTP/1.1 200 OK\r\ncontent-LENGTH:2\r\n\r\n{}rest") == "{}");
}
