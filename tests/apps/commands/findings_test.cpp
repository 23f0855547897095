#include "apps/commands/findings.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/apps/commands/fake_node.hpp"
#include "tests/support/tls_folder.hpp"
#include "transport/program_path.hpp"

using namespace holdfast;
using namespace holdfast::apps;
using grade = finding::grade;
using transport::find_program;
namespace fs = std::filesystem;

namespace {

/// A folder that goes away with the test.
class scratch_folder {
 public:
  scratch_folder() {
    std::string name = (fs::temp_directory_path() / "holdfast-findings-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~scratch_folder() { fs::remove_all(path_); }

  std::string file(const std::string& name, const std::string& text, bool executable) {
    const auto path = path_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    if (executable) fs::permissions(path, fs::perms::owner_all);
    return path.string();
  }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

actors::upstream_config with_command(transport::stdio_command c) {
  actors::upstream_config u;
  u.alias = "x";
  u.target = std::move(c);
  return u;
}

}  // namespace

TEST_CASE("a program is looked for as execvp does") {
  scratch_folder folder;
  const std::string tool = folder.file("bin/tool", "#!/bin/sh\n", true);
  folder.file("bin/notes", "text", false);
  const std::string path = "/nowhere:" + folder.path() + "/bin";
  CHECK(find_program("tool", "", path) == tool);
  CHECK_FALSE(find_program("notes", "", path).has_value());
  CHECK_FALSE(find_program("bin", "", folder.path()).has_value());
  CHECK(find_program(tool, "", "") == tool);
  CHECK(find_program("bin/tool", folder.path(), "") == folder.path() + "/bin/tool");
  CHECK(find_program("./tool", folder.path() + "/bin", "").has_value());
  CHECK(find_program("tool", folder.path(), "bin").has_value());
  CHECK(find_program("tool", folder.path() + "/bin", "/nowhere:").has_value());
  CHECK_FALSE(find_program("tool", "", "/nowhere").has_value());
}

TEST_CASE("a command that is there has no findings") {
  CHECK(check_command(with_command({"sh", {}, {}, {}, ""})).empty());
}

TEST_CASE("a missing command is found, with how to get it") {
  const auto found = check_command(with_command({"npx", {}, {{"PATH", "/nowhere"}}, {}, ""}));
  REQUIRE(found.size() == 1);
  CHECK(found[0].how == grade::bad);
  CHECK(found[0].about == "upstream x");
  CHECK(found[0].detail == "npx is not in PATH");
  CHECK(found[0].remedy == "install Node.js 18 or newer");
  CHECK(check_command(with_command({"/no/such/file", {}, {}, {}, ""})).at(0).detail ==
        "/no/such/file is no executable file");
}

TEST_CASE("a script whose interpreter is missing is found") {
  scratch_folder folder;
  const std::string script = folder.file("server", "#!/usr/bin/env node\nhello\n", true);
  const auto found = check_command(with_command({script, {}, {{"PATH", "/nowhere"}}, {}, ""}));
  REQUIRE(found.size() == 1);
  CHECK(found[0].detail == script + " needs node, which is not in PATH");
  const std::string of_sh = folder.file("other", "#!/usr/bin/env sh", true);
  CHECK(check_command(with_command({of_sh, {}, {}, {}, ""})).empty());
}

TEST_CASE("a missing folder and an unset variable are found") {
  CHECK(check_command(with_command({"sh", {}, {}, {}, "/no/such/folder"})).at(0).how == grade::bad);
  const auto unset = check_command(with_command({"sh", {}, {}, {"HOLDFAST_TEST_UNSET"}, ""}));
  REQUIRE(unset.size() == 1);
  CHECK(unset[0].how == grade::doubtful);
  CHECK(unset[0].detail.find("HOLDFAST_TEST_UNSET") != std::string::npos);
}

TEST_CASE("a command that ends at once is found, with what it said") {
  const auto found = check_connection(with_command({"sh", {"-c", "echo no token >&2; exit 3"}, {}, {}, ""}));
  CHECK(found.how == grade::bad);
  CHECK(found.detail.find("no token") != std::string::npos);
  CHECK(found.remedy != "");
}

TEST_CASE("a port that another program has is found") {
  tests::fake_node other([](const auto&) {
    return tests::fake_node::answer{404, "{}", "", "application/json", false};
  });
  actors::node_config c;
  c.listen_port = static_cast<std::uint16_t>(std::stoi(other.url().substr(other.url().rfind(':') + 1)));
  c.admin.enabled = false;
  const auto found = check_listeners(c);
  REQUIRE(found.size() == 1);
  CHECK(found[0].how == grade::bad);
  CHECK(found[0].detail.find("taken by another program") != std::string::npos);
}

TEST_CASE("a node that runs already is no trouble") {
  tests::fake_node node([](const auto&) { return tests::fake_node::answer{200, "{}", "", "application/json", false}; });
  actors::node_config c;
  c.listen_port = 0;
  c.admin.port = static_cast<std::uint16_t>(std::stoi(node.url().substr(node.url().rfind(':') + 1)));
  const auto found = check_listeners(c);
  REQUIRE(found.size() == 2);
  CHECK(found[0].how == grade::good);
  CHECK(found[1].how == grade::good);
  CHECK(found[1].detail.starts_with("a node already answers at"));
}

TEST_CASE("an address of another machine is found") {
  actors::node_config c;
  c.listen_host = "192.0.2.1";
  c.admin.enabled = false;
  CHECK(check_listeners(c).at(0).how == grade::bad);
}

TEST_CASE("the upstreams of a running node are reported one by one") {
  tests::fake_node node([](const transport::http_request& r) {
    if (r.path != "/mcp/servers") return tests::fake_node::answer{500, "", "", "text/plain", false};
    return tests::fake_node::answer{
        200,
        R"({"servers":[{"name":"a","state":"ready","tools":3,"error":""},{"name":"b","state":"waiting","error":"gone"}]})",
        "", "application/json", false};
  });
  const auto found = check_running_node(common_options{node.url("/mcp"), node.url(), false, {}});
  REQUIRE(found.size() == 4);
  CHECK(found[0].how == grade::bad);
  CHECK(found[1].how == grade::good);
  CHECK(found[2].detail == "ready, 3 tools");
  CHECK(found[3].how == grade::bad);
  CHECK(found[3].detail == "waiting: gone");
}

TEST_CASE("certificates are told with how long they last") {
  tests::tls_folder folder;
  constexpr long day = 24 * 3600;
  actors::node_config c;
  CHECK(check_certificates(c).empty());
  c.tls = folder.files("lasting", {"", "", -60, 100 * day, "lasting"});
  c.cluster.tls = folder.files("short", {"", "", -60, 3 * day, "short"});
  const auto found = check_certificates(c);
  REQUIRE(found.size() == 2);
  CHECK(found[0].how == grade::good);
  CHECK(found[0].about == "tls");
  CHECK(found[0].detail.starts_with("CN=lasting of CN=holdfast test authority, until 20"));
  CHECK(found[1].how == grade::doubtful);
  CHECK(found[1].about == "cluster.tls");
  CHECK(found[1].remedy.starts_with("renew " + c.cluster.tls.certificate));
  fs::remove(c.tls.key);
  CHECK(check_certificates(c).front().how == grade::bad);
}
