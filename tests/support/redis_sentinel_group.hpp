#pragma once

#include <chrono>
#include <csignal>
#include <cstddef>
#include <list>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/redis_server.hpp"

namespace holdfast::tests {

/// Waits for something that other processes do.
template <class Done>
void wait_for(const char* what, Done done) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error(std::string("waited in vain: ") + what);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

/// A master "main", its replica and three sentinels, all that notice quickly what happens. Gone with its owner.
class redis_sentinel_group {
 public:
  explicit redis_sentinel_group(const std::string& password = "", const std::string& sentinel_password = "")
      : first({.password = password}), second({.password = password, .replica_of = first.port()}) {
    std::signal(SIGPIPE, SIG_IGN);  // the reader of a command beside the store may be gone
    std::vector<std::string> lines{
        "sentinel monitor main 127.0.0.1 " + std::to_string(first.port()) + " 2",
        "sentinel down-after-milliseconds main 500",
        "sentinel failover-timeout main 2000",
    };
    if (!password.empty()) lines.push_back("sentinel auth-pass main " + password);
    if (!sentinel_password.empty()) lines.push_back("requirepass " + sentinel_password);
    for (int i = 0; i < 3; ++i) sentinels.emplace_back(redis_setup{.password = sentinel_password, .sentinel = lines});
    set("INFO-PERIOD", "200");
    set("PING-PERIOD", "200");
    set("PUBLISH-PERIOD", "200");
    wait_for("the sentinels to know each other", [&] {
      for (auto& s : sentinels)
        if (about(s, "num-other-sentinels") != "2" || about(s, "num-slaves") != "1") return false;
      return true;
    });
    // What they hear of a failover, they must hear before they take the promoted replica for one that went astray: that
    // takes them four such periods.
    set("PUBLISH-PERIOD", "1000");
    wait_for("the replica to follow", [&] {
      return first.command({"INFO", "replication"}).find("state=online") != std::string::npos;
    });
  }

  std::string url(const std::string& who = "") const {
    std::string hosts;
    for (const auto& s : sentinels) hosts += (hosts.empty() ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(s.port());
    return "redis+sentinel://" + who + hosts + "/main";
  }

  /// One line of what a sentinel says about the master.
  static std::string about(redis_server& sentinel, const std::string& what) {
    const auto all = "\n" + sentinel.command({"SENTINEL", "MASTER", "main"}) + "\n";
    const auto at = all.find("\n" + what + "\n");
    if (at == all.npos) return "";
    const auto begin = at + what.size() + 2;
    return all.substr(begin, all.find('\n', begin) - begin);
  }

  void set(const std::string& what, const std::string& milliseconds) {
    for (auto& s : sentinels)
      if (s.command({"SENTINEL", "DEBUG", what, milliseconds}) != "OK") throw std::runtime_error("SENTINEL DEBUG");
  }

  redis_server first, second;
  std::list<redis_server> sentinels;
};

}  // namespace holdfast::tests
