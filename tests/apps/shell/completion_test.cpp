#include "apps/shell/completion.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace holdfast::apps;
using words = std::vector<std::string>;

namespace {

/// A program like that of the shell, and the kinds that were asked for.
struct program {
  program() {
    app.fallthrough();
    app.add_flag("--json");
    auto* node = app.add_subcommand("node");
    node->add_option("name", value)->type_name("NODE");
    app.add_subcommand("nodes");
    auto* move = app.add_subcommand("move");
    move->add_option("what", several)->type_name("SESSION")->expected(1, 2);
    move->add_option("--to", value)->type_name("NODE");
    move->add_option("--sort", value)->type_name("age|idle");
    app.add_subcommand("log")->add_subcommand("level")->add_option("level", value)->type_name("debug|info");
    app.add_subcommand("watch")->prefix_command();
  }

  words at(std::string_view line) {
    asked.clear();
    return complete(app, line,
                    [this](std::string_view kind, std::string_view begin) {
                      asked.emplace_back(kind);
                      asked.emplace_back(begin);
                      return kind == "NODE" ? words{"n2", "n1", "m3"} : words{"Abc", "Abd"};
                    })
        .candidates;
  }

  CLI::App app;
  std::string value;
  words several, asked;
};

}  // namespace

TEST_CASE("the first word is a command") {
  program p;
  CHECK(p.at("") == words{"log", "move", "node", "nodes", "watch"});
  CHECK(p.at("no") == words{"node", "nodes"});
  CHECK(p.at("x").empty());
  CHECK(p.asked.empty());
}

TEST_CASE("an argument is completed from what there is") {
  program p;
  CHECK(p.at("node ") == words{"m3", "n1", "n2"});
  CHECK(p.at("node n") == words{"n1", "n2"});
  CHECK(p.asked == words{"NODE", "n"});
  CHECK(p.at("node n1 ").empty());
  CHECK(p.at("move A") == words{"Abc", "Abd"});
}

TEST_CASE("options are completed, and their values") {
  program p;
  CHECK(p.at("move --") == words{"--help", "--sort", "--to"});
  CHECK(p.at("move --to n") == words{"n1", "n2"});
  CHECK(p.at("move --sort ") == words{"age", "idle"});
  CHECK(p.at("move --to n1 A") == words{"Abc", "Abd"});
}

TEST_CASE("commands of two words and commands of commands are completed") {
  program p;
  CHECK(p.at("log ") == words{"level"});
  CHECK(p.at("log level d") == words{"debug"});
  CHECK(p.at("watch no") == words{"node", "nodes"});
  CHECK(p.at("watch node m") == words{"m3"});
}

TEST_CASE("what all candidates have in common can be put in at once") {
  CHECK(common_beginning({}).empty());
  CHECK(common_beginning({"node"}) == "node");
  CHECK(common_beginning({"node", "nodes", "now"}) == "no");
  CHECK(common_beginning({"a", "b"}).empty());
}
