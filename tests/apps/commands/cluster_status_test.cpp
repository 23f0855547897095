#include "apps/commands/cluster_status.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/apps/commands/fake_node.hpp"

using namespace holdfast::apps;
using holdfast::tests::fake_node;

namespace {

/// This very process, which certainly runs.
process_id ourselves() {
  std::ifstream file("/proc/self/stat");
  const auto stat = read_stat(std::string(std::istreambuf_iterator<char>(file), {}));
  REQUIRE(stat.has_value());
  return {::getpid(), stat->started};
}

std::uint16_t port_of(const fake_node& node) {
  const auto url = node.url();
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

/// How a node is that answers so to /readyz and /mcp/health, both at the same port.
node_report seen(fake_node::answer readyz, fake_node::answer health) {
  const fake_node node([&](const auto& r) { return r.path == "/readyz" ? readyz : health; });
  cluster_state s;
  s.nodes = {{"n1", port_of(node), port_of(node), 0, ourselves(), true}};
  return look_at_cluster(s).nodes.at(0);
}

fake_node::answer says(int status, const std::string& body) { return {status, body, "", "application/json", false}; }

fake_node::answer silence() {
  fake_node::answer a;
  a.never = true;
  return a;
}

cluster_report report_of(node_state n2) {
  cluster_report r;
  r.cluster.front_port = 7420;
  r.cluster.store = "redis://127.0.0.1:7430";
  r.cluster.store_port = 7430;
  r.front = r.redis = r.network = true;
  r.nodes.push_back({{"n1", 7422, 7421, 7423, {100, 1}, true}, node_state::ready, "3", "0", "341", "n1 n2"});
  r.nodes.push_back({{"n2", 7425, 7424, 7426, {200, 1}, true}, n2});
  return r;
}

}  // namespace

TEST_CASE("a node is as its answers say") {
  const auto ok = says(200, R"({"status":"ok","sessions":3,"callsInFlight":1})");
  CHECK(seen(says(200, R"({"status":"ok"})"), ok).state == node_state::ready);
  CHECK(seen(says(503, R"({"status":"store unavailable"})"), ok).state == node_state::starting);
  CHECK(seen(says(503, "{}"), says(200, R"({"status":"draining"})")).state == node_state::draining);
  const auto leaving = R"({"status":"ok","cluster":{"node":"n1","members":[{"name":"n1","state":"leaving"}]}})";
  const auto other = R"({"status":"ok","cluster":{"node":"n2","members":[{"name":"n1","state":"leaving"}]}})";
  CHECK(seen(says(503, "{}"), says(200, leaving)).state == node_state::draining);
  CHECK(seen(says(200, "{}"), says(200, other)).state == node_state::ready);
  CHECK(seen(silence(), silence()).state == node_state::unreachable);
  CHECK(seen(says(200, "{}"), silence()).state == node_state::ready);
}

TEST_CASE("a node whose ports are closed has not opened them yet, or is ending") {
  std::uint16_t closed = 0;
  {
    const fake_node gone([](const auto&) { return fake_node::answer{}; });
    closed = port_of(gone);
  }
  cluster_state s;
  s.nodes = {{"n1", closed, closed, 0, ourselves(), false}, {"n2", closed, closed, 0, ourselves(), true}};
  const auto report = look_at_cluster(s);
  CHECK(report.nodes.at(0).state == node_state::starting);
  CHECK(report.nodes.at(1).state == node_state::draining);
}

TEST_CASE("a node without a process is dead") {
  cluster_state s;
  s.nodes = {{"n1", 1, 2, 3, {}, true}};
  CHECK(look_at_cluster(s).nodes.at(0).state == node_state::dead);
}

TEST_CASE("what a node says of itself and its cluster is taken over") {
  node_report r;
  read_health(R"({"status":"ok","sessions":7,"callsInFlight":2,"cluster":{"node":"n1","view":12,"slots":341,)"
              R"("members":[{"name":"n1","state":"up"},{"name":"n2","state":"suspect"}]}})",
              r);
  CHECK(r.sessions == "7");
  CHECK(r.calls == "2");
  CHECK(r.slots == "341");
  CHECK(r.members == "n1 n2:suspect");
}

TEST_CASE("a node that says nothing of a cluster is shown all the same") {
  for (const char* health : {"{}", R"({"cluster":null})", R"({"cluster":{}})", R"({"cluster":{"members":{}}})",
                             R"({"cluster":{"members":[]}})", "[]"}) {
    CAPTURE(health);
    node_report r;
    read_health(health, r);
    CHECK(r.sessions == "-");
    CHECK(r.slots == "-");
    CHECK(r.members == "-");
  }
}

TEST_CASE("the status for programs has these members and no others") {
  CHECK(
      status_json(report_of(node_state::frozen)) ==
      R"({"front":"http://127.0.0.1:7420/mcp","store":"redis://127.0.0.1:7430","nodes":[)"
      R"({"name":"n1","mcp":"http://127.0.0.1:7422/mcp","admin":"http://127.0.0.1:7421","pid":100,"state":"ready"},)"
      R"({"name":"n2","mcp":"http://127.0.0.1:7425/mcp","admin":"http://127.0.0.1:7424","pid":200,"state":"frozen"}],"cuts":[]})");
  CHECK(status_json(report_of(node_state::dead)).find(R"("pid":null,"state":"dead")") != std::string::npos);
}

TEST_CASE("the status for people is a table that fits its terminal") {
  std::ostringstream out;
  print_status(out, report_of(node_state::dead), 0);
  CHECK(out.str() ==
        "front    http://127.0.0.1:7420/mcp  running\n"
        "store    redis://127.0.0.1:7430  running\n"
        "\n"
        "NODE  STATE  PID  MCP   ADMIN  SESSIONS  CALLS  SLOTS  SEES\n"
        "n1    ready  100  7422  7421   3         0      341    n1 n2\n"
        "n2    dead   -    7425  7424   -         -      -      -\n");
  std::ostringstream narrow;
  print_status(narrow, report_of(node_state::dead), 20);
  CHECK(narrow.str().find("n1    ready  100  7…\n") != std::string::npos);
}

TEST_CASE("what is cut is shown where there is a network") {
  auto r = report_of(node_state::ready);
  const auto shown = [&] {
    std::ostringstream out;
    print_status(out, r, 0);
    return out.str();
  };
  r.cluster.cuts = {{"n1", "n2"}, {"n1", "store"}, {"n2", "n1"}};
  CHECK(
      status_json(r).find(R"("cuts":[{"from":"n1","to":"n2"},{"from":"n1","to":"store"},{"from":"n2","to":"n1"}]})") !=
      std::string::npos);
  CHECK(shown().find("network") == std::string::npos);
  r.cluster.nodes = {{"n1", 1, 2, 3, {}, true, 4, 5}};
  CHECK(shown().find("\nnetwork  running, cut: n1 <-> n2, n1 --> store\n") != std::string::npos);
  const auto before = r;
  r.cluster.cuts.clear();
  r.network = false;
  CHECK(shown().find("\nnetwork  not running\n") != std::string::npos);
  CHECK(changes(before, r) == "network: running, cut: n1 <-> n2, n1 --> store -> not running\n");
}

TEST_CASE("only what is not as it was is a change") {
  const auto before = report_of(node_state::ready);
  CHECK(changes(before, before) == "");
  auto now = report_of(node_state::dead);
  now.front = false;
  now.nodes.push_back({{"n3"}, node_state::starting});
  CHECK(changes(before, now) == "front: running -> not running\nn2: ready -> dead\nn3: new -> starting\n");
}
