#include "apps/commands/cluster_folder.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>

#include "apps/commands/options.hpp"
#include "apps/config/config.hpp"

namespace holdfast::apps {
namespace {

namespace fs = std::filesystem;
using transport::unique_fd;

constexpr std::string_view state_file = "cluster.json", lock_file = "lock", front_file = "front.cfg";
constexpr auto lock_wait = std::chrono::seconds(90);
constexpr int lock_glance_ms = 100;

ending failed(const std::string& what, const fs::path& file, int error) {
  return {exit_code::failed, "cannot " + what + " " + file.string() + ": " + std::strerror(error)};
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

std::optional<std::string> text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::optional<ending> cluster_folder::create() const {
  std::error_code error;
  const bool fresh = fs::create_directories(path_, error);
  if (!error && fresh) fs::permissions(path_, fs::perms::owner_all, error);
  if (!error) return std::nullopt;
  return failed("create", path_, error.value());
}

boost::system::result<unique_fd, ending> cluster_folder::lock() const {
  unique_fd fd(::open(file(lock_file).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (fd.get() < 0) return failed("open", file(lock_file), errno);
  const auto deadline = std::chrono::steady_clock::now() + lock_wait;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() > deadline)
      return ending{exit_code::failed, "another `holdfast cluster` command is still at work in " + path_.string() +
                                           "; wait for it, or stop it"};
    if (interruption()) return ending{exit_code::interrupted, "interrupted"};
    ::poll(nullptr, 0, lock_glance_ms);
  }
  return fd;
}

boost::system::result<std::optional<cluster_state>, ending> cluster_folder::load() const {
  const auto text = text_of(file(state_file));
  if (!text) return std::optional<cluster_state>();
  auto state = read_cluster_state(*text);
  if (state) return state;
  return ending{exit_code::failed, file(state_file).string() +
                                       " is not what this release writes; stop the processes of that cluster by hand "
                                       "and remove the file, or name another folder by --dir"};
}

std::optional<ending> cluster_folder::save(const cluster_state& s) const { return write(file(state_file), to_json(s)); }

std::optional<ending> cluster_folder::write(const fs::path& file, std::string_view text) const {
  fs::path fresh = file;
  fresh += ".new";
  const unique_fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (fd.get() < 0) return failed("write", fresh, errno);
  if (!write_all(fd.get(), text) || ::rename(fresh.c_str(), file.c_str()) != 0) return failed("write", file, errno);
  return std::nullopt;
}

void cluster_folder::clear(const cluster_state& s) const {
  std::error_code ignored;
  for (const auto& n : s.nodes) fs::remove(configuration_of(n.name), ignored);
  for (const auto name : {state_file, front_file, front_socket, network_socket}) fs::remove(file(name), ignored);
}

boost::system::result<cluster_folder, ending> folder_of_cluster(const std::string& given) {
  std::error_code error;
  if (!given.empty()) return cluster_folder(fs::absolute(given, error).lexically_normal());
  const auto state = state_folder();
  if (state.empty())
    return ending{exit_code::usage,
                  "--dir must be given, since neither XDG_STATE_HOME nor HOME names a folder for the cluster's state"};
  return cluster_folder(state / "cluster");
}

}  // namespace holdfast::apps
