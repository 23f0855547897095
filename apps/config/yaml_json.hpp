#pragma once

#include <yaml-cpp/yaml.h>

#include <string>

namespace holdfast::apps {

/// A YAML value as JSON. Of scalars that are not quoted, `null`, booleans and numbers are what they look like
/// (YAML 1.2, core schema, without octal and hexadecimal numbers); the rest are strings.
std::string to_json(const YAML::Node& node);

}  // namespace holdfast::apps
