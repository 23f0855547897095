#include "apps/exec_anew.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace holdfast::apps {
namespace {

constexpr const char* itself = "/proc/self/exe";

std::set<int> open_descriptors() {
  std::set<int> all;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const auto name = entry.path().filename().string();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    // That of the listing itself is among them.
    if (fd >= 0 && ::fcntl(fd, F_GETFD) >= 0) all.insert(fd);
  }
  std::erase_if(all, [](int fd) { return ::fcntl(fd, F_GETFD) < 0; });
  return all;
}

}  // namespace

own_process::own_process(int argc, char** argv) : arguments_(argv, argv + argc), given_(open_descriptors()) {
  std::error_code error;
  program_ = std::filesystem::read_symlink(itself, error).string();
}

std::string own_process::begin_anew() const {
  // Libraries open some without the flag.
  for (const int fd : open_descriptors())
    if (!given_.contains(fd)) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  std::vector<char*> arguments;
  for (const auto& a : arguments_) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  ::execv(program_.c_str(), arguments.data());
  // It may have been removed; this one still runs.
  ::execv(itself, arguments.data());
  return "cannot start " + program_ + " anew: " + std::strerror(errno);
}

}  // namespace holdfast::apps
