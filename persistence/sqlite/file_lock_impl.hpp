#pragma once

#include <string>

#include "persistence/store_values.hpp"

namespace holdfast::persistence::sqlite {

/// The right to use a database file, which one process has at a time: a lock on `<path>.lock` that the system drops
/// with the process, however that ends.
class file_lock {
 public:
  /// Creates the folder and the file if they are missing, readable by this user alone. `rejected` with what to do if
  /// that is not possible or somebody else has the file.
  static result<file_lock> take(const std::string& path);

  file_lock(file_lock&& other) noexcept;
  file_lock& operator=(file_lock&&) = delete;
  ~file_lock();

  /// Of the file, absolute and without links.
  const std::string& path() const noexcept { return path_; }

 private:
  file_lock(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_;
};

}  // namespace holdfast::persistence::sqlite
