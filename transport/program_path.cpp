#include "transport/program_path.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace holdfast::transport {
namespace {

bool is_program(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::optional<std::string> find_program(const std::string& command, const std::string& directory,
                                        const std::string& path) {
  const auto from_directory = [&](const std::string& name) {
    return directory.empty() || name.starts_with('/') ? name : directory + "/" + name;
  };
  if (command.find('/') != std::string::npos) {
    const std::string name = from_directory(command);
    return is_program(name) ? std::optional(name) : std::nullopt;
  }
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find(':', at), path.size());
    const std::string folder = end == at ? "." : path.substr(at, end - at);
    const std::string name = from_directory(folder + "/" + command);
    if (is_program(name)) return name;
    at = end + 1;
  }
  return std::nullopt;
}

std::string path_of(const stdio_command& c) {
  for (const auto& [name, value] : c.env) {
    if (name == "PATH") return value.reveal();
  }
  const char* ours = std::getenv("PATH");
  return ours != nullptr ? ours : "/usr/local/bin:/usr/bin:/bin";
}

}  // namespace holdfast::transport
