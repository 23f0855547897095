#pragma once

#include <yaml-cpp/yaml.h>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/config/config.hpp"
#include "apps/config/expand.hpp"
#include "apps/config/yaml_json.hpp"

namespace holdfast::apps {

/// What the reading of one document shares: where mistakes go and how values are expanded.
struct reading {
  std::string source;
  expansion how;
  std::vector<mistake> mistakes;
  std::deque<reading> further;  ///< documents that this one names

  /// Each document's in the order of its lines.
  std::vector<mistake> all_mistakes() const;
};

/// What YAML says of a text that it cannot read.
mistake syntax_mistake(const std::string& source, const YAML::Exception& e);

/// One value of the document together with its place. Reading it wrongly adds a mistake and yields nothing.
class value {
 public:
  value(const YAML::Node& node, YAML::Mark key_mark, std::string path, reading& r)
      : node_(node), key_mark_(key_mark), path_(std::move(path)), reading_(&r) {}

  const std::string& path() const noexcept { return path_; }
  bool is_null() const { return node_.IsNull(); }
  bool is_map() const { return node_.IsMap(); }
  bool is_list() const { return node_.IsSequence(); }

  /// A scalar with `${…}` expanded.
  std::optional<std::string> text() const;

  /// The scalar as it stands in the document, quoted and cut, for messages about keys that hold no secrets.
  std::string shown() const;

  /// Calls `f` for every member of a map in its order. Duplicate and unusable names are mistakes. A null is an empty
  /// map.
  void members(const std::function<void(const std::string& name, const value& member)>& f) const;

  /// Calls `f` for every element of a list. A null is an empty list.
  void elements(const std::function<void(const value& element)>& f) const;

  /// The whole value as JSON, with nothing expanded.
  std::string json() const { return to_json(node_); }

  /// Reads a further document, whose values expand like those of this one. Nothing, and a mistake, if it is no YAML.
  std::optional<value> read_further(std::string_view text, const std::string& source) const;

  /// Adds a mistake at the value, or at its key.
  void wrong(std::string text) const;
  void wrong_key(std::string text) const;

 private:
  void add(YAML::Mark at, std::string text) const;

  YAML::Node node_;
  YAML::Mark key_mark_;
  std::string path_;
  reading* reading_;
};

/// `text` in quotes, cut to a line's length, control characters replaced.
std::string in_quotes(std::string_view text);

}  // namespace holdfast::apps
