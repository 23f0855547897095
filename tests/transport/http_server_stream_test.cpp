#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/http_server_fixture.hpp"

using namespace holdfast::tests;
using namespace std::chrono_literals;
using holdfast::transport::http_limits;
using exchange = server_under_test::exchange;

namespace {

/// Opens a stream for every request and keeps the exchange for the test, which drives it.
class streaming_server {
 public:
  explicit streaming_server(const http_limits& limits = {})
      : server_(
            [this](const exchange& e) {
              if (e->request().path == "/plain") return echo(e);
              e->open_stream("X-Stream: 1\r\n");
              e->on_closed([this] { server_.note("closed"); });
              open_.push_back(e);
              server_.note("open");
            },
            limits) {}
  ~streaming_server() {
    server_.destroy();
    server_.io().run([&] { open_.clear(); });
  }

  raw_client client_with_stream(int receive_buffer = 0) {
    auto client = server_.client(receive_buffer);
    client.send(get("/"));
    REQUIRE(server_.await_note() == "open");
    REQUIRE(client.read_head().status == 200);
    return client;
  }

  template <class F>
  auto with_newest(F f) {
    return server_.io().run([&] { return f(*open_.back()); });
  }

  server_under_test& server() { return server_; }
  std::vector<exchange>& open() { return open_; }

 private:
  std::vector<exchange> open_;
  server_under_test server_;
};

}  // namespace

TEST_CASE("a stream is chunked, says that it is not to be cached, and carries what is written") {
  streaming_server s;
  auto client = s.server().client();
  client.send(get("/"));
  const auto head = client.read_head();
  CHECK(head.status == 200);
  CHECK(head.header("Content-Type") == "text/event-stream");
  CHECK(head.header("Transfer-Encoding") == "chunked");
  CHECK(head.header("Cache-Control").starts_with("no-cache"));
  CHECK(head.header("X-Accel-Buffering") == "no");
  CHECK(head.header("X-Stream") == "1");
  CHECK(head.header("Content-Length") == "");
  REQUIRE(s.server().await_note() == "open");
  for (const std::string text : {"data: 1\n\n", "data: 2\n\n"}) {
    CHECK(s.with_newest([&](auto& e) { return e.write(text); }));
    CHECK(client.read_chunk() == text);
  }
  CHECK(s.with_newest([&](auto& e) { return e.write("") && e.request().path.empty(); }));
  s.with_newest([](auto& e) { e.end_stream(); });
  CHECK(client.read_chunk() == "");
  CHECK_FALSE(s.with_newest([](auto& e) { return e.write("late"); }));
  CHECK(s.server().no_note());
}

TEST_CASE("the connection serves on after a stream has ended") {
  streaming_server s;
  auto client = s.client_with_stream();
  for (int i = 0; i < 3; ++i) {
    s.with_newest([](auto& e) {
      e.write("last");
      e.end_stream();
    });
    CHECK(client.read_chunk() == "last");
    CHECK(client.read_chunk() == "");
    client.send(post("/plain", "x"));
    CHECK(client.read_answer().body == "/plain x");
    client.send(get("/"));
    REQUIRE(s.server().await_note() == "open");
    CHECK(client.read_head().status == 200);
  }
  CHECK(s.server().connections() == 1);
}

TEST_CASE("a whole stream within the call of the handler goes out at once") {
  server_under_test server([](const exchange& e) {
    e->open_stream("");
    e->write("one");
    e->write("two");
    e->end_stream();
  });
  auto client = server.client();
  for (int i = 0; i < 3; ++i) {
    client.send(get("/"));
    CHECK(client.read_answer().body == "onetwo");
  }
}

TEST_CASE("what is written in one turn is sent in one piece") {
  streaming_server s;
  auto client = s.client_with_stream();
  s.with_newest([](auto& e) {
    for (int i = 0; i < 100; ++i) e.write("data: x\n\n");
  });
  // 100 small segments would arrive one by one; the first read already holds them all.
  CHECK(client.read_once().size() == 100 * 14);
}

TEST_CASE("requests sent during a stream are answered after it") {
  streaming_server s;
  auto client = s.server().client();
  client.send(get("/") + post("/plain", "early"));
  REQUIRE(s.server().await_note() == "open");
  CHECK(client.read_head().status == 200);
  client.send(post("/plain", "later"));
  s.with_newest([](auto& e) { e.write("x"); });
  CHECK(client.read_chunk() == "x");
  s.with_newest([](auto& e) { e.end_stream(); });
  CHECK(client.read_chunk() == "");
  CHECK(client.read_answer().body == "/plain early");
  CHECK(client.read_answer().body == "/plain later");
}

