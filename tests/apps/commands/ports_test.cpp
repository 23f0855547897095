#include "apps/commands/ports.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <fstream>
#include <set>

#include "tests/apps/commands/fake_node.hpp"

using namespace holdfast::apps;

TEST_CASE("free ports are different and can be listened on") {
  const auto ports = free_ports(20);
  REQUIRE(ports.size() == 20);
  CHECK(std::set<std::uint16_t>(ports.begin(), ports.end()).size() == 20);
  CHECK(try_to_listen("127.0.0.1", ports[0]) == 0);
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  unsigned first = 0, last = 0;
  range >> first >> last;
  REQUIRE(last > first);
  for (const auto port : ports) {
    const bool by_chance = port >= first && port <= last;
    CHECK_FALSE(by_chance);
  }
}

TEST_CASE("a port where somebody listens is taken") {
  const holdfast::tests::fake_node node([](const auto&) { return holdfast::tests::fake_node::answer{}; });
  const auto url = node.url();
  const auto port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  CHECK(try_to_listen("127.0.0.1", port) == EADDRINUSE);
}

TEST_CASE("ports that are taken are passed over, and there are none after the last") {
  const auto even = [](std::uint16_t p) { return p % 2 == 0; };
  CHECK(ports_after(7420, 3, even) == std::vector<std::uint16_t>{7422, 7424, 7426});
  CHECK(ports_after(65531, 3, even) == std::vector<std::uint16_t>{65532, 65534});
  CHECK(ports_after(65535, 1, even).empty());
}
