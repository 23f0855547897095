#include "apps/commands/relay_network.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "apps/commands/ports.hpp"
#include "transport/child_spawn.hpp"

using namespace holdfast::apps;
using namespace std::chrono_literals;
using holdfast::transport::unique_fd;

namespace {

constexpr auto n1 = "127.1.0.1", n2 = "127.1.0.2";

sockaddr_in place(const std::string& address, std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  ::inet_pton(AF_INET, address.c_str(), &a.sin_addr);
  return a;
}

std::string name_of(std::uint32_t address) {
  if (address == ntohl(place(n1, 0).sin_addr.s_addr)) return "n1";
  return address == ntohl(place(n2, 0).sin_addr.s_addr) ? "n2" : "";
}

/// One end of a connection.
struct wire {
  unique_fd fd;

  void say(const std::string& text) const {
    CHECK(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }

  /// Takes what is there; false once the connection has ended or broken.
  bool listen_to(std::string& heard) const {
    char block[4096];
    const auto n = ::recv(fd.get(), block, sizeof block, MSG_DONTWAIT);
    if (n > 0) heard.append(block, static_cast<std::size_t>(n));
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINPROGRESS));
  }
};

/// A network with one way, to "n2", behind which a server listens.
class one_way_to_n2 {
 public:
  one_way_to_n2() {
    const auto ports = free_ports(2);
    REQUIRE(ports.size() == 2);
    way = {ports[0], ports[1], "n2", ""};
    server = unique_fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const auto at = place("127.0.0.1", way.leads_to);
    REQUIRE(::bind(server.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(::listen(server.get(), 16) == 0);
    cut({});
  }

  void cut(const std::vector<network_cut>& cuts) { REQUIRE(network->arrange({way}, cuts).has_value()); }

  wire connect(const std::string& from) const {
    wire w{unique_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
    const auto source = place(from, 0), to = place("127.0.0.1", way.port);
    REQUIRE(::bind(w.fd.get(), reinterpret_cast<const sockaddr*>(&source), sizeof source) == 0);
    REQUIRE(::connect(w.fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    return w;
  }

  wire accepted() {
    wire w;
    REQUIRE(carry_until([&] {
      w.fd = unique_fd(::accept4(server.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      return w.fd.get() >= 0;
    }));
    return w;
  }

  bool nobody_comes() {
    for (int i = 0; i < 20; ++i) network->carry(1ms);
    return ::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC) < 0;
  }

  template <class Condition>
  bool carry_until(Condition c) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!c()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      network->carry(5ms);
    }
    return true;
  }

  bool hears(const wire& w, const std::string& text) {
    std::string heard;
    carry_until([&] { return !w.listen_to(heard) || heard.size() >= text.size(); });
    return heard == text;
  }

  bool hears_nothing(const wire& w) {
    std::string heard;
    bool there = true;
    for (int i = 0; i < 20; ++i) {
      network->carry(1ms);
      there = there && w.listen_to(heard);
    }
    return there && heard.empty();
  }

  bool ends(const wire& w) {
    std::string heard;
    return carry_until([&] { return !w.listen_to(heard); });
  }

  bool carries(std::size_t lines) {
    return carry_until([&] { return network->connections() == lines; });
  }

  std::unique_ptr<relay_network> network = relay_network::create(name_of);
  network_way way;
  unique_fd server;
};

void reset(wire& w) {
  const linger hard{1, 0};
  ::setsockopt(w.fd.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  w.fd.reset();
}

const std::vector<network_cut> both_ways{{"n1", "n2"}, {"n2", "n1"}};

}  // namespace

TEST_CASE("what is sent through a network arrives, in both directions, and so does the end") {
  one_way_to_n2 net;
  auto client = net.connect(n1);
  const auto server = net.accepted();
  client.say("hello");
  CHECK(net.hears(server, "hello"));
  server.say("yes?");
  CHECK(net.hears(client, "yes?"));
  ::shutdown(client.fd.get(), SHUT_WR);
  CHECK(net.ends(server));
  server.say("goodbye");
  CHECK(net.hears(client, "goodbye"));
  client.fd.reset();
  CHECK(net.network->connections() == 1);
  ::shutdown(server.fd.get(), SHUT_WR);
  CHECK(net.carries(0));
}

TEST_CASE("much that is sent to somebody who reads slowly arrives whole") {
  one_way_to_n2 net;
  const auto client = net.connect(n1);
  const auto server = net.accepted();
  std::string all;
  for (int i = 0; all.size() < (6u << 20); ++i) all += std::to_string(i) + ",";
  std::size_t sent = 0;
  std::string heard;
  CHECK(net.carry_until([&] {
    const auto n = ::send(client.fd.get(), all.data() + sent, all.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) sent += static_cast<std::size_t>(n);
    for (int i = 0; i < 64; ++i) server.listen_to(heard);
    return heard.size() == all.size();
  }));
  CHECK((heard == all));
}

TEST_CASE("a connection that is cut goes silent, and has lost nothing when it heals") {
  one_way_to_n2 net;
  const auto client = net.connect(n1);
  const auto server = net.accepted();
  net.cut(both_ways);
  client.say("one");
  server.say("two");
  CHECK(net.hears_nothing(server));
  CHECK(net.hears_nothing(client));
  net.cut({});
  CHECK(net.hears(server, "one"));
  CHECK(net.hears(client, "two"));
}

TEST_CASE("neither an end nor a reset is heard across a cut") {
  one_way_to_n2 net;
  auto ended = net.connect(n1);
  const auto first = net.accepted();
  auto broken = net.connect(n1);
  const auto second = net.accepted();
  net.cut(both_ways);
  ended.fd.reset();
  reset(broken);
  CHECK(net.hears_nothing(first));
  CHECK(net.hears_nothing(second));
  net.cut({});
  CHECK(net.ends(first));
  CHECK(net.ends(second));
}

TEST_CASE("of a cut in one direction only one side knows") {
  one_way_to_n2 net;
  net.cut({{"n2", "n1"}});
  const auto client = net.connect(n1);
  client.say("question");
  const auto server = net.accepted();
  CHECK(net.hears(server, "question"));
  server.say("answer");
  CHECK(net.hears_nothing(client));
  net.cut({});
  CHECK(net.hears(client, "answer"));
}

TEST_CASE("a connection that is begun across a cut gets no answer, and was never there if it is given up") {
  one_way_to_n2 net;
  net.cut(both_ways);
  auto given_up = net.connect(n1);
  const auto patient = net.connect(n1);
  given_up.say("old news");
  patient.say("still here");
  CHECK(net.nobody_comes());
  CHECK(net.hears_nothing(patient));
  given_up.fd.reset();
  CHECK(net.carries(1));
  net.cut({});
  const auto server = net.accepted();
  CHECK(net.hears(server, "still here"));
  CHECK(net.nobody_comes());
}

TEST_CASE("a cut is between two, whom the network knows by their addresses") {
  one_way_to_n2 net;
  net.cut(both_ways);
  for (const auto* from : {"127.1.0.3", "127.0.0.1"}) {
    CAPTURE(from);
    const auto client = net.connect(from);
    client.say("hello");
    CHECK(net.hears(net.accepted(), "hello"));
  }
  net.way.from = "n1";
  net.way.port = free_ports(1).at(0);
  net.cut(both_ways);
  const auto client = net.connect("127.0.0.1");
  client.say("hello");
  CHECK(net.nobody_comes());
}

TEST_CASE("who connects to somebody who is not there is told so") {
  one_way_to_n2 net;
  net.server.reset();
  CHECK(net.ends(net.connect(n1)));
  CHECK(net.carries(0));
}

TEST_CASE("the reset of a connection is passed on as one") {
  one_way_to_n2 net;
  auto client = net.connect(n1);
  const auto server = net.accepted();
  reset(client);
  CHECK(net.ends(server));
  std::string heard;
  server.listen_to(heard);
  CHECK(net.carries(0));
}

TEST_CASE("a way that is no more takes its connections along") {
  one_way_to_n2 net;
  const auto client = net.connect(n1);
  const auto server = net.accepted();
  REQUIRE(net.network->arrange({}, {}).has_value());
  CHECK(net.ends(client));
  CHECK(net.ends(server));
  const unique_fd late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto to = place("127.0.0.1", net.way.port);
  CHECK(::connect(late.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0);
}

TEST_CASE("a port that is taken is told, and keeps the other ways from nothing") {
  one_way_to_n2 net;
  const network_way taken{net.way.leads_to, 1, "n1", ""};
  const auto arranged = net.network->arrange({taken, net.way}, {});
  REQUIRE_FALSE(arranged.has_value());
  CHECK(arranged.error().detail.find(std::to_string(net.way.leads_to)) != std::string::npos);
  const auto client = net.connect(n1);
  client.say("hello");
  CHECK(net.hears(net.accepted(), "hello"));
}
