#pragma once

#include <optional>
#include <string>

#include "transport/upstream_connection.hpp"

namespace holdfast::transport {

/// The file that a command stands for, as `execvp` would find it in `directory` with `path` for PATH.
std::optional<std::string> find_program(const std::string& command, const std::string& directory,
                                        const std::string& path);

/// The PATH that a command is given.
std::string path_of(const stdio_command& c);

}  // namespace holdfast::transport
