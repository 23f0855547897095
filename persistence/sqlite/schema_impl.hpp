#pragma once

#include <string>

#include "persistence/sqlite/database_impl.hpp"

namespace holdfast::persistence::sqlite {

enum class durability : std::uint8_t {
  full,    ///< every transaction is on the disk before it is acknowledged
  normal,  ///< a crash of the machine may take the last ones; a crash of the process takes none
};

/// Makes the connection and the file ready: settings, and the tables if the file is new or of an older version.
/// `rejected` if it is of another program, of a newer version or has another number of slots, `corrupt` if it is no
/// database.
result<void> prepare(database& in, durability how, const std::string& path);

/// Writes what stands there already: to see whether that is possible.
void probe(database& in);

}  // namespace holdfast::persistence::sqlite
