#include "apps/commands/demo_stage.hpp"

#include <poll.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "apps/commands/admin_client.hpp"
#include "apps/commands/cluster_run.hpp"
#include "apps/commands/cluster_status.hpp"
#include "apps/commands/demo_upstream.hpp"
#include "apps/commands/json_text.hpp"
#include "apps/commands/options.hpp"
#include "persistence/store_values.hpp"

namespace holdfast::apps {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto answer_timeout = 500ms;
constexpr std::string_view nodes_file = "demo.yaml";
constexpr auto rest_within = 15s;
constexpr int rest_glance_ms = 150;

/// How many slots each ready node has; nothing if that is not all of them.
std::optional<std::vector<std::string>> shares(const cluster_state& s) {
  std::vector<std::string> all;
  std::size_t sum = 0;
  for (const auto& n : look_at_cluster(s).nodes) {
    if (n.state == node_state::ready) all.push_back(n.slots);
    if (n.state == node_state::ready) sum += std::strtoul(n.slots.c_str(), nullptr, 10);
  }
  return sum == persistence::slot_count ? std::optional(all) : std::nullopt;
}

/// Slots move when nodes join, which is another thing to show.
void await_rest(const cluster_state& s) {
  const auto deadline = std::chrono::steady_clock::now() + rest_within;
  std::optional<std::vector<std::string>> before;
  while (std::chrono::steady_clock::now() < deadline && !interruption()) {
    auto now = shares(s);
    if (now && now == before) return;
    before = std::move(now);
    ::poll(nullptr, 0, rest_glance_ms);
  }
}

/// A folder of its own, which goes with its owner.
class temporary_folder {
 public:
  static boost::system::result<temporary_folder, ending> make() {
    std::error_code error;
    std::string name = (fs::temp_directory_path(error) / "holdfast-demo-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      return ending{exit_code::failed, "cannot make the folder " + name + ": " + std::strerror(errno)};
    return temporary_folder(std::move(name));
  }
  temporary_folder(temporary_folder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  temporary_folder& operator=(temporary_folder&&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }

  const std::string& path() const noexcept { return path_; }

 private:
  explicit temporary_folder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

class stage_in_folder final : public demo_stage {
 public:
  explicit stage_in_folder(cluster_folder folder, std::optional<temporary_folder> temporary)
      : temporary_(std::move(temporary)), folder_(std::move(folder)) {}

  ~stage_in_folder() override {
    // Whoever interrupts has what was begun cleaned up all the same.
    ignore_interrupts();
    if (upstream_) {
      if (ours_) stop_cluster(folder_, state_);
      std::error_code ignored;
      fs::remove(folder_.file(nodes_file), ignored);
    } else if (!killed_.empty()) {
      if (const auto s = restart_part(folder_, killed_); !s) complain(s.error().words);
    }
  }

  /// Takes the cluster that is there, or starts one.
  std::optional<ending> begin(std::size_t nodes) {
    const auto there = folder_.load();
    if (!there) return there.error();
    if (*there && is_alive(**there)) {
      state_ = **there;
      await_rest(state_);
      return std::nullopt;
    }
    auto upstream = demo_upstream::start(0);
    if (!upstream) return ending{exit_code::failed, "the upstream cannot listen: " + upstream.error().detail};
    upstream_ = std::move(*upstream);
    if (auto trouble = folder_.create()) return trouble;
    const std::string config =
        "upstreams: {demo: {url: \"" + upstream_->url() + "\", eager: true}}\ndrain_timeout: 1s\n";
    if (auto trouble = folder_.write(folder_.file(nodes_file), config)) return trouble;
    up_options o;
    o.nodes = nodes;
    o.port = 0;
    o.config = folder_.file(nodes_file).string();
    auto s = start_cluster(folder_, o);
    if (!s) return s.error();
    state_ = std::move(*s);
    ours_ = true;
    await_rest(state_);
    return std::nullopt;
  }

  const cluster_state& cluster() const override { return state_; }

  bool kill(const std::string& node) override {
    // Somebody may have started it again since.
    const auto now = folder_.load();
    if (now && *now) state_ = **now;
    const auto* n = find_node(state_, node);
    if (n == nullptr || !send_signal(n->process, SIGKILL)) return false;
    killed_ = node;
    return true;
  }

  std::optional<ownership> owner_of(const std::string& session, const cluster_node& asked) const override {
    const auto said = admin_get(base_url(asked.admin), "/mcp/owner/" + session, answer_timeout);
    if (!said) return std::nullopt;
    return ownership{text_member(*said, "node"), mcp::member(*said, "here") == "true", number_member(*said, "slot")};
  }

 private:
  std::optional<temporary_folder> temporary_;
  cluster_folder folder_;
  std::unique_ptr<demo_upstream> upstream_;
  cluster_state state_;
  bool ours_ = false;
  std::string killed_;
};

}  // namespace

boost::system::result<std::unique_ptr<demo_stage>, ending> demo_stage::set(const std::string& dir, std::size_t nodes) {
  std::optional<temporary_folder> temporary;
  if (dir.empty()) {
    auto made = temporary_folder::make();
    if (!made) return made.error();
    temporary.emplace(std::move(*made));
  }
  auto folder = folder_of_cluster(temporary ? temporary->path() : dir);
  if (!folder) return folder.error();
  auto stage = std::make_unique<stage_in_folder>(std::move(*folder), std::move(temporary));
  if (auto trouble = stage->begin(nodes)) return *trouble;
  return std::unique_ptr<demo_stage>(std::move(stage));
}

}  // namespace holdfast::apps
