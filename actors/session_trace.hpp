#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::actors {

/// What one listener is shown of a session's messages: bounded in number and by the second. The session's thread only.
class session_trace {
 public:
  // Reasons for which nothing more comes, here or elsewhere:
  static constexpr const char* ended = "the session has ended";
  static constexpr const char* refused = "too many listen to it already";

  enum class place : std::uint8_t { client, session, upstream };
  struct limits {
    std::uint64_t max = 1'000, rate = 100;
    bool bodies = false;
  };
  /// Takes a whole event of an event stream, on any thread.
  using sink = std::function<void(std::string event)>;

  /// `id` is the listener's, `node` where this happens.
  session_trace(std::uint64_t id, std::string node, limits l, sink to);
  /// Tells the listener why nothing more comes from here.
  ~session_trace();

  std::uint64_t id() const noexcept { return id_; }
  /// True once it has shown all it may.
  bool over() const noexcept { return shown_ >= limits_.max; }
  void note(place from, place to, std::string_view json, std::string_view upstream, std::string_view execution);
  void set_reason(std::string why) { reason_ = std::move(why); }

 private:
  using clock = std::chrono::steady_clock;
  bool admits(clock::time_point now);

  const std::uint64_t id_;
  const std::string node_;
  const limits limits_;
  const sink to_;
  std::string reason_ = "gone";
  std::uint64_t shown_ = 0, dropped_ = 0, in_second_ = 0;
  clock::time_point second_;
  std::map<std::string, clock::time_point> requests_;  // by way and id
};

/// All listeners of a session.
struct session_traces {
  static constexpr std::size_t max = 4;
  std::vector<std::shared_ptr<session_trace>> all;
};

/// The text with *** for every value under a name that sounds like a secret.
std::string without_secrets(std::string_view json);

}  // namespace holdfast::actors