TEST_CASE("the handler hears that the client of a stream left") {
  streaming_server s;
  for (const bool hard : {false, true}) {
    auto client = s.client_with_stream();
    hard ? client.reset() : client.close();
    CHECK(s.server().await_note() == "closed");
    CHECK_FALSE(s.with_newest([](auto& e) { return e.write("x"); }));
  }
  CHECK(s.server().connections() == 0);
}

TEST_CASE("a client that leaves is noticed even if it sent a request during the stream") {
  streaming_server s;
  auto client = s.client_with_stream();
  client.send(get("/"));
  client.close();
  CHECK(s.server().await_note() == "closed");
}

TEST_CASE("a stream whose exchange is dropped is cut") {
  streaming_server s;
  auto client = s.client_with_stream();
  s.server().io().run([&] { s.open().clear(); });
  CHECK(client.ended());
  CHECK(s.server().no_note());
}

TEST_CASE("a client that reads too slowly is cut when the queue is full") {
  http_limits limits;
  limits.stream_queue_bytes_max = 100'000;
  streaming_server s(limits);
  auto client = s.client_with_stream(4096);
  const std::string event(10'000, 'x');
  const int written = s.server().io().run([&] {
    int n = 0;
    while (n < 100'000 && s.open().back()->write(event)) ++n;
    return n;
  });
  CHECK(written < 11);  // all in one turn: nothing could be sent
  CHECK(s.server().await_note() == "closed");
  CHECK(s.server().connections() == 0);

  auto other = s.client_with_stream(4096);
  int sent = 0;
  while (sent < 100'000 && s.with_newest([&](auto& e) { return e.write(event); })) ++sent;
  CHECK(sent > 10);
  CHECK(sent < 100'000);
  CHECK(s.server().await_note() == "closed");
}

TEST_CASE("a client that stops reading is cut after a while even if little waits for it") {
  http_limits limits;
  limits.write_timeout = 50ms;
  limits.stream_queue_bytes_max = 64u << 20;
  streaming_server s(limits);
  auto client = s.client_with_stream(4096);
  s.with_newest([](auto& e) { e.write(std::string(16u << 20, 'x')); });
  CHECK(s.server().await_note() == "closed");
}

TEST_CASE("a quiet stream outlives all timeouts") {
  http_limits limits;
  limits.keep_alive_timeout = limits.header_timeout = limits.body_timeout = limits.write_timeout = 20ms;
  streaming_server s(limits);
  auto client = s.client_with_stream();
  std::this_thread::sleep_for(100ms);
  CHECK(s.with_newest([](auto& e) { return e.write("still"); }));
  CHECK(client.read_chunk() == "still");
}

TEST_CASE("a stream to HTTP/1.0 is not chunked and ends with the connection") {
  streaming_server s;
  auto client = s.server().client();
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  REQUIRE(s.server().await_note() == "open");
  const auto head = client.read_head();
  CHECK(head.header("Transfer-Encoding") == "");
  CHECK(head.header("Connection") == "close");
  s.with_newest([](auto& e) { e.write("data: 1\n\n"); });
  CHECK(client.read_bytes(9) == "data: 1\n\n");
  s.with_newest([](auto& e) { e.end_stream(); });
  CHECK(client.ended());
}

TEST_CASE("a stream may be opened in a later turn") {
  server_under_test server([](const exchange& e) {
    e->home().after(5ms, [e] {
      e->open_stream("");
      e->write("a");
      e->home().after(5ms, [e] {
        e->write("b");
        e->end_stream();
      });
    });
  });
  auto client = server.client();
  for (int i = 0; i < 2; ++i) {
    client.send(get("/"));
    CHECK(client.read_answer().body == "ab");
  }
}

TEST_CASE("draining lets streams go on and closes their connection at the end") {
  streaming_server s;
  auto client = s.client_with_stream();
  s.server().drain();
  CHECK(s.with_newest([](auto& e) { return e.write("x"); }));
  CHECK(client.read_chunk() == "x");
  s.with_newest([](auto& e) { e.end_stream(); });
  CHECK(client.read_chunk() == "");
  CHECK(client.ended());
}

TEST_CASE("destroying the server cuts streams and tells the handler") {
  streaming_server s;
  auto client = s.client_with_stream();
  s.server().destroy();
  CHECK(s.server().await_note() == "closed");
  CHECK(client.ended());
  CHECK_FALSE(s.with_newest([](auto& e) { return e.write("x"); }));
}
