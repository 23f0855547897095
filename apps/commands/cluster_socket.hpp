#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "apps/commands/session.hpp"

namespace holdfast::apps {

/// Connects to a program that listens at a Unix socket in the folder, whose own path may be longer than a socket's
/// address can hold, sends a line unless it is empty, and gives back all that it says until it ends the connection:
/// within 5 s, 64 KiB at most. What went wrong is in words that follow the program's name.
boost::system::result<std::string, ending> ask_socket(const std::filesystem::path& folder, std::string_view socket,
                                                      const std::string& line);

}  // namespace holdfast::apps
