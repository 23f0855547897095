#include "apps/commands/cluster_plan.hpp"

#include <doctest/doctest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <iterator>

using namespace holdfast::apps;

namespace {

const shared_settings shared{"redis://127.0.0.1:7430", "c0ffee"};

cluster_state planned(std::size_t nodes, bool own_redis, bool network = false) {
  const cluster_size size{nodes, own_redis, network};
  std::vector<std::uint16_t> ports;
  for (std::size_t i = 0; i < ports_needed(size); ++i) ports.push_back(static_cast<std::uint16_t>(7420 + i));
  return assign_ports(ports, size);
}

const cluster_node n1 = planned(1, false).nodes.at(0);

YAML::Node configured(const std::string& text, const shared_settings* with = &shared) {
  const auto own = node_configuration(text, n1, with);
  REQUIRE(own.has_value());
  return YAML::Load(*own);
}

std::string refusal(const std::string& text) {
  const auto own = node_configuration(text, n1, &shared);
  REQUIRE_FALSE(own.has_value());
  CHECK(own.error().code == exit_code::usage);
  return own.error().words;
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("the ports of a cluster are all different, and n1's operators come after the front") {
  const auto s = planned(3, true);
  CHECK(s.front_port == 7420);
  REQUIRE(s.nodes.size() == 3);
  CHECK(s.nodes[0] == cluster_node{"n1", 7422, 7421, 7423});
  CHECK(s.nodes[2] == cluster_node{"n3", 7428, 7427, 7429});
  CHECK(s.store_port == 7430);
  CHECK(s.store == "redis://127.0.0.1:7430");
}

TEST_CASE("a cluster with a store of the user's has no port for one") {
  CHECK(ports_needed({3, false, false}) + 1 == ports_needed({3, true, false}));
  CHECK(planned(2, false).store_port == 0);
  CHECK(planned(2, false).store == "");
}

TEST_CASE("in a network nodes are reached, and reach the Redis, through ports that lead there") {
  const auto s = planned(2, true, true);
  CHECK(s.nodes[1] == cluster_node{"n2", 7425, 7424, 7426, {}, false, 7430, 7431});
  CHECK(s.store_port == 7427);
  CHECK(ways_of(s) ==
        std::vector<network_way>{
            {7428, 7423, "n1", ""}, {7429, 7427, "store", "n1"}, {7430, 7426, "n2", ""}, {7431, 7427, "store", "n2"}});
  CHECK(has_network(s));
  CHECK_FALSE(has_network(planned(2, true)));
  CHECK(ways_of(planned(2, true)).empty());
  CHECK(ways_of(planned(1, false, true)) == std::vector<network_way>{{7424, 7423, "n1", ""}});
  const auto joining = further_node(s, {1, 2, 3, 4, 5});
  CHECK(joining == cluster_node{"n3", 2, 1, 3, {}, false, 4, 5});
}

TEST_CASE("the network knows nodes by the addresses that they are told to use") {
  CHECK(source_of("n7") == "127.1.0.7");
  CHECK(source_of("n300") == "127.1.1.44");
  CHECK(node_at(0x7f010007) == "n7");
  CHECK(node_at(0x7f01012c) == "n300");
  for (const std::uint32_t other : {0x7f000001u, 0x7f010000u, 0x7f020001u, 0x0a000001u}) CHECK(node_at(other) == "");
}

TEST_CASE("a node in a network is told of it, and one without is told of none") {
  const auto s = planned(2, true, true);
  const auto told = [](const cluster_node& n, const std::string& text, const shared_settings* with) {
    const auto own = node_configuration(text, n, with);
    REQUIRE(own.has_value());
    return *own;
  };
  const auto first = told(s.nodes[0], "{}", &shared);
  const auto second = YAML::Load(told(s.nodes[1], first, nullptr));
  CHECK(YAML::Load(first)["store"]["url"].Scalar() == "redis://127.0.0.1:7429");
  CHECK(second["cluster"]["listen"].Scalar() == "127.0.0.1:7426");
  CHECK(second["cluster"]["advertise"].Scalar() == "127.0.0.1:7430");
  CHECK(second["cluster"]["source"].Scalar() == "127.1.0.2");
  CHECK(second["store"]["url"].Scalar() == "redis://127.0.0.1:7431");
  const auto direct = YAML::Load(told(n1, first, &shared));
  CHECK(direct["cluster"]["advertise"].Scalar() == "");
  CHECK(direct["cluster"]["source"].Scalar() == "");
  CHECK(direct["store"]["url"].Scalar() == shared.store);
}

TEST_CASE("a node that joins gets a name after all others") {
  auto s = planned(3, false);
  CHECK(further_node(s, {1, 2, 3}) == cluster_node{"n4", 2, 1, 3});
  s.nodes.erase(s.nodes.begin());
  CHECK(further_node(s, {1, 2, 3}).name == "n4");
  s.nodes.push_back({"n11"});
  CHECK(further_node(s, {1, 2, 3}).name == "n12");
}

TEST_CASE("a node gets its own addresses, and every option that says nothing of them stays") {
  const auto own = configured(R"(
listen: 0.0.0.0:80
admin: {listen: off}
drain_timeout: 3s
sessions: {retry: 1s}
store: {url: "rediss://other", prefix: mine, ca_file: /x, wait_replicas: 2, shadow: "sqlite:x", hold_timeout: 9s}
cluster: {listen: "0.0.0.0:1", name: other, secret: other, heartbeat: 1s}
upstreams:
  a: {url: "http://h/", headers: {A: "Bearer ${TOKEN}", B: "null", C: "", D: "~", E: "0x10", F: "a: #b"}}
)");
  CHECK(own["listen"].Scalar() == "127.0.0.1:7422");
  CHECK(own["admin"]["listen"].Scalar() == "127.0.0.1:7421");
  CHECK(own["drain_timeout"].Scalar() == "3s");
  CHECK(own["sessions"]["retry"].Scalar() == "1s");
  CHECK(own["cluster"]["listen"].Scalar() == "127.0.0.1:7423");
  CHECK(own["cluster"]["name"].Scalar() == "n1");
  CHECK(own["cluster"]["secret"].Scalar() == "c0ffee");
  CHECK(own["cluster"]["heartbeat"].Scalar() == "1s");
  CHECK(own["store"]["url"].Scalar() == shared.store);
  CHECK(own["store"]["prefix"].Scalar() == "mine");
  CHECK(own["store"]["hold_timeout"].Scalar() == "9s");
  for (const char* gone : {"ca_file", "wait_replicas", "shadow"}) CHECK_FALSE(own["store"][gone].IsDefined());
  const auto headers = own["upstreams"]["a"]["headers"];
  CHECK(headers["A"].Scalar() == "Bearer ${TOKEN}");
  for (const char* name : {"B", "C", "D", "E", "F"}) CHECK(headers[name].IsScalar());
  CHECK(headers["B"].Scalar() == "null");
  CHECK(headers["F"].Scalar() == "a: #b");
}

TEST_CASE("a configuration without any of these keys is enough, and JSON as well") {
  for (const std::string text :
       {"", "# nothing\n", "upstreams: {}\nstore: 'memory:'\n", "{\"upstreams\": {}, /* c */}"}) {
    CAPTURE(text);
    const auto own = configured(text);
    CHECK(own["listen"].Scalar() == "127.0.0.1:7422");
    CHECK(own["store"]["url"].Scalar() == shared.store);
    CHECK_FALSE(own["access"].IsDefined());
  }
}

TEST_CASE("hosts that a node answers to include the one by which the front asks") {
  const auto hosts = [](const std::string& access) {
    std::vector<std::string> out;
    const auto own = configured("access: " + access);
    for (const auto& h : own["access"]["hosts"]) out.push_back(h.Scalar());
    return out;
  };
  CHECK(hosts("{hosts: [mcp.example.com]}") == std::vector<std::string>{"mcp.example.com", "127.0.0.1"});
  CHECK(hosts("{hosts: [127.0.0.1, x]}") == std::vector<std::string>{"127.0.0.1", "x"});
  CHECK(hosts("{hosts: ['*']}") == std::vector<std::string>{"*"});
  CHECK(hosts("{hosts: []}").empty());
  CHECK(hosts("{origins: [null]}").empty());
}

TEST_CASE("a node that joins is configured after another one, whose store and secret it shares") {
  const auto first = node_configuration("drain_timeout: 3s", n1, &shared);
  REQUIRE(first.has_value());
  const auto joining = node_configuration(*first, {"n4", 11, 10, 12}, nullptr);
  REQUIRE(joining.has_value());
  const auto own = YAML::Load(*joining);
  CHECK(own["listen"].Scalar() == "127.0.0.1:11");
  CHECK(own["cluster"]["name"].Scalar() == "n4");
  CHECK(own["cluster"]["listen"].Scalar() == "127.0.0.1:12");
  CHECK(own["cluster"]["secret"].Scalar() == "c0ffee");
  CHECK(own["store"]["url"].Scalar() == shared.store);
  CHECK(own["drain_timeout"].Scalar() == "3s");
}

TEST_CASE("what cannot be a node's configuration is refused in words") {
  CHECK(holds(refusal("[a, b]"), "map"));
  CHECK(holds(refusal("a: [unclosed"), "cannot be read"));
  CHECK(holds(refusal(R"({"mcpServers": {"a": {"command": "x"}}})"), "upstreams"));
}

TEST_CASE("the front knows every node, and sends no request twice without saying so") {
  const auto text = front_configuration(planned(2, true));
  CHECK(holds(text, "bind 127.0.0.1:7420\n"));
  CHECK(holds(text, "server n1 127.0.0.1:7422 check inter 200ms"));
  CHECK(holds(text, "server n2 127.0.0.1:7425 check inter 200ms"));
  CHECK(holds(text, "retry-on conn-failure\n"));
  CHECK(holds(text, "disable-l7-retry unless { path /mcp } may_be_repeated\n"));
  CHECK(holds(text, "server later abns@holdfast.7420.later id 2\n"));
  CHECK(holds(text, "server again abns@holdfast.7420.again\n"));
  CHECK(holds(text, "bind abns@holdfast.7420.again\n  http-request set-header Holdfast-Repeated 1\n"));
  CHECK(holds(text, "option http-server-close\n"));
  CHECK(holds(text, "expect status 200 error-status L7OKC\n"));
  CHECK(holds(text, "stats socket unix@front.sock mode 600"));
  CHECK(text.back() == '\n');
}

TEST_CASE("a Redis for sessions keeps what it has, and forgets nothing when it is full") {
  const auto a = redis_arguments(planned(1, true));
  const auto value = [&](const std::string& option) {
    const auto at = std::find(a.begin(), a.end(), option);
    return at == a.end() ? "" : *std::next(at);
  };
  CHECK(value("--port") == "7424");
  CHECK(value("--bind") == "127.0.0.1");
  CHECK(value("--appendonly") == "yes");
  CHECK(value("--appendfsync") == "everysec");
  CHECK(value("--maxmemory-policy") == "noeviction");
}
