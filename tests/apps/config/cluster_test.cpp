#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "apps/config/config.hpp"
#include "tests/support/tls_folder.hpp"

using namespace holdfast;
using namespace holdfast::apps;
using namespace std::chrono_literals;

namespace {

std::optional<std::string> nothing_set(const std::string&) { return std::nullopt; }

actors::cluster_config load(const std::string& cluster) {
  auto loaded = load_config_text("store: redis://db\ncluster: " + cluster, "x.yaml", nothing_set);
  if (!loaded) FAIL(to_string(loaded.error()));
  return loaded->cluster;
}

std::string mistakes_in(std::string_view text) {
  const auto loaded = load_config_text(text, "x.yaml", nothing_set);
  return loaded ? "" : to_string(loaded.error());
}

std::string mistakes_of(const std::string& cluster) { return mistakes_in("store: redis://db\ncluster: " + cluster); }

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a node is on its own unless it is told where others reach it") {
  CHECK_FALSE(load("{}").enabled);
  CHECK_FALSE(load("{name: n1}").enabled);
  CHECK_FALSE(load("{listen: off}").enabled);
}

TEST_CASE("a node of a cluster") {
  const auto c = load(
      "{name: n1, listen: '10.0.0.1:7430', advertise: 'n1.internal:7430', source: 10.0.0.1, secret: 0123456789abcdef, "
      "beat: 200ms, silence: 2s, hold_timeout: 1m, connections_max: 10}");
  CHECK(c.enabled);
  CHECK(c.name == "n1");
  CHECK(c.host == "10.0.0.1");
  CHECK(c.port == 7430);
  CHECK(c.advertise == "n1.internal:7430");
  CHECK(c.source == "10.0.0.1");
  CHECK(c.secret == "0123456789abcdef");
  CHECK(c.beat == 200ms);
  CHECK(c.silence == 2s);
  CHECK(c.hold_timeout == 1min);
  CHECK(c.connections_max == 10);
}

TEST_CASE("a cluster needs a store that its nodes share") {
  for (const auto* store : {"memory:", "sqlite:x.db"}) {
    CAPTURE(store);
    CHECK(has(mistakes_in("store: '" + std::string(store) + "'\ncluster: {listen: '127.0.0.1:7430'}"),
              "set `store` to a Redis"));
  }
}

TEST_CASE("nodes that other machines reach show each other a secret, which no mistake shows") {
  CHECK(mistakes_of("{listen: '127.0.0.1:7430'}").empty());
  CHECK(has(mistakes_of("{listen: '10.0.0.1:7430'}"), "cluster.secret"));
  const auto short_one = mistakes_of("{listen: '10.0.0.1:7430', secret: hush}");
  CHECK(has(short_one, "at least 16"));
  CHECK_FALSE(has(short_one, "hush"));
}

TEST_CASE("an address of all addresses is none that others can be told") {
  CHECK(has(mistakes_of("{listen: '0.0.0.0:7430', secret: 0123456789abcdef}"), "cluster.advertise"));
  CHECK(mistakes_of("{listen: '0.0.0.0:7430', advertise: 'n1:7430', secret: 0123456789abcdef}").empty());
}

TEST_CASE("others are reached from an address of this machine, which is no name and has no port") {
  CHECK(load("{listen: '127.0.0.1:7430'}").source.empty());
  CHECK(load("{listen: '127.0.0.1:7430', source: 'fd00::1'}").source == "fd00::1");
  for (const auto* wrong : {"'10.0.0.1:80'", "n1.internal", "'[::1]'", "10.0.0"}) {
    CAPTURE(wrong);
    CHECK(has(mistakes_of("{listen: '127.0.0.1:7430', source: " + std::string(wrong) + "}"), "must be an IP address"));
  }
}

TEST_CASE("silence is several beats long") {
  CHECK(has(mistakes_of("{listen: '127.0.0.1:7430', beat: 1s, silence: 2s}"), "three times"));
}

TEST_CASE("nodes prove themselves to each other with three files, which are looked at") {
  tests::tls_folder folder;
  const auto files = folder.files("n1", {"DNS:node"});
  const auto tls = [](const transport::tls_files& f, const std::string& more = "") {
    return "{listen: '10.0.0.1:7430', secret: 0123456789abcdef, tls: {certificate: '" + f.certificate + "', key: '" +
           f.key + "', ca: '" + f.ca + "'" + more + "}}";
  };
  const auto c = load(tls(files, ", name: node"));
  CHECK(c.tls.certificate == files.certificate);
  CHECK(c.tls.key == files.key);
  CHECK(c.tls.ca == files.ca);
  CHECK(c.tls.peer_name == "node");
  CHECK(c.tls.among_equals);
  CHECK(has(mistakes_of(tls(files, ", name: other")), "cluster.tls: " + files.certificate));
  CHECK(has(mistakes_of("{tls: {certificate: x.pem, key: y.pem}}"), "needs all of `certificate`, `key` and `ca`"));
  CHECK(has(mistakes_of("{tls: {name: node}}"), "needs all of"));
  const auto gone = mistakes_of(tls({folder.file("gone.pem"), files.key, files.ca, {}, true}));
  CHECK(has(gone, "x.yaml:2:"));
  CHECK(has(gone, folder.file("gone.pem") + ": cannot be read: No such file or directory"));
}

TEST_CASE("clients connect over TLS with two files, or three") {
  tests::tls_folder folder;
  auto files = folder.files("gateway", {"", "serverAuth"});
  const auto tls = "tls: {certificate: '" + files.certificate + "', key: '" + files.key + "'";
  const auto loaded = load_config_text("store: 'memory:'\n" + tls + "}", "x.yaml", nothing_set);
  if (!loaded) FAIL(to_string(loaded.error()));
  CHECK(loaded->tls.certificate == files.certificate);
  CHECK(loaded->tls.ca.empty());
  CHECK_FALSE(loaded->tls.among_equals);
  CHECK(has(mistakes_in("store: 'memory:'\n" + tls + ", client_ca: nowhere.pem}"), "nowhere.pem: cannot be read"));
  CHECK(has(mistakes_in("store: 'memory:'\ntls: {certificate: x.pem}"), "tls: needs both `certificate` and `key`"));
}
