#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// When another node counts as dead: a pure machine. It is suspected when its connection broke and a beat is missing,
/// or when it has been silent for too long; it is dead when none of the others hears it either. One of those who does
/// not answer says nothing: he is asked again, unless he is overdue himself. An observer that was not running for a
/// while knows nothing of that while; one that hears less than half of the others waits once more.
namespace holdfast::actors::machines::detector {

using time_point = std::chrono::steady_clock::time_point;
using milliseconds = std::chrono::milliseconds;

struct policy {
  milliseconds beat{100};      ///< between two beats, and between two looks
  milliseconds missing{150};   ///< without a beat for so long after the connection broke
  milliseconds silence{1000};  ///< without a beat for so long whatever the connection says
  milliseconds starved{300};   ///< a look that comes so much too late says that the observer had no processor
  milliseconds again{500};     ///< between two questions to the others about one that only they hear
};

struct peer {
  time_point heard;
  bool broken = false;              ///< its connection is; not since it was heard
  std::optional<time_point> asked;  ///< the others were, about it
  bool elsewhere = false;           ///< they hear it: requests for it go through them
  bool dead = false;                ///< was declared so; not since somebody heard it
  bool operator==(const peer&) const = default;
};

struct state {
  time_point looked;
  std::map<std::string, peer> peers;  ///< by incarnation
  bool operator==(const state&) const = default;
};

/// The members but oneself, in a new view. Who is new counts as heard just now.
struct members_changed {
  std::vector<std::string> incarnations;
};
struct heard {
  std::string incarnation;
};
struct connection_broke {
  std::string incarnation;
};
/// What the others say: whether one of them has heard it since it was last heard here, and who of them did not answer.
struct others_said {
  std::string incarnation;
  bool hear_it;
  std::vector<std::string> mute;
};
struct look {};
using event = std::variant<members_changed, heard, connection_broke, others_said, look>;

/// Ask all others; `others_said` has to follow in any case.
struct ask_others {
  std::string incarnation;
  bool operator==(const ask_others&) const = default;
};
struct declare_dead {
  std::string incarnation;
  bool again = false;  ///< nothing has come of it yet
  bool operator==(const declare_dead&) const = default;
};
/// This process has not run for a while, and may itself have been declared dead.
struct was_starved {
  milliseconds late;
  bool operator==(const was_starved&) const = default;
};
using effect = std::variant<ask_others, declare_dead, was_starved>;

struct step {
  state next;
  std::vector<effect> todo;
};

step advance(state from, const event& what, time_point now, const policy& p);

}  // namespace holdfast::actors::machines::detector
