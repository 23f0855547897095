#include "apps/commands/cluster_folder.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/persistence/temporary_folder.hpp"

using namespace holdfast::apps;

namespace {

cluster_state some_state() {
  cluster_state s;
  s.front_port = 7420;
  s.front = {11, 1100};
  s.store = "redis://127.0.0.1:7430";
  s.store_port = 7430;
  s.redis = {12, 1200};
  s.directory = "/a \"quoted\" folder";
  s.network = {14, 1400};
  s.cuts = {{"n1", "n2"}, {"n2", "store"}};
  s.nodes = {{"n1", 1, 2, 3, {13, 1300}, true, 7, 8}, {"n2", 4, 5, 6, {}, false}};
  return s;
}

struct scratch {
  holdfast::tests::temporary_folder parent;
  cluster_folder folder{parent / "cluster"};
};

mode_t mode_of(const std::filesystem::path& file) {
  struct stat s {};
  REQUIRE(::stat(file.c_str(), &s) == 0);
  return s.st_mode & 0777;
}

}  // namespace

TEST_CASE("the state of a cluster is read as it was written") {
  CHECK(read_cluster_state(to_json(some_state())) == some_state());
  CHECK(read_cluster_state(to_json({})) == cluster_state{});
}

TEST_CASE("what is no state of a cluster is refused") {
  const auto good = to_json(some_state());
  const auto with = [&](const std::string& part, const std::string& by) {
    auto text = good;
    const auto at = text.find(part);
    REQUIRE(at != text.npos);
    return text.replace(at, part.size(), by);
  };
  CHECK_FALSE(read_cluster_state("").has_value());
  CHECK_FALSE(read_cluster_state("{}").has_value());
  CHECK_FALSE(read_cluster_state(good.substr(0, good.size() / 2)).has_value());
  CHECK_FALSE(read_cluster_state(with("\"version\":2", "\"version\":1")).has_value());
  CHECK_FALSE(read_cluster_state(with("\"front\":7420", "\"front\":74200")).has_value());
  CHECK_FALSE(read_cluster_state(with("\"pid\":13", "\"pid\":-1")).has_value());
  CHECK_FALSE(read_cluster_state(with("\"name\":\"n2\",", "")).has_value());
  CHECK_FALSE(read_cluster_state(with("\"nodes\":[", "\"nodes\":7,\"x\":[")).has_value());
  CHECK_FALSE(read_cluster_state(with("\"cuts\":[", "\"cuts\":7,\"x\":[")).has_value());
  CHECK_FALSE(read_cluster_state(with("\"relay\":7", "\"relay\":70000")).has_value());
}

TEST_CASE("a folder without a cluster has no state, and one with another release's file says so") {
  scratch s;
  CHECK_FALSE(s.folder.load()->has_value());
  REQUIRE_FALSE(s.folder.create().has_value());
  CHECK_FALSE(s.folder.load()->has_value());
  REQUIRE_FALSE(s.folder.write(s.folder.file("cluster.json"), "{\"version\":99}").has_value());
  const auto loaded = s.folder.load();
  REQUIRE_FALSE(loaded.has_value());
  CHECK(loaded.error().words.find("cluster.json") != std::string::npos);
}

TEST_CASE("only the user may look into what a cluster writes") {
  scratch s;
  REQUIRE_FALSE(s.folder.create().has_value());
  REQUIRE_FALSE(s.folder.create().has_value());
  REQUIRE_FALSE(s.folder.save(some_state()).has_value());
  CHECK(mode_of(s.folder.path()) == 0700);
  CHECK(mode_of(s.folder.file("cluster.json")) == 0600);
  CHECK(*s.folder.load() == some_state());
}

TEST_CASE("a cluster that was stopped leaves its logs and data, but no secret") {
  scratch s;
  REQUIRE_FALSE(s.folder.create().has_value());
  REQUIRE_FALSE(s.folder.save(some_state()).has_value());
  for (const auto& file : {s.folder.configuration_of("n1"), s.folder.log_of("n1")})
    REQUIRE_FALSE(s.folder.write(file, "x").has_value());
  s.folder.clear(some_state());
  CHECK_FALSE(std::filesystem::exists(s.folder.configuration_of("n1")));
  CHECK(std::filesystem::exists(s.folder.log_of("n1")));
  CHECK_FALSE(s.folder.load()->has_value());
}

TEST_CASE("a folder that cannot be is told with its path") {
  const cluster_folder folder("/proc/none/cluster");
  const auto trouble = folder.create();
  REQUIRE(trouble.has_value());
  CHECK(trouble->words.find("/proc/none/cluster") != std::string::npos);
  CHECK(folder.save({}).has_value());
  CHECK_FALSE(folder.lock().has_value());
}

TEST_CASE("a lock is free again once its holder is done") {
  scratch s;
  REQUIRE_FALSE(s.folder.create().has_value());
  CHECK(s.folder.lock().has_value());
  CHECK(s.folder.lock().has_value());
}

TEST_CASE("nodes are found by their names") {
  auto s = some_state();
  REQUIRE(find_node(s, "n2") != nullptr);
  CHECK(find_node(s, "n2")->mcp == 4);
  CHECK(find_node(s, "n") == nullptr);
  CHECK_FALSE(is_alive(cluster_state{}));
}
