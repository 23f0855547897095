#include "transport/http_client.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/fake_server.hpp"
#include "tests/support/loop_thread.hpp"
#include "tests/support/test_certificates.hpp"
#include "tests/support/upstream_probe.hpp"
#include "transport/errc.hpp"

using namespace holdfast;
using namespace holdfast::tests;
using transport::errc;

namespace {

struct response {
  int status = 0;
  std::string content_type, session_id, body;
  std::optional<transport::failure> failed;
  bool ended = false;
};

class recorder final : public transport::http_receiver {
 public:
  void on_head(const transport::client_response_head& head) override {
    got.change([&](response& r) {
      r.status = head.status;
      r.content_type = head.content_type;
      r.session_id = head.session_id;
    });
  }
  void on_body(std::string_view bytes) override {
    got.change([&](response& r) { r.body.append(bytes); });
  }
  void on_end() override {
    got.change([](response& r) { r.ended = true; });
  }
  void on_failed(transport::failure why) override {
    got.change([&](response& r) { r.failed = std::move(why); });
  }

  response result() {
    return got.wait([](const response& r) { return r.ended || r.failed; });
  }

  watched<response> got;
};

/// A client with its loop.
struct client {
  explicit client(const fake_server& server, std::string host = "127.0.0.1") {
    target.host = std::move(host);
    target.port = server.port();
  }

  transport::http_pool& pool() {
    if (!pool_) pool_ = transport::http_pool::of(*loop, target);
    return *pool_;
  }

  std::shared_ptr<recorder> post(std::string body = "{}", bool counted = true) {
    auto receiver = std::make_shared<recorder>();
    loop.run([&] {
      pool().send({head("POST"), std::move(body), true, counted}, receiver);
      return 0;
    });
    return receiver;
  }

  void cancel(transport::http_receiver& r) {
    loop.run([&] {
      pool().cancel(r);
      return 0;
    });
  }

  std::size_t connections() {
    return loop.run([&] { return pool().connections(); });
  }

  static std::shared_ptr<const std::string> head(const std::string& method) {
    return std::make_shared<const std::string>(method + " /mcp HTTP/1.1\r\nHost: test\r\n");
  }

  transport::http_target target;
  loop_thread loop;

 private:
  std::shared_ptr<transport::http_pool> pool_;
};

/// Answers every request with its own body.
void echo(fake_peer& peer) {
  while (auto r = peer.read_request())
    if (!peer.answer(200, r->body)) return;
}

}  // namespace

TEST_CASE("A response of known length comes whole, and the connection is used again") {
  fake_server server(echo);
  client c(server);
  for (auto* text : {"{\"a\":1}", "", "{\"b\":2}"}) {
    auto r = c.post(text)->result();
    CHECK(r.status == 200);
    CHECK(r.content_type == "application/json");
    CHECK(r.body == text);
  }
  CHECK(server.connections() == 1);
  CHECK(c.connections() == 1);
}

TEST_CASE("A chunked response cut anywhere comes whole") {
  const std::string raw =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nMcp-Session-Id: abc\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;x=y\r\nhello\r\n7\r\n, world\r\n0\r\nTrailer: x\r\n\r\n";
  for (std::size_t cut = 1; cut < raw.size(); cut += 7) {
    CAPTURE(cut);
    fake_server server([&](fake_peer& peer) {
      while (peer.read_request()) {
        peer.send(raw.substr(0, cut));
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        peer.send(raw.substr(cut));
      }
    });
    client c(server);
    for (int i = 0; i < 2; ++i) {
      auto r = c.post()->result();
      CHECK(r.body == "hello, world");
      CHECK(r.session_id == "abc");
      CHECK(r.ended);
    }
    CHECK(server.connections() == 1);
  }
}

TEST_CASE("A connection comes from the address that it is to come from") {
  fake_server server([](fake_peer& peer) {
    while (peer.read_request()) {
      if (!peer.answer(200, peer.from())) return;
    }
  });
  client elsewhere(server), anywhere(server), nowhere(server);
  elsewhere.target.source = "127.0.1.7";
  for (int i = 0; i < 2; ++i) CHECK(elsewhere.post()->result().body == "127.0.1.7");
  CHECK(anywhere.post()->result().body == "127.0.0.1");
  nowhere.target.source = "192.0.2.1";  // for documentation: no machine has it
  const auto failed = nowhere.post()->result().failed;
  REQUIRE(failed.has_value());
  CHECK(failed->code == make_error_code(errc::refused));
}

TEST_CASE("A response that ends with the connection is complete, and the next request gets a new connection") {
  fake_server server([](fake_peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\n\r\nall of it");
  });
  client c(server);
  for (int i = 0; i < 2; ++i) CHECK(c.post()->result().body == "all of it");
  CHECK(server.connections() == 2);
}

TEST_CASE("Interim responses are passed over") {
  fake_server server([](fake_peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    peer.answer(200, "body");
    peer.wait_for_end();
  });
  client c(server);
  auto r = c.post()->result();
  CHECK(r.status == 200);
  CHECK(r.body == "body");
}

