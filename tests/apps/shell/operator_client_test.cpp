#include "apps/commands/operator_client.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>

#include "apps/shell/console.hpp"
#include "tests/apps/commands/fake_node.hpp"
#include "transport/errc.hpp"

using namespace holdfast::apps;
using namespace std::chrono_literals;
using holdfast::tests::fake_node;
using holdfast::transport::errc;

namespace {

const std::atomic<bool> not_interrupted{false};

environment variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

struct folder {
  folder() {
    std::string name = "/tmp/holdfast-operator-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

/// A socket that stands in the file system.
int bound_to(const std::filesystem::path& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

/// A node behind a socket, which answers one request with these bytes.
class local_node {
 public:
  local_node(const std::filesystem::path& path, std::string bytes) {
    fd_ = bound_to(path);
    REQUIRE(::listen(fd_, 1) == 0);
    thread_ = std::thread([this, bytes = std::move(bytes)] {
      const int client = ::accept(fd_, nullptr, nullptr);
      char request[4096];
      const auto n = ::recv(client, request, sizeof request, 0);
      if (n > 0) seen.assign(request, static_cast<std::size_t>(n));
      ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ::close(client);
    });
  }
  ~local_node() {
    if (thread_.joinable()) thread_.join();
    ::close(fd_);
  }
  void finish() { thread_.join(); }

  std::string seen;

 private:
  int fd_ = -1;
  std::thread thread_;
};

}  // namespace

TEST_CASE("an address is a socket of this machine or a URL") {
  CHECK(parse_operator_address("unix:/run/n1.sock")->target.unix_path == "/run/n1.sock");
  const auto url = parse_operator_address("https://ops.example.com/hf/");
  REQUIRE(url.has_value());
  CHECK(url->target.tls);
  CHECK(url->prefix == "/hf");
  CHECK(url->shown == "https://ops.example.com/hf");
  CHECK(parse_operator_address("n1:7421").error().code == make_error_code(errc::bad_address));
  CHECK(parse_operator_address("unix:").error().code == make_error_code(errc::bad_address));
}

TEST_CASE("without an address, the sockets of one's own nodes are tried before the usual port") {
  const folder f;
  const auto sockets = f.path / "holdfast";
  std::filesystem::create_directory(sockets);
  const auto body = std::string("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
  local_node node(sockets / "n1.sock", body);
  const auto env = variables({{"XDG_RUNTIME_DIR", f.path.string()}, {"HOLDFAST_ADMIN_TOKEN", "a-token"}});
  auto client = operator_client::find("", env);
  REQUIRE(client.has_value());
  const auto answer = client->ask("GET", "/v1/status", 5s, not_interrupted);
  REQUIRE(answer.has_value());
  CHECK(answer->body == "{}");
  CHECK(client->shown() == "unix:" + (sockets / "n1.sock").string());
  node.finish();
  CHECK(node.seen.starts_with("GET /v1/status HTTP/1.1\r\n"));
  CHECK(node.seen.find("Authorization: Bearer a-token\r\n") != std::string::npos);
}

TEST_CASE("a socket that nobody listens at is passed over") {
  const folder f;
  std::filesystem::create_directory(f.path / "holdfast");
  const int unused = bound_to(f.path / "holdfast" / "n1.sock");
  ::close(unused);
  const fake_node node([](const auto&) { return fake_node::answer{200, "{}", "", "application/json", false}; });
  auto addresses = *operator_addresses("", variables({{"XDG_RUNTIME_DIR", f.path.string()}}));
  addresses.back() = *parse_operator_address(node.url());
  operator_client client(std::move(addresses), "", {});
  CHECK(client.ask("GET", "/", 5s, not_interrupted).has_value());
  CHECK(client.shown() == node.url());
}

TEST_CASE("events are handed over as they come, until nobody wants more") {
  const std::string stream =
      "event: message\ndata: {\"n\":1}\n\nevent: message\ndata: {\"n\":2}\n\nevent: end\ndata: {}\n\n";
  const fake_node node([&](const auto&) { return fake_node::answer{200, stream, "", "text/event-stream", false}; });
  operator_client client({*parse_operator_address(node.url())}, "", {});
  std::vector<std::string> seen;
  const auto answer = client.follow(
      "/v1/events?follow=true",
      [&](std::string_view type, std::string_view data) {
        seen.push_back(std::string(type) + " " + std::string(data));
        return seen.size() < 2;
      },
      not_interrupted);
  CHECK(answer.has_value());
  CHECK(seen == std::vector<std::string>{"message {\"n\":1}", "message {\"n\":2}"});
}

TEST_CASE("waiting ends when it is interrupted") {
  const fake_node node([](const auto&) {
    fake_node::answer a;
    a.never = true;
    return a;
  });
  operator_client client({*parse_operator_address(node.url())}, "", {});
  std::atomic<bool> interrupted{true};
  const auto answer = client.ask("GET", "/", 60s, interrupted);
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code == std::make_error_code(std::errc::operation_canceled));
}

TEST_CASE("paths hold whatever a name holds") {
  CHECK(api_path({"nodes", "n 1/x?"}) == "/v1/nodes/n%201%2Fx%3F");
  CHECK(api_path({"sessions"}, {{"prefix", ""}, {"where", "a&b"}, {"limit", "5"}}) ==
        "/v1/sessions?where=a%26b&limit=5");
}
