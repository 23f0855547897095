#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "persistence/sqlite/database_impl.hpp"

namespace holdfast::persistence::sqlite {

/// The view of the cluster.
class cluster_view {
 public:
  explicit cluster_view(database& in);

  std::optional<versioned> read();
  verdict change(std::uint64_t expected, std::string_view bytes);

 private:
  statement read_, write_;
};

/// The other records of a cluster, by name.
class named_records {
 public:
  explicit named_records(database& in);

  std::optional<versioned> read(std::string_view name);
  verdict change(std::string_view name, std::uint64_t expected, std::string_view bytes);

 private:
  statement read_, write_;
};

}  // namespace holdfast::persistence::sqlite