TEST_CASE("A body far larger than the buffers comes whole") {
  const std::string big(3'000'000, 'x');
  fake_server server([&](fake_peer& peer) {
    while (peer.read_request()) peer.answer(200, big);
  });
  client c(server);
  for (int i = 0; i < 2; ++i) CHECK(c.post(big)->result().body.size() == big.size());
  CHECK(server.connections() == 1);
}

TEST_CASE("A connection that the server closes while idle is not used again, and no call is lost by it") {
  watched<int> closed;
  fake_server server([&](fake_peer& peer) {
    auto r = peer.read_request();
    peer.answer(200, r->body);
    ::shutdown(peer.descriptor(), SHUT_RDWR);
    closed.change([](int& n) { ++n; });
  });
  client c(server);
  for (int i = 1; i <= 5; ++i) {
    CHECK(c.post()->result().ended);
    closed.wait([&](int n) { return n == i; });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // used again within 1 ms it would count as alive
  }
  CHECK(server.connections() == 5);
}

TEST_CASE("A request that the server took and dropped is not sent again") {
  std::atomic<int> taken{0};
  fake_server server([&](fake_peer& peer) {
    while (auto r = peer.read_request()) {
      if (r->body == "drop") {
        ++taken;
        return;
      }
      peer.answer(200, "{}");
    }
  });
  client c(server);
  CHECK(c.post()->result().ended);
  auto r = c.post("drop")->result();
  REQUIRE(r.failed);
  CHECK(r.failed->code == errc::closed);
  CHECK(taken == 1);
  CHECK(c.post()->result().ended);
}

TEST_CASE("A response cut off in the middle fails") {
  fake_server server([&](fake_peer& peer) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome");
  });
  client c(server);
  auto r = c.post()->result();
  REQUIRE(r.failed);
  CHECK(r.failed->code == errc::closed);
  CHECK(r.failed->detail.find("middle") != std::string::npos);
}

TEST_CASE("A connection is given up before the time after which the server said it would close it") {
  fake_server server([](fake_peer& peer) {
    while (peer.read_request()) peer.answer(200, "{}", "application/json", "Keep-Alive: timeout=1\r\n");
  });
  client c(server);
  for (int i = 0; i < 3; ++i) CHECK(c.post()->result().ended);
  CHECK(server.connections() == 3);
}

TEST_CASE("Bytes that nobody asked for end an idle connection") {
  watched<bool> ended;
  fake_server server([&](fake_peer& peer) {
    if (!peer.read_request()) return;
    peer.answer(200, "{}");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    peer.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    peer.wait_for_end();
    ended.change([](bool& e) { e = true; });
  });
  client c(server);
  CHECK(c.post()->result().ended);
  ended.wait([](bool e) { return e; });
  CHECK(c.post()->result().status == 200);
}

TEST_CASE("No more connections are opened for calls than allowed; the rest waits its turn") {
  watched<int> inside;
  std::atomic<bool> release{false};
  fake_server server([&](fake_peer& peer) {
    while (peer.read_request()) {
      inside.change([](int& n) { ++n; });
      while (!release) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      peer.answer(200, "{}");
    }
  });
  client c(server);
  c.target.connections_max = 2;
  std::vector<std::shared_ptr<recorder>> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(c.post());
  inside.wait([](int n) { return n == 2; });
  CHECK(c.connections() == 2);

  SUBCASE("and what is not counted goes past them") {
    auto notification = c.post("{}", false);
    inside.wait([](int n) { return n == 3; });
    CHECK(c.connections() == 3);
    release = true;
    CHECK(notification->result().ended);
  }
  SUBCASE("and one that waits can be dropped") {
    c.cancel(*calls[4]);
    release = true;
    for (int i = 0; i < 4; ++i) CHECK(calls[static_cast<std::size_t>(i)]->result().ended);
    CHECK_FALSE(calls[4]->got.get().ended);
    return;
  }
  release = true;
  for (auto& call : calls) CHECK(call->result().ended);
}

TEST_CASE("A dropped request ends its connection and is heard of no more") {
  watched<int> ends;
  fake_server server([&](fake_peer& peer) {
    while (peer.read_request()) {
      peer.open_stream();
      peer.chunk("data: x\n\n");
      peer.wait_for_end();
      ends.change([](int& n) { ++n; });
    }
  });
  client c(server);
  auto call = c.post();
  call->got.wait([](const response& r) { return !r.body.empty(); });
  c.cancel(*call);
  ends.wait([](int n) { return n == 1; });
  CHECK(c.connections() == 0);
  auto r = call->got.get();
  CHECK_FALSE(r.ended);
  CHECK_FALSE(r.failed);
}

