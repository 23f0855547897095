#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "apps/commands/findings.hpp"
#include "persistence/store.hpp"

using namespace holdfast;
using namespace holdfast::apps;
using grade = finding::grade;
namespace fs = std::filesystem;

namespace {

/// A folder that goes away with the test, and a node that keeps its sessions there.
struct scratch_node {
  scratch_node() {
    std::string name = (fs::temp_directory_path() / "holdfast-store-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
    config.admin.enabled = false;
    config.store.primary.deadline = std::chrono::milliseconds(500);
  }
  ~scratch_node() { fs::remove_all(folder); }

  finding with_store(const std::string& url) {
    config.store.primary.url = url;
    return check_store(config).at(0);
  }

  fs::path folder;
  actors::node_config config;
};

}  // namespace

TEST_CASE("a store in memory is doubtful") {
  scratch_node node;
  const auto found = node.with_store("memory:");
  CHECK(found.how == grade::doubtful);
  CHECK(found.about == "store");
}

TEST_CASE("a node without a store is told how to name one") {
  scratch_node node;
  const auto found = node.with_store("");
  CHECK(found.how == grade::bad);
  CHECK(found.detail.find("sqlite:PATH") != std::string::npos);
}

TEST_CASE("a file that a node would create is not created") {
  scratch_node node;
  const auto found = node.with_store("sqlite:" + (node.folder / "a" / "b.db").string());
  CHECK(found.how == grade::good);
  CHECK(found.detail.find("will be created") != std::string::npos);
  CHECK(fs::is_empty(node.folder));
}

TEST_CASE("a file that is in use is found, with its user") {
  scratch_node node;
  const std::string url = "sqlite:" + (node.folder / "x.db").string();
  {
    node.config.store.primary.url = url;
    const auto user = persistence::store::open(node.config.store.primary);
    REQUIRE(user.has_value());
    const auto found = node.with_store(url);
    CHECK(found.how == grade::bad);
    CHECK(found.detail.find("in use by process " + std::to_string(::getpid())) != std::string::npos);
  }
  CHECK(node.with_store(url).how == grade::good);
}

TEST_CASE("a file where none can be created is found") {
  scratch_node node;
  const auto found = node.with_store("sqlite:/proc/self/none/x.db");
  CHECK(found.how == grade::bad);
  CHECK(found.remedy != "");
}

TEST_CASE("a Redis that cannot be reached is found, and its password not shown") {
  scratch_node node;
  const auto found = node.with_store("unix:" + (node.folder / "none.sock").string() + "?password=s3cret");
  CHECK(found.how == grade::bad);
  CHECK(found.detail.find("none.sock") != std::string::npos);
  CHECK(found.detail.find("s3cret") == std::string::npos);
  CHECK(found.remedy != "");
}

TEST_CASE("the shadow and the keys are looked at as well") {
  scratch_node node;
  node.config.store.shadow = "sqlite:" + (node.folder / "x.db").string();
  node.config.store.keys = "file:" + (node.folder / "keys").string();
  auto found = check_store(node.config);
  REQUIRE(found.size() == 3);
  CHECK(found[1].about == "store.shadow");
  CHECK(found[2].about == "store.keys");
  CHECK(found[2].how == grade::bad);
  std::ofstream(node.folder / "keys") << std::string(64, 'a') << "\n";
  found = check_store(node.config);
  CHECK(found[2].how == grade::good);
  CHECK(found[2].detail == "1 key");
}
