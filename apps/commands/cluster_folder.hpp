#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "apps/commands/cluster_plan.hpp"
#include "apps/commands/cluster_state.hpp"
#include "transport/child_spawn.hpp"

namespace holdfast::apps {

/// Where a cluster on this machine keeps what it is and what it writes: its state, generated configurations, logs and
/// the data of its Redis. Only its user may look into it.
class cluster_folder {
 public:
  /// `path` is absolute.
  explicit cluster_folder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path file(std::string_view name) const { return path_ / name; }
  std::filesystem::path log_of(std::string_view name) const { return path_ / (std::string(name) + ".log"); }
  std::filesystem::path configuration_of(std::string_view node) const { return path_ / (std::string(node) + ".yaml"); }

  /// Makes the folder if it is missing.
  std::optional<ending> create() const;

  /// Has one command at a time work on the cluster, until the result is closed. Waits for another one for some time.
  boost::system::result<transport::unique_fd, ending> lock() const;

  /// Nothing if there is no cluster here.
  boost::system::result<std::optional<cluster_state>, ending> load() const;
  std::optional<ending> save(const cluster_state& s) const;

  /// Writes a file as a whole or not at all, readable by its user only.
  std::optional<ending> write(const std::filesystem::path& file, std::string_view text) const;

  /// Removes the state and the configurations, which hold secrets. Logs and data stay.
  void clear(const cluster_state& s) const;

 private:
  std::filesystem::path path_;
};

/// `--dir`, or the folder that a cluster has without it.
boost::system::result<cluster_folder, ending> folder_of_cluster(const std::string& given);

/// One text of a file; nothing if it cannot be read.
std::optional<std::string> text_of(const std::filesystem::path& file);

}  // namespace holdfast::apps
