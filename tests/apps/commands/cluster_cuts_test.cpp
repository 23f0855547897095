#include "apps/commands/cluster_cuts.hpp"

#include <doctest/doctest.h>

#include "apps/commands/cluster_plan.hpp"

using namespace holdfast::apps;

namespace {

cluster_state cluster_of(std::size_t nodes, bool own_redis = true, bool network = true) {
  const cluster_size size{nodes, own_redis, network};
  std::vector<std::uint16_t> ports;
  while (ports.size() < ports_needed(size)) ports.push_back(static_cast<std::uint16_t>(7000 + ports.size()));
  return assign_ports(ports, size);
}

std::string cut_words(cluster_state& s, const std::string& a, const std::string& b = "", bool one_way = false) {
  const auto said = cut_off(s, a, b, one_way);
  return said ? *said : "refused: " + said.error().words;
}

std::string heal_words(cluster_state& s, const std::string& a = "", const std::string& b = "") {
  const auto said = heal(s, a, b);
  return said ? *said : "refused: " + said.error().words;
}

}  // namespace

TEST_CASE("two nodes are cut off from each other, and heal") {
  auto s = cluster_of(3);
  CHECK(cut_words(s, "n2", "n1") == "n2 is cut off from n1");
  CHECK(s.cuts == std::vector<network_cut>{{"n1", "n2"}, {"n2", "n1"}});
  CHECK(cuts_text(s.cuts) == "n1 <-> n2");
  CHECK(cut_words(s, "n1", "n2") == "n1 is cut off from n2");
  CHECK(s.cuts.size() == 2);
  CHECK(heal_words(s, "n1", "n2") == "healed: n1 <-> n2");
  CHECK(s.cuts.empty());
  CHECK(heal_words(s, "n1", "n2") == "nothing was cut there");
}

TEST_CASE("a node without another one is cut off from everybody") {
  auto s = cluster_of(3);
  CHECK(cut_words(s, "n1") == "n1 is cut off from n2, n3 and store");
  CHECK(s.cuts.size() == 6);
  CHECK(cuts_text(s.cuts) == "n1 <-> n2, n1 <-> n3, n1 <-> store");
  CHECK(heal_words(s, "n1", "n3") == "healed: n1 <-> n3; still cut: n1 <-> n2, n1 <-> store");
  CHECK(heal_words(s, "store") == "healed: n1 <-> store; still cut: n1 <-> n2");
  CHECK(heal_words(s) == "healed: n1 <-> n2");
}

TEST_CASE("of a cut in one direction the other one is left, and either can be made the other") {
  auto s = cluster_of(2);
  CHECK(cut_words(s, "n2", "n1", true) == "what n2 sends to n1 is lost");
  CHECK(s.cuts == std::vector<network_cut>{{"n2", "n1"}});
  CHECK(cuts_text(s.cuts) == "n2 --> n1");
  cut_words(s, "n1", "n2", true);
  CHECK(cuts_text(s.cuts) == "n1 <-> n2");
}

TEST_CASE("a cut is refused where nothing can be cut, in words") {
  auto s = cluster_of(2);
  CHECK(cut_words(s, "n7", "n1") == "refused: there is no n7 in this cluster; there are n1, n2 and store");
  CHECK(cut_words(s, "n1", "front").starts_with("refused: there is no front"));
  CHECK(cut_words(s, "n1", "n1") == "refused: n1 cannot be cut off from itself");
  CHECK(heal_words(s, "n7").starts_with("refused: there is no n7"));
  CHECK(s.cuts.empty());
  auto without_redis = cluster_of(2, false);
  CHECK(cut_words(without_redis, "n1", "store").find("own Redis") != std::string::npos);
  CHECK(cut_words(without_redis, "n1") == "n1 is cut off from n2");
  auto direct = cluster_of(2, true, false);
  CHECK(cut_words(direct, "n1", "n2").find("--direct") != std::string::npos);
  CHECK(heal_words(direct).find("--direct") != std::string::npos);
}
