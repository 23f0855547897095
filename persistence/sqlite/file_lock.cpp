#include "persistence/sqlite/file_lock_impl.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

namespace holdfast::persistence::sqlite {
namespace {

namespace fs = std::filesystem;

store_failure rejected(std::string detail) { return {store_errc::rejected, std::move(detail)}; }

constexpr int tries = 20;
constexpr std::chrono::milliseconds pause{50};

std::string reason(int error) { return std::generic_category().message(error); }

// A folder that is not on the disk takes the file with it, however well that was synchronized.
void synchronize(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

/// 0 or an errno.
int make_folder(const fs::path& folder) {
  std::error_code ec;
  if (fs::is_directory(folder, ec)) return 0;
  if (folder.has_parent_path() && folder.parent_path() != folder) {
    if (const int error = make_folder(folder.parent_path()); error != 0) return error;
  }
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return errno;
  synchronize(folder.parent_path());
  return 0;
}

std::string holder(int fd) {
  std::array<char, 32> text{};
  const auto length = ::pread(fd, text.data(), text.size(), 0);
  std::string digits(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  while (!digits.empty() && digits.back() == '\n') digits.pop_back();
  return digits.empty() ? "another process" : "process " + digits;
}

/// For the words another process is refused with. They can do without it: a full disk must not keep a node from
/// starting.
void write_own_id(int fd) {
  const std::string id = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) == 0 && ::pwrite(fd, id.data(), id.size(), 0) < 0) ::ftruncate(fd, 0);
}

}  // namespace

result<file_lock> file_lock::take(const std::string& path) {
  std::error_code ec;
  // Two links to one file must lead to one lock.
  const fs::path real = fs::weakly_canonical(fs::absolute(path, ec), ec);
  if (ec) return rejected(path + ": " + ec.message());
  if (fs::is_directory(real, ec)) return rejected(path + " is a folder; name a file in it");
  if (const int error = make_folder(real.parent_path()); error != 0) {
    return rejected("cannot create the folder " + real.parent_path().string() + ": " + reason(error));
  }
  const std::string name = real.string() + ".lock";
  const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return rejected("cannot create " + name + ": " + reason(errno));
  file_lock out(real.string(), fd);
  // A child that a killed holder was just starting shares the lock until its `exec`.
  for (int left = tries; ::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK && left > 0; --left)
    std::this_thread::sleep_for(pause);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return rejected("cannot lock " + name + ": " + reason(errno));
    return rejected(real.string() + " is in use by " + holder(fd) +
                    "; stop that node, or give this one a file of its own");
  }
  write_own_id(fd);
  // Opened before the database is, since closing it would drop SQLite's own locks.
  const int file = ::open(out.path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return rejected("cannot open " + out.path_ + " for writing: " + reason(errno));
  ::close(file);
  return out;
}

file_lock::file_lock(file_lock&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

file_lock::~file_lock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace holdfast::persistence::sqlite
