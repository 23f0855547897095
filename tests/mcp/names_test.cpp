#include "transport/mcp/names.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace holdfast::mcp;

TEST_CASE("A name that clients accept is shown as it is") {
  for (const char* name : {"echo", "a", "files/read.text", "A-Z_09", "admin__x"}) CHECK(shown_name(name) == name);
  CHECK(shown_name(std::string(64, 'x')) == std::string(64, 'x'));
}

TEST_CASE("Characters that clients do not accept become underscores") {
  CHECK(shown_name("a b:c") == "a_b_c");
  CHECK(shown_name("\xC3\xA9") == "__");
  CHECK(shown_name(std::string("a\0b", 3)) == "a_b");
  CHECK(shown_name("") == "_");
}

TEST_CASE("A name over the limit is cut and ends in a hash of the whole") {
  const std::string a = shown_name(std::string(65, 'x'));
  CHECK(a.size() == 64);
  CHECK(a.substr(0, 56) == std::string(55, 'x') + "_");
  CHECK(a.substr(56).find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(shown_name(std::string(65, 'x')) == a);
  std::set<std::string> distinct;
  for (int i = 0; i < 1000; ++i) distinct.insert(shown_name(std::string(100, 'x') + std::to_string(i)));
  CHECK(distinct.size() == 1000);
  CHECK(shown_name(std::string(70, ' ')) != shown_name(std::string(70, '_')));
}

TEST_CASE("The hash never changes, since other nodes and later releases must agree") {
  CHECK(shown_name(std::string(65, 'x')) == std::string(55, 'x') + "_3400e322");
}

TEST_CASE("A prefixed name is the alias, two underscores and the name, made to fit") {
  CHECK(prefixed_name("files", "read") == "files__read");
  CHECK(prefixed_name("my files", "read it") == "my_files__read_it");
  const std::string cut = prefixed_name("files", std::string(60, 'x'));
  CHECK(cut.size() == 64);
  CHECK(cut.starts_with("files__xxx"));
  CHECK(cut == shown_name("files__" + std::string(60, 'x')));
}

TEST_CASE("A pattern must match the whole name") {
  CHECK(glob_matches("read", "read"));
  CHECK(glob_matches("", ""));
  CHECK(glob_matches("*", ""));
  CHECK(glob_matches("*", "anything"));
  CHECK(glob_matches("read_*", "read_"));
  CHECK(glob_matches("*_file", "read_file"));
  CHECK(glob_matches("r*d*e", "read_file"));
  CHECK(glob_matches("**a**", "bab"));
  CHECK(glob_matches("*ab", "aab"));
  CHECK(glob_matches("a?c", "abc"));
  CHECK(glob_matches("?*?", "ab"));
  CHECK(glob_matches("a?c",
                     "a\xC3\xA9"
                     "c"));
  CHECK_FALSE(glob_matches("read", "reads"));
  CHECK_FALSE(glob_matches("read", "Read"));
  CHECK_FALSE(glob_matches("", "a"));
  CHECK_FALSE(glob_matches("?", ""));
  CHECK_FALSE(glob_matches("a?c", "ac"));
  CHECK_FALSE(glob_matches("*_file", "read_files"));
  CHECK_FALSE(glob_matches("?*?", "a"));
  CHECK_FALSE(glob_matches("??", "\xC3\xA9"));
  CHECK_FALSE(glob_matches("*??", "\xC3\xA9"));
}

TEST_CASE("A pattern of many stars costs no more than pattern times name") {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  CHECK_FALSE(glob_matches(pattern + "b", std::string(5000, 'a')));
}
