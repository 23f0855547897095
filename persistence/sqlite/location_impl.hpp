#pragma once

#include <string>
#include <string_view>

#include "persistence/sqlite/schema_impl.hpp"

namespace holdfast::persistence::sqlite {

/// What a URL of the form sqlite:PATH[?synchronous=full|normal] says.
struct location {
  std::string path;
  durability how = durability::full;
};

/// `rejected` with what would be right.
result<location> parse(std::string_view url);

}  // namespace holdfast::persistence::sqlite