TEST_CASE("What is not HTTP fails as such") {
  std::string raw;
  errc expected = errc::bad_http;
  SUBCASE("nonsense") { raw = "SSH-2.0-OpenSSH_9.2\r\n\r\n"; }
  SUBCASE("two lengths") { raw = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"; }
  SUBCASE("a bad chunk size") { raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"; }
  SUBCASE("an upgrade nobody asked for") { raw = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"; }
  SUBCASE("an endless header") {
    raw = "HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x');
    expected = errc::too_large;
  }
  fake_server server([&](fake_peer& peer) {
    peer.read_request();
    peer.send(raw);
    peer.wait_for_end();
  });
  client c(server);
  auto r = c.post()->result();
  REQUIRE(r.failed);
  CHECK(r.failed->code == expected);
}

TEST_CASE("Where nobody listens, the connection is refused") {
  fake_server server(echo);
  client c(server);
  server.stop_listening();
  auto r = c.post()->result();
  REQUIRE(r.failed);
  CHECK(r.failed->code == errc::refused);
  CHECK(r.failed->detail.find("Connection refused") != std::string::npos);
}

TEST_CASE("A name that does not resolve says so") {
  fake_server server(echo);
  client c(server, "no-such-host.invalid");
  auto r = c.post()->result();
  REQUIRE(r.failed);
  CHECK(r.failed->code == errc::refused);
  CHECK(r.failed->detail.find("no-such-host.invalid") != std::string::npos);
}

TEST_CASE("Servers are reached over both families of addresses") {
  fake_server four(echo), six(echo, nullptr, AF_INET6);
  CHECK(client(four, "localhost").post("{}")->result().body == "{}");
  CHECK(client(six, "::1").post("{}")->result().body == "{}");
}

TEST_CASE("A server that answers before it has read everything is heard") {
  fake_server server([](fake_peer& peer) {
    char byte;
    ::recv(peer.descriptor(), &byte, 1, MSG_PEEK);
    peer.answer(413, "{}", "application/json", "Connection: close\r\n");
    peer.wait_for_end();
  });
  client c(server);
  std::string body;
  body.resize(20'000'000, 'x');
  auto r = c.post(std::move(body))->result();
  CHECK(r.status == 413);
  CHECK(r.ended);
}

TEST_CASE("A loop may end while requests are under way") {
  fake_server server([](fake_peer& peer) {
    while (peer.read_request()) peer.wait_for_end();
  });
  auto call = [&] {
    client c(server);
    c.post();
    c.post();
    return c.post();
  }();
  CHECK_FALSE(call->got.get().failed);
}

TEST_CASE("TLS reaches a server whose certificate is good, by name and by address") {
  for (auto* host : {"localhost", "127.0.0.1"}) {
    CAPTURE(host);
    test_certificates good(std::string(host) == "localhost" ? "DNS:localhost" : "IP:127.0.0.1", "tls_good_ca.pem");
    fake_server server(echo, good.server());
    client c(server, host);
    c.target.tls = true;
    c.target.ca_file = good.ca_file();
    const std::string big(200'000, 'y');
    CHECK(c.post("{\"x\":1}")->result().body == "{\"x\":1}");
    CHECK(c.post(big)->result().body == big);
    CHECK(server.connections() == 1);
  }
}

TEST_CASE("TLS refuses a server that cannot prove who it is") {
  test_certificates mine("DNS:localhost", "tls_mine_ca.pem");
  std::string ca_file = mine.ca_file(), host = "localhost", words;
  test_certificates theirs("DNS:localhost", "tls_theirs_ca.pem"), elsewhere("DNS:example.com", "tls_elsewhere_ca.pem");
  SSL_CTX* served = mine.server();
  SUBCASE("unknown authority") {
    ca_file = theirs.ca_file();
    words = "certificate";
  }
  SUBCASE("authority unknown to the system") {
    ca_file.clear();
    words = "issuer certificate";
  }
  SUBCASE("another host") {
    served = elsewhere.server();
    ca_file = elsewhere.ca_file();
    words = "hostname mismatch";
  }
  SUBCASE("the right certificate, asked by an address it does not name") {
    host = "127.0.0.1";
    words = "IP address mismatch";
  }
  SUBCASE("no authorities to be read") {
    ca_file = "no/such/file.pem";
    words = "certificate authorities";
  }
  SUBCASE("an old version") {
    ::SSL_CTX_set_security_level(served, 0);
    ::SSL_CTX_set_min_proto_version(served, TLS1_VERSION);
    ::SSL_CTX_set_max_proto_version(served, TLS1_1_VERSION);
  }
  std::atomic<int> served_requests{0};
  fake_server server(
      [&](fake_peer& peer) {
        if (peer.read_request()) ++served_requests;
      },
      served);
  client c(server, host);
  c.target.tls = true;
  c.target.ca_file = ca_file;
  auto r = c.post()->result();
  REQUIRE(r.failed);
  CHECK(r.failed->code == errc::tls_failed);
  CAPTURE(r.failed->detail);
  CHECK(r.failed->detail.find(words) != std::string::npos);
  CHECK(served_requests == 0);
}
